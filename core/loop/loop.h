/* One thread's event loop: turns, what happens at their end, sockets to watch. */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include "base/clock.h"
#include "base/slice.h"

#include <stdint.h>

/* Owned by its thread, which creates, runs and destroys it. Everything made on it (timers, mailboxes,
 * pollers, watches) is destroyed before it. */
struct loop;

struct loop *loop_create(void);
void loop_destroy(struct loop *loop); /* NULL is fine; runs what still closes */
void loop_run(struct loop *loop);     /* until loop_stop */
void loop_stop(struct loop *loop);    /* from a callback of this loop only */
void loop_turn(struct loop *loop);    /* one turn without waiting; timers alone keep no turn going */
uint64_t loop_now_ms(const struct loop *loop); /* monotonic, as of this turn */
int64_t loop_unix_ms(const struct loop *loop); /* the calendar */
/* Both are that clock's from now on; before anything is made on the loop. The clock outlives it. */
void loop_use_clock(struct loop *loop, const struct clock *clock);
void *loop_handle(struct loop *loop); /* the uv_loop_t, for libwebsockets */

/* Calls fn(context) at the end of every turn, before the loop waits again. One per loop. */
void loop_at_turn_end(struct loop *loop, void (*fn)(void *context), void *context);

/* Calls fn whenever the descriptor is readable. The descriptor stays the caller's. */
struct poller;
struct poller *poller_create(struct loop *loop, int fd, void (*fn)(void *context), void *context);
void poller_destroy(struct poller *poller); /* NULL is fine */

/* Calls fn on SIGTERM, SIGINT and SIGHUP. */
struct signals;
struct signals *signals_create(struct loop *loop, void (*fn)(void *context, int number), void *context);
void signals_destroy(struct signals *signals); /* NULL is fine */

#endif
