/* How a channel's publications leave it: at once, or held to go out together or only if nothing
 * newer comes. */
#ifndef HUB_DELIVERY_H
#define HUB_DELIVERY_H

#include "base/map.h"
#include "hub/dialect.h"
#include "loop/timer.h"

struct channel;

/* Embedded in its channel; all zeroes holds nothing. */
struct delivery {
    struct held **held;
    unsigned count, room;
    uint64_t next_number; /* of what is held next */
    size_t bytes;
    struct map places;  /* of those that a newer one replaces: struct held by its place */
    struct timer timer; /* until what is held goes out */
};

/* Has everybody who is in the channel now get it, as the channel's type says when. The type's order
 * holds; offsets rise. */
void delivery_publish(struct channel *channel, const struct publication *publication);
/* What is held goes out now: before somebody comes in, before the type changes. */
void delivery_flush(struct channel *channel);
void delivery_finish(struct channel *channel); /* forgets what is held */

#endif
