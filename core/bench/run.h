/* One run: everybody connects, messages flow and are counted, the last ones are waited for. */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include "bench/histogram.h"
#include "bench/plan.h"
#include "bench/process.h"

/* What is counted from the beginning to the end: a message counts wherever it comes. */
struct faults {
    uint64_t missing;      /* copies that have not come to a subscriber */
    uint64_t out_of_order; /* came after a later one */
    uint64_t doubled;
    uint64_t misrouted; /* of another channel */
    uint64_t damaged;   /* not as they were sent */
    uint64_t refused;   /* publishes the server did not take */
    unsigned lost;      /* connections that ended */
};

struct result {
    double connect_s;
    double seconds; /* that were counted */
    uint64_t deliveries, publishes, bytes;
    struct histogram latency; /* ns */
    struct faults faults;
    struct error why; /* the first reason why something was lost or refused; code 0: nothing was */
    bool is_interrupted;
    double own_cpu_s; /* ours, in the time that was counted */
    /* With a pid: before anybody connected, when all were there, at the end; CPU in the time
     * counted. */
    struct usage before, connected, end;
    double server_cpu_s;
    bool is_measured; /* there is a pid, and it was there to the end */
};

/* How it stands, some times a second. */
struct progress {
    unsigned connected, wanted; /* equal: all are there */
    double seconds;             /* of the counted time */
    double deliveries_per_s;    /* since the last time */
    uint64_t deliveries, missing;
    double p50_us, p99_us;
};
struct run_watch {
    void (*tell)(void *owner, const struct progress *progress); /* NULL: nobody looks */
    void *owner;
};

/* True: it ran to its end, or SIGINT or SIGTERM ended it early; what was lost is in the result.
 * False and err: not everybody could connect, or the plan cannot be done here. */
bool run_plan(const struct plan *plan, const struct run_watch *watch, struct result *result,
              struct error *err);

/* Was everything as it should be? */
bool result_is_good(const struct result *result);

#endif
