/* What time it is: for deadlines, and for people. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_monotonic_ns(void); /* never goes back; for durations and deadlines */
int64_t clock_unix_ms(void);       /* the calendar; may jump */

#endif
