/* The last messages of a channel, bounded in number and age. */
#ifndef HUB_HISTORY_H
#define HUB_HISTORY_H

#include "base/slice.h"
#include "hub/identity.h"

/* How long a history without a time of its own keeps a message. */
enum { HISTORY_TTL_DEFAULT_MS = 3600 * 1000 };

struct kept {
    uint64_t offset;
    uint64_t at_ms; /* the loop's clock */
    struct identity *who;
    char *data;
    size_t len;
};

/* Embedded in its channel. Offsets in it rise by exactly 1. All zeroes is a history that keeps nothing. */
struct history {
    struct kept *ring;
    unsigned head, count, size;
    uint64_t ttl_ms;
};

void history_finish(struct history *history);
/* Changes the bounds, keeping the newest that fit. A size of 0 forgets all. */
void history_resize(struct history *history, unsigned size, uint64_t ttl_ms);
/* Keeps a copy; the oldest gives way. Nothing happens with a size of 0. */
void history_add(struct history *history, uint64_t offset, struct slice data, const struct identity *who,
                 uint64_t now_ms);
void history_expire(struct history *history, uint64_t now_ms); /* forgets what is too old */
/* The n-th oldest, borrowed; NULL past the end. */
const struct kept *history_peek(const struct history *history, unsigned n);

#endif
