#include "loop/timer.h"

#include <stdlib.h>
#include <uv.h>

#include "base/memory.h"

enum { SLOTS = 1024 };

struct timers {
    uv_timer_t uv;
    const struct loop *loop;
    struct timer slots[SLOTS]; /* heads of circular lists */
    uint64_t tick;             /* the last one that was served */
    size_t count;
};

static void unlink_timer(struct timer *timer)
{
    timer->prev->next = timer->next;
    timer->next->prev = timer->prev;
    timer->next = timer->prev = NULL;
}

static void link_timer(struct timer *head, struct timer *timer)
{
    timer->prev = head->prev;
    timer->next = head;
    head->prev->next = timer;
    head->prev = timer;
}

static uint64_t now_tick(const struct timers *timers)
{
    return loop_now_ms(timers->loop) / TIMER_TICK_MS;
}

/* Due timers leave for a list of their own first: a callback may set or stop any timer meanwhile. */
static void serve_slot(struct timers *timers, struct timer *head)
{
    struct timer due = {.next = &due, .prev = &due};
    for (struct timer *timer = head->next, *next; timer != head; timer = next) {
        next = timer->next;
        if (timer->due <= timers->tick) {
            unlink_timer(timer);
            link_timer(&due, timer);
        }
    }
    while (due.next != &due) {
        struct timer *timer = due.next;
        unlink_timer(timer);
        timers->count--;
        timer->fn(timer);
    }
}

void timers_serve(struct timers *timers)
{
    uint64_t now = now_tick(timers);
    /* After a long stall one round of the wheel sees every timer; more rounds would see none new. */
    if (now > timers->tick + SLOTS)
        timers->tick = now - SLOTS;
    while (timers->tick < now) {
        timers->tick++;
        serve_slot(timers, &timers->slots[timers->tick % SLOTS]);
    }
}

static void on_tick(uv_timer_t *handle)
{
    struct timers *timers = handle->data;
    timers_serve(timers);
    if (timers->count == 0)
        uv_timer_stop(&timers->uv);
}

struct timers *timers_create(struct loop *loop)
{
    struct timers *timers = xcalloc(1, sizeof *timers);
    uv_timer_init(loop_handle(loop), &timers->uv);
    uv_unref((uv_handle_t *)&timers->uv);
    timers->uv.data = timers;
    timers->loop = loop;
    for (int i = 0; i < SLOTS; i++)
        timers->slots[i].next = timers->slots[i].prev = &timers->slots[i];
    return timers;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void timers_destroy(struct timers *timers)
{
    if (timers != NULL)
        uv_close((uv_handle_t *)&timers->uv, on_closed);
}

void timer_start(struct timers *timers, struct timer *timer, uint64_t ms, void (*fn)(struct timer *timer))
{
    timer_stop(timers, timer);
    if (timers->count++ == 0) {
        timers->tick = now_tick(timers);
        uv_timer_start(&timers->uv, on_tick, TIMER_TICK_MS, TIMER_TICK_MS);
    }
    timer->fn = fn;
    timer->due = (loop_now_ms(timers->loop) + ms + TIMER_TICK_MS - 1) / TIMER_TICK_MS;
    if (timer->due <= timers->tick)
        timer->due = timers->tick + 1;
    link_timer(&timers->slots[timer->due % SLOTS], timer);
}

void timer_stop(struct timers *timers, struct timer *timer)
{
    if (!timer_is_set(timer))
        return;
    unlink_timer(timer);
    timers->count--;
}

bool timer_is_set(const struct timer *timer)
{
    return timer->next != NULL;
}

bool timers_next_ms(const struct timers *timers, uint64_t *due_ms)
{
    uint64_t due = UINT64_MAX;
    for (int i = 0; i < SLOTS; i++)
        for (const struct timer *timer = timers->slots[i].next; timer != &timers->slots[i];
             timer = timer->next)
            due = timer->due < due ? timer->due : due;
    *due_ms = due * TIMER_TICK_MS;
    return due != UINT64_MAX;
}
