#include "store/store.h"

static bool is_key(struct slice key)
{
    return key.len >= 1 && key.len <= STORE_KEY_MAX;
}

static bool check_key(struct slice key, struct error *err)
{
    return is_key(key) ||
           fail(err, ERROR_BAD_REQUEST, "a key of the store has 1 to %d bytes (got %zu)",
                STORE_KEY_MAX, key.len);
}

static bool check_write(const struct store_write *write, struct error *err)
{
    if (!check_key(write->key, err))
        return false;
    return write->value.len <= STORE_VALUE_MAX ||
           fail(err, ERROR_TOO_LARGE,
                "a value of the store has at most %d bytes (\"%.*s\" would have %zu)",
                STORE_VALUE_MAX, SLICE_ARGS(write->key), write->value.len);
}

bool store_get(struct store *store, struct slice key, uint64_t now_ms, struct buf *value,
               uint64_t *version)
{
    return is_key(key) && store->methods->get(store, key, now_ms, value, version);
}

bool store_set(struct store *store, const struct store_write *write, uint64_t now_ms,
               struct error *err)
{
    return check_write(write, err) && store->methods->set(store, write, now_ms, err);
}

bool store_delete(struct store *store, struct slice key, uint64_t now_ms)
{
    return is_key(key) && store->methods->remove(store, key, now_ms);
}

bool store_increment(struct store *store, struct slice key, int64_t by, uint64_t ttl_ms,
                     uint64_t now_ms, int64_t *result, struct error *err)
{
    return check_key(key, err) &&
           store->methods->increment(store, key, by, ttl_ms, now_ms, result, err);
}

enum store_outcome store_swap(struct store *store, const struct store_write *write,
                              uint64_t *version, uint64_t now_ms, struct error *err)
{
    return check_write(write, err) ? store->methods->swap(store, write, version, now_ms, err)
                                   : STORE_REFUSED;
}

bool store_list(struct store *store, const struct store_range *range, uint64_t now_ms,
                void (*each)(void *context, struct slice key, struct slice value, uint64_t version),
                void *context)
{
    struct store_range bounded = *range;
    if (bounded.limit > STORE_LIST_MAX)
        bounded.limit = STORE_LIST_MAX;
    return bounded.limit > 0 && store->methods->list(store, &bounded, now_ms, each, context);
}

size_t store_sweep(struct store *store, uint64_t now_ms, size_t most)
{
    return store->methods->sweep(store, now_ms, most);
}

void store_counts(struct store *store, struct store_counts *counts)
{
    store->methods->counts(store, counts);
}

void store_destroy(struct store *store)
{
    if (store != NULL)
        store->methods->destroy(store);
}

/* Digits as JSON has them, and none too many for 64 bits. */
bool store_parse_integer(struct slice value, int64_t *n)
{
    bool is_negative = value.len > 0 && *value.at == '-';
    const char *at = value.at + is_negative, *end = value.at + value.len;
    uint64_t sum = 0, most = (uint64_t)INT64_MAX + is_negative;
    if (at == end || (*at == '0' && at + 1 < end))
        return false;
    for (; at < end; at++) {
        unsigned digit = (unsigned char)*at - (unsigned)'0';
        if (digit > 9 || sum > (most - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *n = (int64_t)(is_negative ? 0 - sum : sum);
    return true;
}
