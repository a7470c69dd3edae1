/* Durations counted in buckets: any range in fixed memory, a percentile to within one part in 128.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

/* Up to 2^8 every value has its bucket; above, each power of two has 128. */
enum { HISTOGRAM_BITS = 7, HISTOGRAM_BUCKETS = (64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS };

/* Embedded; all zeroes is an empty one, and owns nothing. */
struct histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS];
    uint64_t count, max;
};

void histogram_add(struct histogram *h, uint64_t value);
void histogram_clear(struct histogram *h);
/* The least value that `share` (0 to 1) of all values do not exceed, rounded up to the end of its
 * bucket but never above the greatest value; 0 when empty. */
uint64_t histogram_find(const struct histogram *h, double share);

#endif
