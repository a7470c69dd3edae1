/* The last message of a channel, or of each key in it: what who comes is given at once. */
#ifndef HUB_LATEST_H
#define HUB_LATEST_H

#include "base/buf.h"
#include "base/map.h"
#include "hub/dialect.h"
#include "rule/path.h"

struct channel;
struct group;

/* A channel keeps so many, in so many bytes or a quarter of what may wait for a reader; the newest
 * always. The key that has been quiet for longest gives way. */
enum { LATEST_KEYS_MAX = 1024, LATEST_BYTES_MAX = 256 * 1024 };

/* Embedded in its channel; all zeroes keeps nothing. */
struct latest {
    struct map keys;              /* struct said by its key */
    struct said *oldest, *newest; /* the same in their order */
    size_t bytes;
};

/* What a subscriber is given of it. */
struct latest_list {
    struct publication *publications; /* owned; their bytes are the channel's, or in `bytes` */
    unsigned count;
    struct buf bytes;
};

/* Copies it, if the channel's type says `latest`. */
void latest_keep(struct channel *channel, const struct publication *publication);
/* What a group hears of what is kept, in the order in which it was said; good until the channel's
 * next event. */
void latest_show(struct channel *channel, const struct group *group, struct latest_list *list);
/* What was said last with that key, which is JSON; absent: of all. Absent when nothing was, or too
 * long ago. Good until the channel's next event. */
struct slice latest_find(const struct channel *channel, struct slice key);
void latest_list_finish(struct latest_list *list);

/* The type has changed: forgets what is kept by another key, or for too long. */
void latest_bind(struct channel *channel);
/* When the last of it is too old, by the loop's clock; 0: nothing is kept. */
uint64_t latest_until_ms(const struct channel *channel);
void latest_finish(struct latest *latest);

#endif
