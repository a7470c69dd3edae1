/* The HTTP side of a connection: requests in, one after another, answers out. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "net/stream.h"
#include "wire/body.h"
#include "wire/http.h"

/* One request that is complete. Borrowed while it is handled. */
struct exchange {
    struct stream *stream;
    const struct http_head *head;
    struct slice body;
};

/* What is answered. `headers` is raw lines, each ended by CRLF, or NULL. A type of NULL means no body's type. */
struct response {
    int status;
    const char *type;
    struct slice body;
    const char *headers;
};

void http_begin(struct stream *stream); /* a new connection speaks HTTP */
/* Answers the request being handled, now or later; then the next one's turn comes. */
void http_respond(struct stream *stream, const struct response *response);
/* The same with "{status} {reason}: {why}" as text. */
void http_refuse(struct stream *stream, int status, const char *why, const char *headers);
/* The request is answered later, by http_respond; *abandon is called with the context if the peer goes first. */
void http_defer(struct stream *stream, void (*abandon)(void *context), void *context);
/* Answers 101 and speaks something else from here on; bytes that came behind the head are its first. */
void http_upgrade(struct stream *stream, struct slice head, const struct protocol *protocol, void *state);

#endif
