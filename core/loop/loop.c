#include "loop/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <uv.h>

#include "base/memory.h"

struct loop {
    uv_loop_t uv;
    uv_prepare_t before_wait;
    uv_check_t after_wait;
    void (*turn_end)(void *context);
    void *turn_context;
    const struct clock *clock; /* NULL: the system's */
};

static void on_before_wait(uv_prepare_t *handle)
{
    struct loop *loop = handle->data;
    if (loop->turn_end != NULL)
        loop->turn_end(loop->turn_context);
}

static void on_after_wait(uv_check_t *handle)
{
    struct loop *loop = handle->data;
    if (loop->turn_end != NULL)
        loop->turn_end(loop->turn_context);
}

struct loop *loop_create(void)
{
    struct loop *loop = xcalloc(1, sizeof *loop);
    ensure(uv_loop_init(&loop->uv) == 0);
    uv_prepare_init(&loop->uv, &loop->before_wait);
    uv_check_init(&loop->uv, &loop->after_wait);
    loop->before_wait.data = loop->after_wait.data = loop;
    uv_prepare_start(&loop->before_wait, on_before_wait);
    uv_check_start(&loop->after_wait, on_after_wait);
    uv_unref((uv_handle_t *)&loop->before_wait);
    uv_unref((uv_handle_t *)&loop->after_wait);
    return loop;
}

void loop_destroy(struct loop *loop)
{
    if (loop == NULL)
        return;
    loop->turn_end = NULL;
    uv_close((uv_handle_t *)&loop->before_wait, NULL);
    uv_close((uv_handle_t *)&loop->after_wait, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    ensure(uv_loop_close(&loop->uv) == 0);
    free(loop);
}

void loop_run(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

void loop_turn(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_NOWAIT);
}

uint64_t loop_now_ms(const struct loop *loop)
{
    return loop->clock != NULL ? loop->clock->monotonic_ms : uv_now(&loop->uv);
}

int64_t loop_unix_ms(const struct loop *loop)
{
    return clock_calendar_ms(loop->clock);
}

void loop_use_clock(struct loop *loop, const struct clock *clock)
{
    loop->clock = clock;
}

void *loop_handle(struct loop *loop)
{
    return &loop->uv;
}

void loop_at_turn_end(struct loop *loop, void (*fn)(void *context), void *context)
{
    loop->turn_end = fn;
    loop->turn_context = context;
}

struct poller {
    uv_poll_t uv;
    void (*fn)(void *context);
    void *context;
};

static void free_handle(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct poller *poller = handle->data;
    (void)status;
    (void)events;
    poller->fn(poller->context);
}

struct poller *poller_create(struct loop *loop, int fd, void (*fn)(void *context), void *context)
{
    struct poller *poller = xcalloc(1, sizeof *poller);
    poller->fn = fn;
    poller->context = context;
    ensure(uv_poll_init(&loop->uv, &poller->uv, fd) == 0);
    poller->uv.data = poller;
    ensure(uv_poll_start(&poller->uv, UV_READABLE, on_poll) == 0);
    return poller;
}

void poller_destroy(struct poller *poller)
{
    if (poller != NULL)
        uv_close((uv_handle_t *)&poller->uv, free_handle);
}

static const int signal_numbers[] = {SIGTERM, SIGINT, SIGHUP};
enum { SIGNAL_COUNT = sizeof signal_numbers / sizeof *signal_numbers };

struct signals {
    uv_signal_t uv[SIGNAL_COUNT];
    void (*fn)(void *context, int number);
    void *context;
    int open;
};

static void on_signal(uv_signal_t *handle, int number)
{
    struct signals *signals = handle->data;
    signals->fn(signals->context, number);
}

struct signals *signals_create(struct loop *loop, void (*fn)(void *context, int number), void *context)
{
    struct signals *signals = xcalloc(1, sizeof *signals);
    signals->fn = fn;
    signals->context = context;
    signals->open = SIGNAL_COUNT;
    for (int i = 0; i < SIGNAL_COUNT; i++) {
        uv_signal_init(&loop->uv, &signals->uv[i]);
        signals->uv[i].data = signals;
        uv_signal_start(&signals->uv[i], on_signal, signal_numbers[i]);
    }
    return signals;
}

static void on_signal_closed(uv_handle_t *handle)
{
    struct signals *signals = handle->data;
    if (--signals->open == 0)
        free(signals);
}

void signals_destroy(struct signals *signals)
{
    for (int i = 0; signals != NULL && i < SIGNAL_COUNT; i++)
        uv_close((uv_handle_t *)&signals->uv[i], on_signal_closed);
}
