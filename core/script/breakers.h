/* The breakers of one worker's scripts, by script and name: a reload finds them as they were. */
#ifndef SCRIPT_BREAKERS_H
#define SCRIPT_BREAKERS_H

#include <stdatomic.h>

#include "base/breaker.h"
#include "base/buf.h"

enum { BREAKERS_MAX = 1000, BREAKER_NAME_MAX = 63 };

struct breaker_terms {
    unsigned failures;
    uint64_t window_ms, open_ms;
};

/* Kept until breakers_finish; the counts are for readers on other threads. */
struct breaker_row {
    struct breaker_row *next;
    struct breaker breaker;
    struct breaker_terms terms;
    atomic_ullong opened, refused;
    atomic_bool is_open;
    char name[BREAKER_NAME_MAX + 1];
    char script[];
};

/* Embedded in a runtime, one writer. All zeroes: none. */
struct breakers {
    _Atomic(struct breaker_row *) first;
    unsigned count;
};

void breakers_finish(struct breakers *breakers);
/* Made when new, and begins anew when the terms are others. NULL: there are as many as there may
 * be. */
struct breaker_row *breakers_find(struct breakers *breakers, const char *script, const char *name,
                                  const struct breaker_terms *terms);
/* After each enter and leave. */
void breaker_row_note(struct breaker_row *row);

/* Prometheus text, summed over workers. Any thread. */
void breakers_put(struct breakers *const *all, unsigned count, struct buf *out);

#endif
