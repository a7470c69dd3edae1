/* One request to a running server, and its answer: blocking, by HTTP or HTTPS, bounded in time and size.
 */
#ifndef MAIN_HTTP_CLIENT_H
#define MAIN_HTTP_CLIENT_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "config/address.h"

enum { HTTP_REPLY_BYTES_MAX = 4 << 20 };

struct http_call {
    struct address to;
    const char *tls_cert; /* "": plain; else HTTPS, with a server that shows this file's certificate */
    const char *path;
    const char *api_key; /* visible ASCII; "": none is sent */
    struct slice body;   /* JSON */
    unsigned timeout_ms; /* for all of it */
};

struct http_reply {
    int status;
    struct buf body; /* owned; http_reply_finish frees it */
};

/* False and err: nobody listens there, it took too long, or what answered does not speak HTTP.
 * http_reply_finish is right in both cases. */
bool http_post(const struct http_call *call, struct http_reply *reply, struct error *err);
void http_reply_finish(struct http_reply *reply);

#endif
