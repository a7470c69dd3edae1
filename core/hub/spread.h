/* Publications to the groups of their channel: what each view shows is made once, and each frame
 * shared. */
#ifndef HUB_SPREAD_H
#define HUB_SPREAD_H

#include "hub/dialect.h"

struct channel;

/* All who are in the channel get what they may of one or more publications, in their order, at the
 * end of this turn. `key`: of what they are about, for readers who are behind. */
void spread(struct channel *channel, const struct publication *first, unsigned count, uint64_t key);

#endif
