/* Many cheap timers on one loop: a wheel, ticked by one timer of the loop only while any is set. */
#ifndef LOOP_TIMER_H
#define LOOP_TIMER_H

#include "loop/loop.h"

/* How late a timer may fire, and how early it never does. */
enum { TIMER_TICK_MS = 20 };

/* Embedded in what it times; all zeroes is a stopped timer. Its memory must live while it is set. */
struct timer {
    struct timer *next, *prev;
    uint64_t due; /* in ticks */
    void (*fn)(struct timer *timer);
};

struct timers; /* one per loop, owned by the loop's thread */
struct timers *timers_create(struct loop *loop);
void timers_destroy(struct timers *timers); /* NULL is fine; timers still set never fire */

/* Calls fn(timer) once after `ms`; set again, it counts from now. It may start and stop any timer. */
void timer_start(struct timers *timers, struct timer *timer, uint64_t ms, void (*fn)(struct timer *timer));
void timer_stop(struct timers *timers, struct timer *timer); /* fine when not set */
bool timer_is_set(const struct timer *timer);

/* For who moves the loop's clock by hand (loop_use_clock): when the next timer is due, by loop_now_ms; false: none is
 * set. And fires what is due by now, which the loop does itself where time passes. */
bool timers_next_ms(const struct timers *timers, uint64_t *due_ms);
void timers_serve(struct timers *timers);

#endif
