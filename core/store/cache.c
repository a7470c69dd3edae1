#include "store/cache.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"

/* Counted, so that it lives while waiters are told of it, whatever they do. */
struct value {
    unsigned refs;
    size_t len;
    char bytes[];
};

/* There while it has a value or a flight. */
struct entry {
    struct entry *newer, *older; /* of those with a value */
    struct value *value;
    uint64_t fresh_until, stale_until, error_until;
    struct cache_flight *flight;
    size_t key_len;
    char key[];
};

struct cache_flight {
    struct cache *cache;
    struct entry *entry;
    struct cache_waiter waiters; /* the head of a circular list */
};

struct cache {
    struct map entries;
    struct entry *newest, *oldest;
    size_t byte_limit;
    struct value *lent; /* what cache_fail gave last */
    struct cache_counts counts;
};

/* ---- values ---- */

static struct value *value_create(struct slice bytes)
{
    struct value *value = xmalloc(sizeof *value + bytes.len);
    value->refs = 1;
    value->len = bytes.len;
    if (bytes.len > 0)
        memcpy(value->bytes, bytes.at, bytes.len);
    return value;
}

static struct value *value_ref(struct value *value)
{
    value->refs++;
    return value;
}

static void value_unref(struct value *value)
{
    if (value != NULL && --value->refs == 0)
        free(value);
}

static struct slice value_slice(const struct value *value)
{
    return slice_make(value->bytes, value->len);
}

/* ---- entries ---- */

static size_t cost(size_t key_len, size_t value_len)
{
    return sizeof(struct entry) + sizeof(struct value) + sizeof(struct map_slot) * 2 + key_len +
           value_len;
}

static struct slice key_of(const struct entry *entry)
{
    return slice_make(entry->key, entry->key_len);
}

static void unlink_entry(struct cache *cache, struct entry *entry)
{
    *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
    entry->newer = entry->older = NULL;
}

