/* Bodies of HTTP/1.1 requests on their way in, by Content-Length or chunked: a strict decoder. */
#ifndef WIRE_BODY_H
#define WIRE_BODY_H

#include "wire/http.h"

/* Bytes of the line with the size of a chunk, extensions included, and of all trailers together
 * with their line ends: 400 and 431 over them. */
enum { HTTP_CHUNK_LINE_MAX = 256, HTTP_TRAILERS_BYTES_MAX = 4096 };

/* Embedded in the connection; owns nothing. */
struct http_body {
    uint64_t left;  /* of the length or of the current chunk */
    uint64_t total; /* decoded so far */
    uint64_t limit; /* over it: 413 */
    unsigned state; /* private */
    unsigned line;  /* private: bytes of the current chunk line or of the trailers */
};

/* False and *refusal when the announced length is over the limit. */
bool http_body_init(struct http_body *body, const struct http_head *head, uint64_t limit,
                    struct http_refusal *refusal);

/* Takes bytes from `in`: *used of them, appends the decoded ones to out. HTTP_DONE when the body is
 * complete (at once for a request without one); bytes after it stay unused. Chunk extensions and
 * trailers are checked for control bytes and ignored. After HTTP_BAD it takes nothing more. */
enum http_step http_body_read(struct http_body *body, struct slice in, size_t *used,
                              struct buf *out, struct http_refusal *refusal);

#endif
