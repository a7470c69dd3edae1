#include "loop/alarm.h"

#include <stdlib.h>
#include <uv.h>

#include "base/memory.h"

/* A timer of 0 ms that sets itself again would never let libuv go on to anything else; an idle
 * handle has one call a turn. */
struct alarm {
    uv_timer_t later;
    uv_idle_t now;
    void (*fn)(void *context);
    void *context;
    int open;
};

static void on_later(uv_timer_t *handle)
{
    struct alarm *alarm = handle->data;
    alarm->fn(alarm->context);
}

static void on_now(uv_idle_t *handle)
{
    struct alarm *alarm = handle->data;
    uv_idle_stop(handle);
    alarm->fn(alarm->context);
}

struct alarm *alarm_create(struct loop *loop, void (*fn)(void *context), void *context)
{
    struct alarm *alarm = xcalloc(1, sizeof *alarm);
    alarm->fn = fn;
    alarm->context = context;
    alarm->open = 2;
    uv_timer_init(loop_handle(loop), &alarm->later);
    uv_idle_init(loop_handle(loop), &alarm->now);
    uv_unref((uv_handle_t *)&alarm->later);
    uv_unref((uv_handle_t *)&alarm->now);
    alarm->later.data = alarm->now.data = alarm;
    return alarm;
}

static void on_closed(uv_handle_t *handle)
{
    struct alarm *alarm = handle->data;
    if (--alarm->open == 0)
        free(alarm);
}

void alarm_destroy(struct alarm *alarm)
{
    if (alarm == NULL)
        return;
    uv_close((uv_handle_t *)&alarm->later, on_closed);
    uv_close((uv_handle_t *)&alarm->now, on_closed);
}

void alarm_set(struct alarm *alarm, uint64_t ms)
{
    alarm_stop(alarm);
    if (ms == 0) {
        uv_idle_start(&alarm->now, on_now);
        return;
    }
    /* The loop's clock is of this turn's beginning; what is due from now would else be early by the
     * turn. */
    uv_update_time(alarm->later.loop);
    uv_timer_start(&alarm->later, on_later, ms, 0);
}

void alarm_stop(struct alarm *alarm)
{
    uv_timer_stop(&alarm->later);
    uv_idle_stop(&alarm->now);
}
