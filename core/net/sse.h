/* Event streams: answers that go on, and commands that come by other requests. */
#ifndef NET_SSE_H
#define NET_SSE_H

#include "hub/hub.h"
#include "net/http.h"

/* Commands for a stream, on their way to its worker. Owned by whoever has it; given back by `done`,
 * once. */
struct parcel {
    struct mail mail;     /* its maker's */
    struct parcel *next;  /* private to the stream it waits for */
    struct slice session; /* what the session must show */
    struct slice commands;
    size_t heard; /* of the commands */
    /* Called on the stream's worker; `status` says what has become of it: 204 heard, or of no use
     * since the stream ends; 404 no such session; 503 too much waits already. */
    void (*done)(struct hub *hub, struct parcel *parcel);
    int status;
    void *context;   /* its maker's */
    unsigned origin; /* its maker's: the worker it came from */
    char bytes[];    /* the slices' */
};

struct parcel *sse_create_parcel(struct slice session, struct slice commands); /* copies both */
/* On the stream's worker: its commands are heard in the order in which parcels came, now or later.
 */
void sse_take(struct hub *hub, struct parcel *parcel);

/* GET /connection/sse?cf_connect=COMMANDS, or POST with the commands as body: answers, well or with
 * a refusal. */
void sse_open(const struct exchange *exchange);

#endif
