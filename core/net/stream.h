/* One connection's bytes, in and out, plain or TLS. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "hub/conn.h"
#include "loop/timer.h"
#include "net/net.h"

#include <sys/types.h>

struct lws;
struct ssl_st;
struct stream;

/* What a connection speaks: HTTP first, perhaps something else after an upgrade. */
struct protocol {
    /* Bytes have come; they are the callee's to scribble on until it returns. */
    void (*received)(struct stream *stream, char *bytes, size_t len);
    /* conn->closing is set: says goodbye through the outbox. Once, at the end of a turn. */
    void (*say_goodbye)(struct stream *stream);
    void (*timed_out)(struct stream *stream);
    /* Frees stream->state; the peer has gone or something else is spoken from now on. */
    void (*finish)(struct stream *stream);
};

/* Owned by libwebsockets' connection: made when it is adopted, destroyed when it closes. */
struct stream {
    struct conn conn; /* first: the hub knows the rest as this */
    struct net *net;
    struct lws *wsi;
    struct ssl_st *ssl; /* NULL in plain text */
    int fd;
    const struct protocol *protocol;
    void *state; /* the protocol's */
    struct stream *next, *prev;             /* of the net's open streams */
    struct stream *next_awake, *prev_awake; /* of those to flush at the end of the turn */
    struct timer timer;                     /* the protocol's; after the end, the linger's */
    struct timer patience;                  /* while it is blocked: how long what waits may wait */
    bool is_heard;    /* its first bytes have come */
    bool is_writing;  /* is in net/flush's batch: its bytes must stay where they are */
    bool is_blocked;  /* the kernel takes no more: waits to be writable */
    bool is_ending;   /* its last frame is in the outbox or gone: what still comes is thrown away */
    bool is_over;     /* the frame after which the connection ends has gone */
    bool is_shut;     /* and the peer has been told by the end of the stream */
    bool is_dead;     /* is to be closed at the end of this turn */
    unsigned throttled; /* bits of enum throttle: nothing is read while there is any */
    char ip[46];
};

/* The end after what waits in the outbox: nothing more is read as the protocol's. */
void stream_end(struct stream *stream);
/* The end now, that is, at the end of this turn: for peers that cannot be reached. */
void stream_kill(struct stream *stream);
/* Closes and frees a killed one. For net/flush alone, outside of libwebsockets' callbacks. */
void stream_bury(struct stream *stream);
/* Why nothing is read for a while. */
enum throttle {
    THROTTLE_HTTP = 1,  /* requests come faster than answers */
    THROTTLE_HUB = 2,   /* too much of what it asked for is under way */
    THROTTLE_TURN = 4,  /* it has had its share of this turn */
};
void stream_throttle(struct stream *stream, enum throttle why, bool is_on);
void stream_start_timer(struct stream *stream, unsigned ms); /* the protocol's timed_out */
void stream_stop_timer(struct stream *stream);
/* Changes what is spoken; the old protocol's state is finished. */
void stream_speak(struct stream *stream, const struct protocol *protocol, void *state);
/* Appends bytes or a frame, whatever the limits: for protocols' own answers. Takes the caller's reference. */
void stream_put(struct stream *stream, struct frame *frame);
/* Sends what the socket takes. */
void stream_send(struct stream *stream);
/* For net/flush, which sends for many at once: whether there is something to send and the socket may take it ... */
bool stream_can_send(const struct stream *stream);
/* ... and what came of it: bytes taken of `len`, 0 when the socket is full, negative when the peer cannot be reached. */
void stream_sent(struct stream *stream, ssize_t sent, size_t len);

#endif
