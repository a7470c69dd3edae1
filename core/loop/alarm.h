/* One timer that is exact to the ms, for libraries that count so; the wheel of loop/timer.h is for
 * the many. */
#ifndef LOOP_ALARM_H
#define LOOP_ALARM_H

#include "loop/loop.h"

/* Owned by whoever made it, on the loop's thread. Like the wheel it keeps no loop going. */
struct alarm;
struct alarm *alarm_create(struct loop *loop, void (*fn)(void *context), void *context);
void alarm_destroy(struct alarm *alarm); /* NULL is fine */

/* Calls fn once, `ms` from now; never inside the call itself, also for 0, which is the next turn.
 * Set again, only the last one counts. fn may set it again. */
void alarm_set(struct alarm *alarm, uint64_t ms);
void alarm_stop(struct alarm *alarm); /* fine when not set */

#endif
