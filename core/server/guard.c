#include "server/guard.h"

#include <stdio.h>

#include "base/memory.h"
#include "server/inside.h"
#include "server/rollback.h"

/* A few errors say nothing, whatever their share. */
enum { LOOK_MS = 100, ERRORS_LEAST = 5 };

static void add_up(const struct server *server, uint64_t *calls, uint64_t *errors)
{
    *calls = *errors = 0;
    for (unsigned i = 0; i < server->worker_count; i++)
        runtime_add_calls(server->runtimes[i], calls, errors);
}

static void roll_back(struct server *server, uint64_t calls, uint64_t errors)
{
    const struct guard *guard = &server->reload.guard;
    char why[WAITER_WHY_MAX];
    snprintf(why, sizeof why, "generation %u: %llu of %llu hooks failed", guard->generation,
             (unsigned long long)errors, (unsigned long long)calls);
    log_event(server->log, LOG_ERROR, "auto_rollback", LOG_NUMBER("generation", guard->generation),
              LOG_NUMBER("to", guard->before), LOG_NUMBER("calls", calls),
              LOG_NUMBER("errors", errors), "hint",
              "the folder is as it was: mend it before the next reload", NULL);
    rollback_want(server, guard->generation, guard->before, why);
}

static void on_look(struct timer *timer)
{
    struct server *server = CONTAINER(timer, struct server, reload.guard.timer);
    struct guard *guard = &server->reload.guard;
    uint64_t calls, errors;
    add_up(server, &calls, &errors);
    calls -= guard->calls;
    errors -= guard->errors;
    if (errors >= ERRORS_LEAST && errors * 100 >= calls * server->config->auto_rollback)
        roll_back(server, calls, errors);
    else if (loop_now_ms(server->loop) < guard->until_ms)
        timer_start(server->timers, timer, LOOK_MS, on_look);
}

void guard_watch(struct server *server)
{
    struct reload *reload = &server->reload;
    struct guard *guard = &reload->guard;
    timer_stop(server->timers, &guard->timer);
    const struct shelf *shelf = &reload->shelf;
    if (server->config->auto_rollback == 0 || reload->current->generation.made_from != 0 ||
        shelf->count == 0)
        return;
    guard->generation = reload->current->generation.number;
    guard->before = shelf->kept[shelf->count - 1]->generation.number;
    guard->until_ms = loop_now_ms(server->loop) + server->config->auto_rollback_ms;
    add_up(server, &guard->calls, &guard->errors);
    timer_start(server->timers, &guard->timer, LOOK_MS, on_look);
}
