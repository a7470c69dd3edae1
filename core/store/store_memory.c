#include "store/store_memory.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "store/table.h"

/* SWEEP_A_WRITE: so many of its own shard a write forgets; SWEEP_A_SHARD: of each shard when there
 * is no room. */
enum { SHARDS = 16, SWEEP_A_WRITE = 4, SWEEP_A_SHARD = 64 };

/* A lock and the keys that hash to it: threads rarely meet, and what a growing map takes holds up a
 * sixteenth. */
struct shard {
    _Alignas(64) pthread_mutex_t lock;
    struct table table;
    uint64_t expired, refused;
};

struct memory {
    struct store store; /* first */
    size_t byte_limit;
    /* Lines of their own: what all read stands beside nothing that is written. */
    _Alignas(64) _Atomic size_t bytes; /* of all shards, and of what is just being set */
    _Atomic size_t sweep_at;
    struct shard shards[SHARDS];
};

static struct memory *memory_of(struct store *store)
{
    return (struct memory *)store;
}

static struct shard *lock_shard_of(struct memory *memory, struct slice key)
{
    struct shard *shard = &memory->shards[(hash_bytes(key) >> 32) % SHARDS];
    pthread_mutex_lock(&shard->lock);
    return shard;
}

static void unlock(struct shard *shard)
{
    pthread_mutex_unlock(&shard->lock);
}

static struct table_entry *find(const struct shard *shard, struct slice key, uint64_t now_ms)
{
    struct table_entry *entry = table_find(&shard->table, key);
    return table_is_over(entry, now_ms) ? NULL : entry;
}

/* ---- room ---- */

static size_t sweep_shard(struct memory *memory, struct shard *shard, uint64_t now_ms, size_t most)
{
    size_t before = shard->table.bytes, swept = table_sweep(&shard->table, now_ms, most);
    if (swept > 0)
        memory->bytes -= before - shard->table.bytes;
    shard->expired += swept;
    return swept;
}

/* Not under any lock. */
static size_t sweep_all(struct memory *memory, uint64_t now_ms)
{
    size_t swept = 0;
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&memory->shards[i].lock);
        swept += sweep_shard(memory, &memory->shards[i], now_ms, SWEEP_A_SHARD);
        unlock(&memory->shards[i]);
    }
    return swept;
}

/* What shrinks is always let in. */
static bool reserve(struct memory *memory, size_t old_cost, size_t new_cost)
{
    if (new_cost == old_cost)
        return true;
    if (new_cost < old_cost) {
        memory->bytes -= old_cost - new_cost;
        return true;
    }
    size_t more = new_cost - old_cost;
    if (atomic_fetch_add(&memory->bytes, more) + more <= memory->byte_limit)
        return true;
    memory->bytes -= more;
    return false;
}

static uint64_t due_of(uint64_t ttl_ms, uint64_t now_ms)
{
    return ttl_ms == 0 ? 0 : ttl_ms < UINT64_MAX - now_ms ? now_ms + ttl_ms : UINT64_MAX;
}

/* The entry, or NULL when there is no room. Also over one whose time has passed, which is still
 * counted. */
static struct table_entry *put(struct memory *memory, struct shard *shard, struct slice key,
                               struct slice value, uint64_t due_ms)
{
    const struct table_entry *old = table_find(&shard->table, key);
    if (!reserve(memory, old ? table_cost(key.len, old->value_len) : 0,
                 table_cost(key.len, value.len)))
        return NULL;
    return table_put(&shard->table, key, value, due_ms);
}

static bool refuse_full(struct memory *memory, struct slice key, struct error *err)
{
    struct shard *shard = lock_shard_of(memory, key);
    shard->refused++;
    unlock(shard);
    return fail(err, ERROR_STORE_FULL,
                "the store has no room for \"%.*s\" (limit: %zu bytes): delete something, set "
                "values with a ttl, or "
                "raise the limit",
                SLICE_ARGS(key), memory->byte_limit);
}

/* ---- methods ---- */

static bool memory_get(struct store *store, struct slice key, uint64_t now_ms, struct buf *value,
                       uint64_t *version)
{
    struct shard *shard = lock_shard_of(memory_of(store), key);
    const struct table_entry *entry = find(shard, key, now_ms);
    if (entry != NULL) {
        buf_add_slice(value, table_value(entry));
        if (version != NULL)
            *version = entry->version;
    }
    unlock(shard);
    return entry != NULL;
}

static bool try_set(struct memory *memory, const struct store_write *write, uint64_t now_ms)
{
    struct shard *shard = lock_shard_of(memory, write->key);
    bool is_set =
        put(memory, shard, write->key, write->value, due_of(write->ttl_ms, now_ms)) != NULL;
    sweep_shard(memory, shard, now_ms, SWEEP_A_WRITE);
    unlock(shard);
    return is_set;
}

