/* What is said on the wire, as the hub sees it: a table of encoders that dialect/ fills. */
#ifndef HUB_DIALECT_H
#define HUB_DIALECT_H

#include "hub/identity.h"
#include "hub/request.h"
#include "wire/frame.h"

struct conn;
struct hub;
struct rendering;
struct seat;

enum { DIALECTS_MAX = 4 };

/* Whose seat it is: one session can hold one seat in a channel. */
struct seat_key {
    uint64_t session;
    uint64_t worker;
};

/* A message as it goes out. Borrowed for the call. */
struct publication {
    struct slice channel;
    struct slice data;          /* JSON without raw newlines */
    const struct identity *who; /* NULL unless a client published it ... */
    struct seat_key from;       /* ... by this session */
    uint64_t offset;            /* 0 without history */
    uint32_t seers;             /* which views have it, a bit each: for the hub ... */
    struct rendering *rendering; /* ... and by those with a hook, or NULL */
};

struct dialect {
    unsigned index; /* below DIALECTS_MAX; its place in hub_options.dialects */
    /* One frame with one or more publications of one channel, made once and shared by all who
     * listen in this dialect. */
    struct frame *(*publications)(struct hub *hub, const struct publication *first,
                                  unsigned count);
    /* The others append to conn->replies, which `seal` turns into one frame (or NULL when empty).
     */
    void (*answer)(struct conn *conn, uint64_t tag, const struct answer *answer);
    void (*unsubscribed)(struct conn *conn, struct slice channel, int code, struct slice reason);
    void (*message)(struct conn *conn, struct slice data);
    struct frame *(*skipped)(struct slice channel,
                             uint32_t messages); /* it was slow: so many are missing from here on */
    void (*ping)(struct conn *conn);
    struct frame *(*seal)(struct conn *conn);
    struct frame *(*goodbye)(int code, const char *reason); /* the last frame of a connection */
};

#endif
