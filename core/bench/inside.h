/* What run, pace and receive share of one run. Nobody else includes this. */
#ifndef BENCH_INSIDE_H
#define BENCH_INSIDE_H

#include "base/clock.h"
#include "base/memory.h"
#include "bench/peer.h"
#include "bench/run.h"

/* What one publisher says in one channel. Only within a lane messages have an order: a server may
 * take what two connections say in any. With fewer publishers than channels each has many lanes. */
struct lane {
    uint64_t published; /* the number of the next message */
    unsigned channel, listeners;
    unsigned turn;               /* of its channel's lanes it is this one, from 0 */
    char name[CHANNEL_NAME_MAX]; /* of the channel */
};

/* Answers the pings of event streams, whose listeners cannot. Connects when the first one comes,
 * and again when the server has hung up. */
struct ponger {
    struct hall hall;
    struct peer peer; /* its hall is NULL before that */
    struct buf owed;  /* struct peer *, in turn; the first until it is answered */
    bool may_retry;   /* there is news since it connected: a debt, an answer */
};

/* Lives on the stack of run_plan. */
struct run {
    const struct plan *plan;
    const struct run_watch *watch;
    struct result *result;
    struct hall listen, speak; /* subscribers' and publishers' */
    struct ponger ponger;
    struct tls_client *tls;
    struct peer *subscribers, *publishers;
    struct lane *lanes;     /* as many as there are channels or publishers, whatever is more */
    struct ledger *ledgers; /* each subscriber's, for the lanes of its channel */
    unsigned lane_count;
    unsigned publisher_count, wanted;
    unsigned ready, ready_publishers; /* of those connected; publishers among them */
    int epoll, signals;
    uint32_t number; /* of this run, in every stamp */

    bool is_counting, is_over; /* over: nothing is published any more */
    bool is_blocked;           /* messages are due, and no publisher can take one */
    bool is_broken;            /* why is in `broken`; the loop ends */
    struct error broken;

    uint64_t now_ns;             /* when epoll last answered */
    uint64_t expected, received; /* copies */
    uint64_t written_off;        /* copies that the window does not wait for any more */
    uint64_t last_receipt_ns;
    uint64_t published;
    uint64_t began_ns; /* publishing began */
    unsigned next_lane;
    struct buf message, text; /* what is published, and how it is said */
    struct answer answer;
};

/* ---- pace ---- */
void pace_begin(struct run *run);
/* Publishes what is due now. */
void pace_turn(struct run *run);
/* How long nothing will be due, if nothing comes in. */
uint64_t pace_rest_ns(const struct run *run);
/* In ping-pong: the peer's own message has come back. */
void pace_pong(struct run *run, struct peer *peer);

/* ---- pong ---- */
void pong_owe(struct run *run, struct peer *peer); /* its event stream was pinged */
/* At the end of a turn, when nothing is told about an old connection any more: a new one. */
void pong_turn(struct run *run);
void pong_finish(struct run *run);

/* ---- receive ---- */
void receive_text(struct peer *peer, struct slice said);
void receive_opened(struct peer *peer);
void receive_refused(struct peer *peer, const struct error *why);
void receive_lost(struct peer *peer, const struct error *why);

#endif