static bool memory_set(struct store *store, const struct store_write *write, uint64_t now_ms,
                       struct error *err)
{
    struct memory *memory = memory_of(store);
    do {
        if (try_set(memory, write, now_ms))
            return true;
    } while (sweep_all(memory, now_ms) > 0);
    return refuse_full(memory, write->key, err);
}

static bool memory_remove(struct store *store, struct slice key, uint64_t now_ms)
{
    struct memory *memory = memory_of(store);
    struct shard *shard = lock_shard_of(memory, key);
    struct table_entry *entry = find(shard, key, now_ms);
    if (entry != NULL) {
        memory->bytes -= table_cost(key.len, entry->value_len);
        table_remove(&shard->table, entry);
    }
    unlock(shard);
    return entry != NULL;
}

struct addition {
    struct slice key;
    int64_t by, result;
    uint64_t due_ms, now_ms;
};

enum added { ADDED, NO_INTEGER, NO_ROOM };

/* What is there keeps its time. */
static enum added try_increment(struct memory *memory, struct addition *addition)
{
    char text[24];
    int64_t old = 0;
    enum added added = NO_INTEGER;
    struct shard *shard = lock_shard_of(memory, addition->key);
    const struct table_entry *entry = find(shard, addition->key, addition->now_ms);
    if ((entry == NULL || store_parse_integer(table_value(entry), &old)) &&
        !__builtin_add_overflow(old, addition->by, &addition->result)) {
        size_t len = (size_t)snprintf(text, sizeof text, "%" PRId64, addition->result);
        uint64_t due_ms = entry != NULL ? entry->due_ms : addition->due_ms;
        entry = put(memory, shard, addition->key, slice_make(text, len), due_ms);
        added = entry != NULL ? ADDED : NO_ROOM;
    }
    sweep_shard(memory, shard, addition->now_ms, SWEEP_A_WRITE);
    unlock(shard);
    return added;
}

static bool memory_increment(struct store *store, struct slice key, int64_t by, uint64_t ttl_ms,
                             uint64_t now_ms, int64_t *result, struct error *err)
{
    struct memory *memory = memory_of(store);
    struct addition addition = {
        .key = key, .by = by, .due_ms = due_of(ttl_ms, now_ms), .now_ms = now_ms};
    enum added added;
    do
        added = try_increment(memory, &addition);
    while (added == NO_ROOM && sweep_all(memory, now_ms) > 0);
    *result = addition.result;
    if (added == NO_ROOM)
        return refuse_full(memory, key, err);
    return added == ADDED ||
           fail(err, ERROR_BAD_REQUEST,
                "\"%.*s\" of the store is no integer, or would be none of 64 bits",
                SLICE_ARGS(key));
}

static enum store_outcome try_swap(struct memory *memory, const struct store_write *write,
                                   uint64_t *version, uint64_t now_ms)
{
    struct shard *shard = lock_shard_of(memory, write->key);
    const struct table_entry *entry = find(shard, write->key, now_ms);
    uint64_t present = entry != NULL ? entry->version : 0;
    enum store_outcome outcome = present == *version ? STORE_SWAPPED : STORE_DIFFERS;
    if (outcome == STORE_SWAPPED) {
        entry = put(memory, shard, write->key, write->value, due_of(write->ttl_ms, now_ms));
        outcome = entry != NULL ? STORE_SWAPPED : STORE_REFUSED;
        present = entry != NULL ? entry->version : present;
    }
    *version = present;
    sweep_shard(memory, shard, now_ms, SWEEP_A_WRITE);
    unlock(shard);
    return outcome;
}

static enum store_outcome memory_swap(struct store *store, const struct store_write *write,
                                      uint64_t *version, uint64_t now_ms, struct error *err)
{
    struct memory *memory = memory_of(store);
    enum store_outcome outcome;
    do
        outcome = try_swap(memory, write, version, now_ms);
    while (outcome == STORE_REFUSED && sweep_all(memory, now_ms) > 0);
    if (outcome == STORE_REFUSED)
        refuse_full(memory, write->key, err);
    return outcome;
}

/* ---- lists: first the keys, a shard at a time, then each one's value ---- */

struct keys {
    char **all; /* each a length and its bytes */
    size_t count, room;
};

static struct slice key_at(const char *packed)
{
    unsigned short len;
    memcpy(&len, packed, sizeof len);
    return slice_make(packed + sizeof len, len);
}