static void link_newest(struct cache *cache, struct entry *entry)
{
    entry->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

static struct entry *add_entry(struct cache *cache, struct slice key)
{
    ensure(key.len <= CACHE_KEY_MAX);
    struct entry *entry = xcalloc(1, sizeof *entry + key.len);
    entry->key_len = key.len;
    if (key.len > 0)
        memcpy(entry->key, key.at, key.len);
    map_add(&cache->entries, key_of(entry), entry);
    return entry;
}

static void remove_if_empty(struct cache *cache, struct entry *entry)
{
    if (entry->value != NULL || entry->flight != NULL)
        return;
    map_remove(&cache->entries, key_of(entry));
    free(entry);
}

/* The entry itself stays. */
static void drop_value(struct cache *cache, struct entry *entry)
{
    if (entry->value == NULL)
        return;
    cache->counts.values--;
    cache->counts.bytes -= cost(entry->key_len, entry->value->len);
    unlink_entry(cache, entry);
    value_unref(entry->value);
    entry->value = NULL;
}

static void keep_value(struct cache *cache, struct entry *entry, struct value *value)
{
    size_t bytes = cost(entry->key_len, value->len);
    if (bytes > cache->byte_limit)
        return;
    while (cache->counts.bytes + bytes > cache->byte_limit) {
        struct entry *oldest = cache->oldest;
        drop_value(cache, oldest);
        remove_if_empty(cache, oldest);
        cache->counts.evicted++;
    }
    entry->value = value_ref(value);
    link_newest(cache, entry);
    cache->counts.values++;
    cache->counts.bytes += bytes;
}

/* ---- birth and death ---- */

struct cache *cache_create(size_t byte_limit)
{
    struct cache *cache = xcalloc(1, sizeof *cache);
    cache->byte_limit = byte_limit;
    return cache;
}

void cache_destroy(struct cache *cache)
{
    if (cache == NULL)
        return;
    struct entry *entry;
    for (size_t at = 0; (entry = map_next(&cache->entries, &at)) != NULL;) {
        ensure(entry->flight == NULL);
        value_unref(entry->value);
        free(entry);
    }
    map_finish(&cache->entries);
    value_unref(cache->lent);
    free(cache);
}

/* ---- looking ---- */

static struct cache_flight *take_off(struct cache *cache, struct entry *entry)
{
    struct cache_flight *flight = xcalloc(1, sizeof *flight);
    flight->cache = cache;
    flight->entry = entry;
    flight->waiters.next = flight->waiters.prev = &flight->waiters;
    entry->flight = flight;
    return flight;
}

static enum cache_sight see_value(struct cache *cache, struct entry *entry, uint64_t now_ms,
                                  struct slice *value, struct cache_flight **flight)
{
    unlink_entry(cache, entry);
    link_newest(cache, entry);
    *value = value_slice(entry->value);
    if (now_ms < entry->fresh_until) {
        cache->counts.hits++;
        return CACHE_FRESH;
    }
    cache->counts.stale++;
    if (entry->flight != NULL)
        return CACHE_STALE;
    *flight = take_off(cache, entry);
    return CACHE_STALE_YOU_FETCH;
}

static void join(struct cache *cache, struct cache_flight *flight, struct cache_waiter *waiter)
{
    if (waiter == NULL)
        return;
    cache->counts.joined++;
    waiter->next = &flight->waiters;
    waiter->prev = flight->waiters.prev;
    waiter->prev->next = waiter;
    flight->waiters.prev = waiter;
}

/* A value past all its times is kept until somebody looks, or others need its room. */
static bool is_over(const struct entry *entry, uint64_t now_ms)
{
    return now_ms >= entry->stale_until && now_ms >= entry->error_until;
}

enum cache_sight cache_look(struct cache *cache, struct slice key, uint64_t now_ms,
                            struct cache_waiter *waiter, struct slice *value,
                            struct cache_flight **flight)
{
    struct entry *entry = map_find(&cache->entries, key);
    *value = (struct slice){0};
    *flight = NULL;
    if (entry == NULL)
        entry = add_entry(cache, key);
    else if (entry->value != NULL && (now_ms < entry->fresh_until || now_ms < entry->stale_until))
        return see_value(cache, entry, now_ms, value, flight);
    else if (entry->value != NULL && is_over(entry, now_ms))
        drop_value(cache, entry);
    if (entry->flight != NULL) {
        join(cache, entry->flight, waiter);
        return CACHE_WAIT;
    }
    cache->counts.misses++;
    *flight = take_off(cache, entry);
    return CACHE_YOU_FETCH;
}

void cache_leave(struct cache_waiter *waiter)
{
    if (waiter->next == NULL)
        return;
    waiter->prev->next = waiter->next;
    waiter->next->prev = waiter->prev;
    waiter->next = waiter->prev = NULL;
}

/* ---- landing ---- */

static struct cache_waiter *first_waiter(struct cache_waiter *list)
{
    struct cache_waiter *waiter = list->next;
    if (waiter == list)
        return NULL;
    cache_leave(waiter);
    return waiter;
}

/* Ends the flight; its waiters move to `list`, from which they can still leave. */
static void land(struct cache_flight *flight, struct cache_waiter *list)
{
    *list = (struct cache_waiter){.next = list, .prev = list};
    if (flight->waiters.next != &flight->waiters) {
        list->next = flight->waiters.next;
        list->prev = flight->waiters.prev;
        list->next->prev = list->prev->next = list;
    }
    flight->entry->flight = NULL;
    free(flight);
}

static void tell_all(struct cache_waiter *list, const struct value *value, const struct error *err)
{
    struct slice bytes = value != NULL ? value_slice(value) : (struct slice){0};
    struct cache_waiter *waiter;
    while ((waiter = first_waiter(list)) != NULL)
        waiter->told(waiter, bytes, err, NULL);
}

void cache_fill(struct cache_flight *flight, struct slice bytes, const struct cache_terms *terms,
                uint64_t now_ms)
{
    struct cache *cache = flight->cache;
    struct entry *entry = flight->entry;
    struct value *value = value_create(bytes);
    struct cache_waiter list;
    land(flight, &list);
    drop_value(cache, entry);
    entry->fresh_until = now_ms + terms->ttl_ms;
    entry->stale_until = entry->fresh_until + terms->stale_ms;
    entry->error_until = entry->fresh_until + terms->stale_if_error_ms;
    keep_value(cache, entry, value);
    remove_if_empty(cache, entry);
    tell_all(&list, value, NULL);
    value_unref(value);
}

static struct value *usable(const struct entry *entry, enum cache_failure failure, uint64_t now_ms)
{
    bool is_usable = failure == CACHE_OUTAGE && entry->value != NULL && !is_over(entry, now_ms);
    return is_usable ? value_ref(entry->value) : NULL;
}

bool cache_fail(struct cache_flight *flight, enum cache_failure failure, const struct error *err,
                uint64_t now_ms, struct slice *stale)
{
    struct cache *cache = flight->cache;
    struct entry *entry = flight->entry;
    struct value *value = usable(entry, failure, now_ms);
    struct cache_waiter list;
    land(flight, &list);
    if (value == NULL)
        drop_value(cache, entry);
    remove_if_empty(cache, entry);
    cache->counts.stale += value != NULL;
    tell_all(&list, value, value != NULL ? NULL : err);
    value_unref(cache->lent);
    cache->lent = value;
    *stale = value != NULL ? value_slice(value) : (struct slice){0};
    return value != NULL;
}

void cache_abandon(struct cache_flight *flight)
{
    struct cache *cache = flight->cache;
    struct entry *entry = flight->entry;
    struct cache_waiter *heir = first_waiter(&flight->waiters);
    if (heir != NULL) {
        heir->told(heir, (struct slice){0}, NULL, flight);
        return;
    }
    entry->flight = NULL;
    free(flight);
    remove_if_empty(cache, entry);
}

void cache_remove(struct cache *cache, struct slice key)
{
    struct entry *entry = map_find(&cache->entries, key);
    if (entry == NULL)
        return;
    drop_value(cache, entry);
    remove_if_empty(cache, entry);
}

const struct cache_counts *cache_counts(const struct cache *cache)
{
    return &cache->counts;
}
