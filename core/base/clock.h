/* What time it is: for deadlines, and for people. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_monotonic_ns(void); /* never goes back; for durations and deadlines */
int64_t clock_unix_ms(void);       /* the calendar; may jump */

/* A clock that stands still until it is moved, for specs of scripts: it is lent to whoever would look at the system's. */
struct clock {
    uint64_t monotonic_ms;
    int64_t unix_ms;
};
int64_t clock_calendar_ms(const struct clock *clock); /* its calendar; of NULL, the system's */
uint64_t clock_steady_ms(const struct clock *clock);  /* what never goes back, likewise */

#endif
