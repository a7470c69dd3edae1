#include "hub/history.h"

#include <stdlib.h>

#include "base/memory.h"

static struct kept *kept_at(const struct history *history, unsigned n)
{
    return &history->ring[(history->head + n) % history->size];
}

static void pop(struct history *history)
{
    struct kept *kept = kept_at(history, 0);
    identity_unref(kept->who);
    free(kept->data);
    history->head = (history->head + 1) % history->size;
    history->count--;
}

void history_finish(struct history *history)
{
    while (history->count > 0)
        pop(history);
    free(history->ring);
    *history = (struct history){0};
}

void history_resize(struct history *history, unsigned size, uint64_t ttl_ms)
{
    history->ttl_ms = ttl_ms;
    if (size == history->size)
        return;
    while (history->count > size)
        pop(history);
    struct kept *ring = size == 0 ? NULL : xcalloc(size, sizeof *ring);
    for (unsigned n = 0; n < history->count; n++)
        ring[n] = *kept_at(history, n);
    free(history->ring);
    history->ring = ring;
    history->size = size;
    history->head = 0;
}

void history_add(struct history *history, uint64_t offset, struct slice data, const struct identity *who,
                 uint64_t now_ms)
{
    if (history->size == 0)
        return;
    if (history->count == history->size)
        pop(history);
    *kept_at(history, history->count++) =
        (struct kept){offset, now_ms, identity_ref(who), xslicedup(data), data.len};
}

void history_expire(struct history *history, uint64_t now_ms)
{
    while (history->count > 0 && kept_at(history, 0)->at_ms + history->ttl_ms <= now_ms)
        pop(history);
}

const struct kept *history_peek(const struct history *history, unsigned n)
{
    return n < history->count ? kept_at(history, n) : NULL;
}
