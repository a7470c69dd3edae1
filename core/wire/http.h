/* HTTP/1.1 requests from strangers: a strict parser of their heads (RFC 9112). */
#ifndef WIRE_HTTP_H
#define WIRE_HTTP_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdint.h>

enum { HTTP_FIELDS_MAX = 100, HTTP_HEAD_BYTES_MAX = 24 * 1024 };

enum http_step { HTTP_MORE, HTTP_DONE, HTTP_BAD };

/* Why a request is refused: the status to answer with before closing, and a sentence (static). */
struct http_refusal {
    int status;
    const char *why;
};

struct http_field {
    struct slice name, value; /* value without whitespace around it */
};

/* A parsed head: slices into the bytes that were given to http_parse. */
struct http_head {
    struct slice method, target;
    struct slice path, query; /* of the target, still percent-encoded; query without the '?' */
    struct slice host;
    struct http_field fields[HTTP_FIELDS_MAX];
    unsigned field_count;
    int minor;          /* HTTP/1.x */
    bool keep_alive;    /* by version and Connection */
    bool is_chunked;
    bool has_length;
    bool expects_continue;
    uint64_t length;
};

/* Reads a head from the start of `in`. HTTP_DONE: *used is its length with the empty line. HTTP_MORE:
 * not complete yet and within limits. HTTP_BAD: answer *refusal and close. Strict: request line of three
 * parts with single spaces, HTTP/1.0 or 1.1, origin-form (or absolute-form, or `*` for OPTIONS) target
 * without control bytes or fragments; CRLF line ends only; no obs-fold; token names; no control bytes in
 * values; exactly one Host on 1.1; at most one all-digit Content-Length; Transfer-Encoding `chunked` alone,
 * on 1.1, never beside Content-Length; 400, 413, 414, 417, 431, 501, 505. An empty line (CRLF) before the
 * request line is skipped once. Costs a constant times the bytes: call it again with more. */
enum http_step http_parse(struct slice in, struct http_head *head, size_t *used,
                          struct http_refusal *refusal);

/* The value of the field of that name (any case), NULL when absent; the first one if repeated. */
const struct slice *http_find(const struct http_head *head, const char *name);
/* Whether a comma-separated field holds that token (any case), over all its lines. */
bool http_has_token(const struct http_head *head, const char *name, const char *token);
/* A parameter of the query string, percent-decoded and with '+' as space, appended to out. */
bool http_query(struct slice query, const char *name, struct buf *out);

/* What a WebSocket upgrade carries. False: not acceptable, answer *refusal (GET, HTTP/1.1, Upgrade:
 * websocket, Connection: upgrade, version 13 else 426, a key of 16 bytes in base64, no body). */
struct http_upgrade {
    struct slice key;       /* borrowed from the head */
    struct slice protocols; /* Sec-WebSocket-Protocol, "" when none */
};
bool http_wants_upgrade(const struct http_head *head); /* asks for websocket, well or badly */
bool http_check_upgrade(const struct http_head *head, struct http_upgrade *upgrade,
                        struct http_refusal *refusal);

const char *http_status_text(int status); /* "Not Found" */

#endif
