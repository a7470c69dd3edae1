/* What every message of a run carries, so that whoever gets it knows which one it is and how old.
 */
#ifndef BENCH_STAMP_H
#define BENCH_STAMP_H

#include "base/slice.h"

#include <stdint.h>

/* "@@RRRRRRRRLLLLLLSSSSSSSSSSTTTTTTTTTTTTTTTT@" in hexadecimal: text that neither JSON nor HTTP
 * escapes. */
enum { STAMP_LEN = 43 };

struct stamp {
    uint32_t run;      /* tells our messages from those of others in the same channel */
    uint32_t lane;     /* at most 24 bits */
    uint64_t sequence; /* in its lane, from 0; at most 40 bits */
    uint64_t due_ns;   /* clock_monotonic_ns() of when it should have been sent */
};

void stamp_put(char out[STAMP_LEN], const struct stamp *stamp);
/* Finds the next stamp and moves `text` behind it. False: there is none. */
bool stamp_find(struct slice *text, struct stamp *stamp);

#endif
