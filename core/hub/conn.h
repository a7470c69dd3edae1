/* The way out to one peer: what waits for it, and the wish to end it. */
#ifndef HUB_CONN_H
#define HUB_CONN_H

#include "base/error.h"
#include "hub/dialect.h"
#include "wire/outbox.h"

struct hub;
struct session;

/* What net/ does for the hub. */
struct transport {
    /* Something waits or the end is wished: called once, then not again before the connection was
     * flushed. */
    void (*wake)(struct conn *conn);
    /* The outbox is full: sends now what the peer takes, if it takes anything. */
    void (*relieve)(struct conn *conn);
    /* Too much of what the peer asked for is under way: nothing more is read from it until told
     * otherwise. */
    void (*throttle)(struct conn *conn, bool is_on);
};

/* Embedded in net's stream, which inits and finishes it. */
struct conn {
    struct hub *hub;
    const struct transport *transport;
    const struct dialect *dialect; /* NULL while it speaks plain HTTP */
    struct session *session;       /* NULL but for dialects */
    struct outbox out;
    struct buf replies; /* what the dialect said in this turn and is no frame yet */
    bool replies_lead;  /* and what is published from now on comes after it */
    int closing;        /* not 0: nothing more is pushed, the connection ends after its outbox */
    char *close_reason; /* owned; NULL: the code's own text */
    bool is_awake;
};

void conn_init(struct conn *conn, struct hub *hub, const struct transport *transport);
void conn_finish(struct conn *conn);

/* A frame for this peer, keeping its own reference. What was said before goes first. A peer over
 * its limits is marked for closing as slow. Nothing happens once it is closing. */
void conn_push(struct conn *conn, struct frame *frame);
/* The same for what was published: answers of this turn come after it, so that who publishes to a
 * channel it is in sees the message before the answer; but the answer to a subscribe comes before.
 * `topic`: the audience's number. */
void conn_deliver(struct conn *conn, struct frame *frame, uint32_t topic);
/* The dialect has appended to conn->replies. */
void conn_said(struct conn *conn);
/* A wish: the peer gets its code and reason at the end of the turn, the session ends there. First
 * one wins. A NULL reason is the code's own text. */
void conn_close(struct conn *conn, int code, const char *reason);

/* What the end is told with; only while `closing` is set. Borrowed. */
const char *conn_reason(const struct conn *conn);

/* The peer takes nothing: marks it for closing if its oldest message has waited too long. Returns
 * how many ms are left until that is so, 0 when it is. */
uint32_t conn_check_age(struct conn *conn);

/* Whether half of what may wait for the peer waits. */
bool conn_is_half_full(const struct conn *conn);

/* For net/flush: makes a frame of what was said; the next wish wakes it again. */
void conn_seal(struct conn *conn);

#endif
