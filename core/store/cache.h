/* What was fetched and may be used again: values by key for a time, and one fetch for all who want
 * the same. */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include "base/error.h"
#include "base/slice.h"

#include <stdint.h>

enum { CACHE_KEY_MAX = 512 };

/* One worker's; owned by its thread. Bounded in bytes: the value that was longest not looked at
 * gives way. Times are by any clock that does not go back, which the caller reads. */
struct cache;

struct cache *cache_create(size_t byte_limit);
void cache_destroy(struct cache *cache); /* NULL is fine. No flight and no waiter is left */

/* How long a value is good, from when it came. Each is counted from the end of ttl_ms. */
struct cache_terms {
    uint64_t ttl_ms;            /* fresh so long */
    uint64_t stale_ms;          /* then used so long while somebody fetches it anew */
    uint64_t stale_if_error_ms; /* and so long where fetching fails */
};

/* A fetch under way: whoever has it ends it by exactly one of cache_fill, cache_fail and
 * cache_abandon. */
struct cache_flight;

enum cache_sight {
    CACHE_FRESH,           /* *value is good */
    CACHE_STALE,           /* *value will do; somebody fetches a new one already */
    CACHE_STALE_YOU_FETCH, /* *value will do, and *flight is yours */
    CACHE_YOU_FETCH,       /* there is none, and *flight is yours */
    CACHE_WAIT,            /* there is none; `waiter` is told what the one who fetches brings */
};

/* Embedded in who waits; its memory lives until it is told or has left. Told once, never inside
 * cache_look, from inside cache_fill, cache_fail or cache_abandon, with one of: a value (borrowed
 * until it returns); an error; or a flight, when the one who fetched has gone: it is the waiter's
 * to fetch now. It may do anything with the cache but destroy it. */
struct cache_waiter {
    struct cache_waiter *next, *prev; /* private */
    void (*told)(struct cache_waiter *waiter, struct slice value, const struct error *err,
                 struct cache_flight *flight);
};

/* The value is borrowed until the next call. A key has at most CACHE_KEY_MAX bytes; is `waiter`
 * NULL, nobody waits and CACHE_WAIT only tells so. */
enum cache_sight cache_look(struct cache *cache, struct slice key, uint64_t now_ms,
                            struct cache_waiter *waiter, struct slice *value,
                            struct cache_flight **flight);
void cache_leave(struct cache_waiter *waiter); /* waits no more; fine when it does not */

/* The value came: it is kept (a copy) if there is room for it at all, and all who wait are told. */
void cache_fill(struct cache_flight *flight, struct slice value, const struct cache_terms *terms,
                uint64_t now_ms);

enum cache_failure {
    CACHE_OUTAGE,  /* nobody could say: a value that is stale may do instead */
    CACHE_VERDICT, /* it was said that there is none: a value of before is forgotten */
};
/* It did not come. True: *stale (borrowed until the next call) may be used instead, also by all who
 * wait, who are told so; false: they are told the error. */
bool cache_fail(struct cache_flight *flight, enum cache_failure failure, const struct error *err,
                uint64_t now_ms, struct slice *stale);
/* Who fetched is gone: the next who waits gets the flight. */
void cache_abandon(struct cache_flight *flight);

void cache_remove(struct cache *cache, struct slice key); /* a flight of it goes on, and is kept */

struct cache_counts {
    uint64_t values, bytes; /* now */
    uint64_t hits;          /* fresh */
    uint64_t stale;         /* used though stale, while fetching or after an error */
    uint64_t misses;        /* flights for keys without a value */
    uint64_t joined;        /* waited for another's flight */
    uint64_t evicted;       /* gave way to others */
};
const struct cache_counts *cache_counts(const struct cache *cache); /* borrowed */

#endif
