/* Asks other servers over HTTP: the client of one worker, on its loop. */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include "base/error.h"
#include "loop/timer.h"

/* Owned by its worker's thread. Connections are kept and used again; HTTP/1.1; certificates are
 * checked; cookies, .netrc and proxies of the environment are not looked at. What is sent and
 * received is bounded. */
struct fetch;

/* Used where an option is 0. */
enum {
    FETCH_AT_ONCE = 64, /* requests on their way; as many connections are kept for the next ones */
    FETCH_QUEUE = 1024, /* further ones, which wait for their turn */
    FETCH_QUEUE_BYTES = 16 << 20, /* of the bodies of those that wait */
    FETCH_CONNECT_MS = 3000,
    FETCH_TIMEOUT_MS = 10000,
    FETCH_REQUEST_MAX = 1 << 20,  /* bytes of a request's body */
    FETCH_RESPONSE_MAX = 1 << 20, /* bytes of a response's body */
};
/* Not for choosing. */
enum {
    FETCH_URL_MAX = 8192,
    FETCH_HEADERS_MAX = 100, /* fields of a request */
    /* Of a response's head, those before it included; of a request's fields. */
    FETCH_HEADER_BYTES_MAX = 65536,
    FETCH_REDIRECTS_MAX = 10,
};

/* Copied by fetch_create. */
struct fetch_options {
    const char *allow;   /* hosts that may be called, see fetch/allow.h; NULL: none */
    const char *ca_file; /* certificates (PEM) that are trusted beside the system's; NULL: none */
    bool uses_environment_proxy;
    unsigned at_once, queue, connect_ms, timeout_ms;
    size_t queue_bytes, request_max, response_max;
};

/* NULL and err: the list of hosts or the file of certificates is not right. Loop and timers outlive
 * it. */
struct fetch *fetch_create(struct loop *loop, struct timers *timers,
                           const struct fetch_options *options, struct error *err);
/* NULL is fine. What is on its way ends with NOT_AVAILABLE: each `done` is called in here, and what
 * it starts then is not begun. Not from a `done`. */
void fetch_destroy(struct fetch *fetch);

struct fetch_header {
    struct slice name, value;
};

/* Borrowed during fetch_start; zero fields take the client's options, which `timeout_ms` may exceed
 * and `response_max` may not. */
struct fetch_request {
    struct slice method; /* empty: GET, or POST where there is a body */
    struct slice url;    /* http or https, with a host on the list; without user and password */
    struct slice body;   /* absent: none. An empty one is a body */
    const struct fetch_header *headers;
    size_t header_count;
    unsigned
        timeout_ms; /* from fetch_start to the last byte; waiting and redirects are part of it */
    unsigned connect_ms; /* of it, until a connection is there */
    size_t response_max;
    unsigned redirects; /* how many are followed; 0: an answer that redirects is the answer */
};

/* Borrowed until `done` returns. Names of headers are in lower case. */
struct fetch_answer {
    unsigned status;
    const struct fetch_header *headers;
    size_t header_count;
    struct slice body;
    struct slice url; /* that answered in the end */
};

struct fetch_call;

/* `done` is called exactly once, from the loop, never inside fetch_start: with an answer of any
 * status and a NULL err, or with a NULL answer and BAD_REQUEST         the request is none we send
 * PERMISSION_DENIED  its host is not on the list OVERLOADED          too many wait already
 * TOO_LARGE          the answer is over its limit TIMED_OUT           connecting or all of it
 * UPSTREAM           no, or no whole, HTTP answer NOT_AVAILABLE       the client is destroyed whose
 * text names method, scheme, host and port, but neither path nor query, which may hold secrets. It
 * may start and cancel calls. A redirect is followed where its host is on the list, never from
 * https to http; to another host, port or scheme only headers go that say nothing secret (accept,
 * accept-language, content-type, user-agent).
 *
 * The call is for fetch_cancel only, and gone once done is called. NULL: the client is being
 * destroyed, and done is not called. A request of any method may be sent twice where a kept
 * connection ends before any answer. */
struct fetch_call *fetch_start(struct fetch *fetch, const struct fetch_request *request,
                               void (*done)(void *context, const struct fetch_answer *answer,
                                            const struct error *err),
                               void *context);
/* Not done, and done is never called. NULL is fine. */
void fetch_cancel(struct fetch_call *call);

/* Since the client's beginning; the first two are now. */
struct fetch_counts {
    uint64_t on_their_way, waiting;
    uint64_t answered; /* with any status */
    uint64_t failed;   /* UPSTREAM */
    uint64_t timed_out;
    uint64_t too_large;
    uint64_t not_allowed; /* PERMISSION_DENIED, of redirects too */
    uint64_t overloaded;
    uint64_t connections; /* opened */
};
const struct fetch_counts *fetch_counts(
    const struct fetch *fetch); /* borrowed; of the client's thread */

#endif
