#include "bench/histogram.h"

#include <math.h>
#include <string.h>

enum { SUB_BUCKETS = 1 << HISTOGRAM_BITS };

static unsigned bucket_of(uint64_t value)
{
    if (value < SUB_BUCKETS)
        return (unsigned)value;
    unsigned top = 63 - (unsigned)__builtin_clzll(value);
    unsigned shift = top - HISTOGRAM_BITS;
    return ((shift + 1) << HISTOGRAM_BITS) + (unsigned)(value >> shift) - SUB_BUCKETS;
}

/* The greatest value that falls into it. */
static uint64_t end_of(unsigned bucket)
{
    unsigned row = bucket >> HISTOGRAM_BITS, column = bucket & (SUB_BUCKETS - 1);
    if (row == 0)
        return column;
    unsigned shift = row - 1;
    return (((uint64_t)SUB_BUCKETS + column) << shift) + ((UINT64_C(1) << shift) - 1);
}

void histogram_add(struct histogram *h, uint64_t value)
{
    h->buckets[bucket_of(value)]++;
    h->count++;
    if (value > h->max)
        h->max = value;
}

void histogram_clear(struct histogram *h)
{
    memset(h, 0, sizeof *h);
}

uint64_t histogram_find(const struct histogram *h, double share)
{
    uint64_t seen = 0, wanted = (uint64_t)ceil(share * (double)h->count);
    if (wanted == 0)
        wanted = 1;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && h->count > 0; i++) {
        seen += h->buckets[i];
        if (seen >= wanted)
            return end_of(i) < h->max ? end_of(i) : h->max;
    }
    return h->max;
}
