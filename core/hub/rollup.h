/* What a channel sums up of its messages, told to another channel every so often. No Lua. */
#ifndef HUB_ROLLUP_H
#define HUB_ROLLUP_H

#include "loop/timer.h"
#include "rule/rollup.h"

struct channel;
struct channel_type;

/* Embedded in its channel; all zeroes sums up nothing. */
struct rollup {
    struct rollup_stretch stretch;
    struct timer timer; /* set from the first message on until a stretch had none */
    uint64_t until_ms;  /* the stretch's end, by the loop's clock */
};

/* Sums up what was published, if the channel's type says `rollup`. */
void rollup_hear(struct channel *channel, struct slice data);
/* Before the channel gets that type (NULL: none any more): where it sums up otherwise, what there
 * is of this stretch is told now, as it was summed up. */
void rollup_bind(struct channel *channel, const struct channel_type *next);
/* While it is, the channel lives: something is to be told. */
bool rollup_is_open(const struct channel *channel);
void rollup_close(struct channel *channel); /* forgets it */

#endif
