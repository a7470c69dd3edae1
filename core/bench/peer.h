/* One connection to the server: from bytes, through TLS and HTTP, to whole texts, and back. */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include "base/buf.h"
#include "base/error.h"
#include "bench/ledger.h"
#include "bench/replies.h"
#include "bench/target.h"
#include "bench/tls.h"
#include "wire/websocket.h"

#include <sys/socket.h>

enum carrier {
    CARRIER_WEBSOCKET,
    CARRIER_EVENTS, /* an event stream: it only listens */
    CARRIER_POST,   /* one request a text, one at a time, over one connection */
    CARRIER_TCP,
};

struct peer;

/* What a peer tells; static. After lost() nothing more is told. */
struct peer_events {
    void (*opened)(struct peer *peer);
    void (*heard)(struct peer *peer, struct slice said);
    /* A POST was answered with a status of no success. */
    void (*refused)(struct peer *peer, const struct error *why);
    void (*lost)(struct peer *peer, const struct error *why);
};

/* Where a kind of peer connects to, and what they share; owned by the run. */
struct hall {
    const struct target *target;
    struct sockaddr_storage address;
    socklen_t address_len;
    enum carrier carrier;
    struct slice fields;               /* more of the request's head, each line ended; or absent */
    enum ws_opcode opcode;             /* of what is said */
    size_t (*cut)(struct slice bytes); /* see struct protocol */
    struct tls_client *tls;            /* NULL: none */
    const struct peer_events *events;
    void *owner;
    int epoll;
    struct buf scratch; /* what was read, while it is looked at: `room` is all that is used */
};

enum peer_state { PEER_NEW, PEER_CONNECTING, PEER_ASKING, PEER_OPEN, PEER_LOST };

/* Owned by the run; all zeroes plus peer_init. */
struct peer {
    struct hall *hall;
    int fd;
    enum peer_state state;
    bool is_watching_write, is_chunked, is_asked; /* asked: a POST is not yet answered */
    struct tls_link *tls;
    struct chunks chunks;
    struct buf out; /* of which `sent` bytes have gone */
    size_t sent;
    struct buf rest;  /* bytes of something that is not all there */
    struct buf piece; /* of a message in several frames */
    uint64_t bytes_in;

    /* The run's own. */
    bool is_publisher, is_ready;
    unsigned number, channel, step;
    uint64_t published;
    struct ledger *ledgers; /* the run's: one for each lane of its channel */
    char *pong;             /* what answers a ping of its event stream; NULL: nothing does */
};

void peer_init(struct peer *peer, struct hall *hall, unsigned number);
void peer_finish(struct peer *peer);

/* Begins to connect; `path` is of the request and is not looked at later. What goes wrong is told
 * by lost(), from here too. */
void peer_connect(struct peer *peer, const char *path);
/* What epoll told about it. */
void peer_handle(struct peer *peer, uint32_t events);
/* Appends one text to what goes out: a frame, a request, bytes. peer_flush sends it. */
void peer_say(struct peer *peer, struct slice text);
void peer_post(struct peer *peer, const char *path, struct slice body);
void peer_flush(struct peer *peer);
/* Much is waiting to go out, or an answer is. */
bool peer_is_busy(const struct peer *peer);

#endif
