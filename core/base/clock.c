#include "base/clock.h"

#include <time.h>

uint64_t clock_monotonic_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int64_t clock_unix_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_calendar_ms(const struct clock *clock)
{
    return clock != NULL ? clock->unix_ms : clock_unix_ms();
}

uint64_t clock_steady_ms(const struct clock *clock)
{
    return clock != NULL ? clock->monotonic_ms : clock_monotonic_ns() / 1000000;
}
