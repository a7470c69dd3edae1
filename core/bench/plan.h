/* What a run is to do: filled from the command line, not changed while it runs. */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include "bench/protocol.h"
#include "bench/stamp.h"
#include "bench/target.h"

enum pace {
    PACE_WINDOW, /* a publish waits until all but window - 1 of those before have come everywhere */
    PACE_RATE, /* so many a second, whether answers come or not: latency counts from when it was due
                */
    PACE_PING_PONG, /* each connection publishes and waits for its own message */
    PACE_HOLD,      /* nothing is published: what does a connection cost that is idle? */
};

enum {
    SUBSCRIBERS_MAX = 200000,
    CHANNELS_MAX = 1 << 20,
    PUBLISHERS_MAX = 10000,
    WINDOW_MAX = 100000,
    LEDGERS_MAX = 1 << 25, /* a subscriber has one for each publisher of its channel */
    SECONDS_MAX = 86400,
    MESSAGE_BYTES_MAX = 8 << 20,
    CHANNEL_NAME_MAX = 256,
};

/* Owned by the command; texts are borrowed. */
struct plan {
    const struct protocol *protocol;
    struct target target, publish_target;
    bool is_sse, is_posting;
    unsigned subscribers, channels, publishers;
    enum pace pace;
    unsigned window, burst; /* burst: a publisher waits until so many fit */
    double rate;            /* messages a second, in all channels together */
    bool is_from_sent;      /* latency: not from when a message was due */
    double seconds, warm_up_s;
    struct slice channel; /* {n} in it is the channel's number */
    struct slice form;    /* see struct publication */
    struct slice message; /* with STAMP_LEN bytes at stamp_at that each message overwrites */
    size_t stamp_at;
    size_t padding;       /* bytes behind the stamp that come back unchanged, wherever it is put */
    struct slice *tokens; /* connections take turns; none: token_count is 0 */
    unsigned token_count;
    const char *as;      /* who to be where the server takes everybody's word; NULL: nobody */
    const char *api_key; /* "": none */
    const char *ca_file; /* NULL: the system's */
    bool is_trusting;
    int pid; /* of the server, whose children count too; 0: not measured */
};

/* Connections that do nothing but publish. */
static inline unsigned plan_publishers(const struct plan *plan)
{
    return plan->pace == PACE_WINDOW || plan->pace == PACE_RATE ? plan->publishers : 0;
}

/* How many of them publish in the same channel, at most; at least 1. */
static inline unsigned plan_crowd(const struct plan *plan)
{
    unsigned publishers = plan_publishers(plan);
    return publishers > plan->channels ? (publishers + plan->channels - 1) / plan->channels : 1;
}

#endif
