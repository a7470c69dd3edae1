/* How often something may be done, and counted for whom: "5/10s per user". */
#ifndef RULE_RATE_H
#define RULE_RATE_H

#include "base/error.h"
#include "base/slice.h"

#include <stdint.h>

enum rate_scope { RATE_USER, RATE_IP, RATE_CONNECTION, RATE_CHANNEL, RATE_CLAIM };

/* One is worth a us at least, and none is remembered for longer than that time. */
enum { RATE_COUNT_MAX = 1000000, RATE_PER_MS_MAX = 1000, RATE_DAYS_MAX = 365 };

/* Immutable. The text it was made from is kept for messages. */
struct rate {
    unsigned count; /* so many in ... */
    uint64_t ms;    /* ... this time; as many at once when nothing was done before */
    enum rate_scope scope;
    char *claim;          /* RATE_CLAIM: its path, as json_find_path() takes it; owned */
    unsigned claim_parts; /* how many names it has */
    char *text;           /* owned */
};

/* The language:  COUNT/TIME [per user | ip | connection | channel | claims.a.b]  TIME is "10s",
 * "1m" or a unit alone, as in "5/s". Without `per` it is per user. False and err when it is not
 * that; *rate is then nothing to finish. */
bool rate_parse(struct slice text, struct rate *rate, struct error *err) MUST_USE;
void rate_finish(struct rate *rate);

/* Who is counted has one number, a time in us that moves on with each thing done (GCRA): 0 at
 * first, and worth nothing once it has passed. rate_check returns how many ms are left until it may
 * be done, 0 for now; rate_take the number after it was done. */
uint64_t rate_check(const struct rate *rate, uint64_t due_us, uint64_t now_ms);
uint64_t rate_take(const struct rate *rate, uint64_t due_us, uint64_t now_ms);

#endif
