#include "base/breaker.h"

#include <stdlib.h>

#include "base/memory.h"

void breaker_init(struct breaker *breaker, unsigned failures, uint64_t window_ms, uint64_t open_ms)
{
    ensure(failures >= 1 && failures <= BREAKER_FAILURES_MAX);
    *breaker = (struct breaker){
        .failures = failures, .window_ms = window_ms, .open_ms = open_ms, .pass = 1};
    breaker->failed_at = xcalloc(failures, sizeof *breaker->failed_at);
}

void breaker_finish(struct breaker *breaker)
{
    free(breaker->failed_at);
    *breaker = (struct breaker){0};
}

/* Calls that are under way belong to the state before. */
static void change(struct breaker *breaker, enum breaker_state state, uint64_t now_ms)
{
    breaker->opened += state == BREAKER_OPEN;
    breaker->state = state;
    breaker->since_ms = now_ms;
    breaker->has_probe = false;
    breaker->head = breaker->count = 0;
    breaker->pass++;
}

static bool is_over(const struct breaker *breaker, uint64_t now_ms)
{
    return now_ms - breaker->since_ms >= breaker->open_ms;
}

static uint64_t refuse(struct breaker *breaker)
{
    breaker->refused++;
    return 0;
}

/* A lost probe's pass is worth nothing any more, should it come back after all. */
static uint64_t begin_probe(struct breaker *breaker, uint64_t now_ms)
{
    breaker->has_probe = true;
    breaker->since_ms = now_ms;
    return ++breaker->pass;
}

uint64_t breaker_enter(struct breaker *breaker, uint64_t now_ms)
{
    if (breaker->state == BREAKER_CLOSED)
        return breaker->pass;
    if (breaker->state == BREAKER_OPEN) {
        if (!is_over(breaker, now_ms))
            return refuse(breaker);
        change(breaker, BREAKER_HALF_OPEN, now_ms);
    }
    if (breaker->has_probe && !is_over(breaker, now_ms))
        return refuse(breaker);
    return begin_probe(breaker, now_ms);
}

/* Once the ring is full, its oldest failure tells whether so many were within the window. */
static void note_failure(struct breaker *breaker, uint64_t now_ms)
{
    breaker->failed_at[breaker->head] = now_ms;
    breaker->head = (breaker->head + 1) % breaker->failures;
    if (breaker->count < breaker->failures)
        breaker->count++;
    uint64_t oldest = breaker->failed_at[breaker->head % breaker->count];
    if (breaker->count == breaker->failures && now_ms - oldest < breaker->window_ms)
        change(breaker, BREAKER_OPEN, now_ms);
}

static void judge_probe(struct breaker *breaker, enum breaker_verdict verdict, uint64_t now_ms)
{
    if (verdict == BREAKER_UNKNOWN)
        breaker->has_probe = false;
    else
        change(breaker, verdict == BREAKER_FINE ? BREAKER_CLOSED : BREAKER_OPEN, now_ms);
}

void breaker_leave(struct breaker *breaker, uint64_t pass, enum breaker_verdict verdict,
                   uint64_t now_ms)
{
    if (pass != breaker->pass)
        return;
    if (breaker->state == BREAKER_HALF_OPEN)
        judge_probe(breaker, verdict, now_ms);
    else if (verdict == BREAKER_FAILED)
        note_failure(breaker, now_ms);
}

enum breaker_state breaker_state(const struct breaker *breaker, uint64_t now_ms)
{
    bool is_due = breaker->state == BREAKER_OPEN && is_over(breaker, now_ms);
    return is_due ? BREAKER_HALF_OPEN : breaker->state;
}

uint64_t breaker_wait_ms(const struct breaker *breaker, uint64_t now_ms)
{
    bool refuses = breaker->state == BREAKER_OPEN ||
                   (breaker->state == BREAKER_HALF_OPEN && breaker->has_probe);
    return refuses && !is_over(breaker, now_ms) ? breaker->since_ms + breaker->open_ms - now_ms : 0;
}

const char *breaker_state_name(enum breaker_state state)
{
    static const char *const names[] = {"closed", "open", "half-open"};
    return names[state];
}