static void add_key(struct keys *keys, struct slice key)
{
    unsigned short len = (unsigned short)key.len;
    char *packed = xmalloc(sizeof len + key.len);
    memcpy(packed, &len, sizeof len);
    memcpy(packed + sizeof len, key.at, key.len);
    if (keys->count == keys->room) {
        keys->room = keys->room ? keys->room * 2 : 32;
        keys->all = xrealloc(keys->all, keys->room * sizeof *keys->all);
    }
    keys->all[keys->count++] = packed;
}

static bool has_prefix(struct slice key, struct slice prefix)
{
    return key.len >= prefix.len && (prefix.len == 0 || memcmp(key.at, prefix.at, prefix.len) == 0);
}

static void gather(struct shard *shard, const struct store_range *range, uint64_t now_ms,
                   struct keys *keys)
{
    bool is_later = range->after.at != NULL && table_compare(range->after, range->prefix) >= 0;
    size_t most = keys->count + range->limit + 1;
    const struct table_entry *entry =
        table_seek(&shard->table, is_later ? range->after : range->prefix, is_later);
    for (; entry != NULL && keys->count < most && has_prefix(table_key(entry), range->prefix);
         entry = table_next(entry))
        if (!table_is_over(entry, now_ms))
            add_key(keys, table_key(entry));
}

static int compare_keys(const void *a, const void *b)
{
    return table_compare(key_at(*(char *const *)a), key_at(*(char *const *)b));
}

static void free_keys(struct keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        free(keys->all[i]);
    free(keys->all);
}

/* How many keys of the list were asked for; what has gone meanwhile is left out. */
static size_t tell_keys(struct store *store, const struct keys *keys, size_t limit, uint64_t now_ms,
                        void (*each)(void *context, struct slice key, struct slice value,
                                     uint64_t version),
                        void *context)
{
    struct buf value = {0};
    uint64_t version;
    size_t at = 0;
    for (size_t bytes = 0; at < keys->count && at < limit && bytes < STORE_LIST_BYTES_MAX;
         bytes += value.len) {
        struct slice key = key_at(keys->all[at++]);
        buf_clear(&value);
        if (memory_get(store, key, now_ms, &value, &version))
            each(context, key, buf_slice(&value), version);
    }
    buf_finish(&value);
    return at;
}

static bool memory_list(struct store *store, const struct store_range *range, uint64_t now_ms,
                        void (*each)(void *context, struct slice key, struct slice value,
                                     uint64_t version),
                        void *context)
{
    struct memory *memory = memory_of(store);
    struct keys keys = {0};
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&memory->shards[i].lock);
        gather(&memory->shards[i], range, now_ms, &keys);
        unlock(&memory->shards[i]);
    }
    if (keys.count > 0)
        qsort(keys.all, keys.count, sizeof *keys.all, compare_keys);
    bool has_more = tell_keys(store, &keys, range->limit, now_ms, each, context) < keys.count;
    free_keys(&keys);
    return has_more;
}

static size_t memory_sweep(struct store *store, uint64_t now_ms, size_t most)
{
    struct memory *memory = memory_of(store);
    size_t swept = 0;
    for (int i = 0; i < SHARDS && swept < most; i++) {
        struct shard *shard = &memory->shards[memory->sweep_at++ % SHARDS];
        pthread_mutex_lock(&shard->lock);
        swept += sweep_shard(memory, shard, now_ms, most - swept);
        unlock(shard);
    }
    return swept;
}

static void memory_counts(struct store *store, struct store_counts *counts)
{
    struct memory *memory = memory_of(store);
    *counts = (struct store_counts){.bytes = memory->bytes, .byte_limit = memory->byte_limit};
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &memory->shards[i];
        pthread_mutex_lock(&shard->lock);
        counts->values += shard->table.by_key.count;
        counts->expired += shard->expired;
        counts->refused += shard->refused;
        unlock(shard);
    }
}

static void memory_destroy(struct store *store)
{
    struct memory *memory = memory_of(store);
    for (int i = 0; i < SHARDS; i++) {
        table_finish(&memory->shards[i].table);
        pthread_mutex_destroy(&memory->shards[i].lock);
    }
    free(memory);
}

struct store *store_memory_create(size_t byte_limit)
{
    static const struct store_methods methods = {
        memory_get,  memory_set,   memory_remove, memory_increment, memory_swap,
        memory_list, memory_sweep, memory_counts, memory_destroy,
    };
    struct memory *memory = aligned_alloc(_Alignof(struct memory), sizeof *memory);
    ensure(memory != NULL);
    memset(memory, 0, sizeof *memory);
    memory->store.methods = &methods;
    memory->byte_limit = byte_limit;
    for (int i = 0; i < SHARDS; i++)
        pthread_mutex_init(&memory->shards[i].lock, NULL);
    return &memory->store;
}
