/* A circuit breaker: who fails too often is not asked for a while, and then tried with one call. */
#ifndef BASE_BREAKER_H
#define BASE_BREAKER_H

#include "base/slice.h"

#include <stdint.h>

enum { BREAKER_FAILURES_MAX = 1000 };

/* Its life: CLOSED, all calls go through, until `failures` of them have failed within `window_ms`.
 * Then OPEN: none goes through, for `open_ms`. Then HALF_OPEN: one call is the probe; its success
 * closes the breaker, its failure opens it again. A probe that does not end within open_ms is taken
 * for lost, and another may be made. */
enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

enum breaker_verdict {
    BREAKER_FINE,
    BREAKER_FAILED,
    BREAKER_UNKNOWN, /* given up by the caller: says nothing about the other side */
};

/* Embedded in its owner, who calls init and finish; one thread's. Times are by any clock that does
 * not go back, which the caller reads. */
struct breaker {
    unsigned failures;
    uint64_t window_ms, open_ms;
    /* private */
    uint64_t *failed_at; /* a ring of the last `failures` */
    unsigned head, count;
    enum breaker_state state;
    uint64_t since_ms; /* when it opened, or its probe began */
    uint64_t pass;     /* of now: a call with another one began in another state */
    bool has_probe;
    /* counted since init, to be read */
    uint64_t opened, refused;
};

/* failures from 1 to BREAKER_FAILURES_MAX. */
void breaker_init(struct breaker *breaker, unsigned failures, uint64_t window_ms, uint64_t open_ms);
void breaker_finish(struct breaker *breaker);

/* Whether a call may be made now: a pass, which breaker_leave takes when the call has ended; 0: no.
 */
uint64_t breaker_enter(struct breaker *breaker, uint64_t now_ms) MUST_USE;
/* Once for each pass. A call that began before the breaker changed its state says nothing any more.
 */
void breaker_leave(struct breaker *breaker, uint64_t pass, enum breaker_verdict verdict,
                   uint64_t now_ms);

/* HALF_OPEN from when a probe may be made. */
enum breaker_state breaker_state(const struct breaker *breaker, uint64_t now_ms);
/* How many ms until a call may be made; 0: now, as far as is known. For messages. */
uint64_t breaker_wait_ms(const struct breaker *breaker, uint64_t now_ms);
const char *breaker_state_name(enum breaker_state state); /* "closed" "open" "half-open" */

#endif
