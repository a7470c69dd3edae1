/* Who is in a channel: the answers to `presence` and `presence_stats`. */
#ifndef HUB_PRESENCE_H
#define HUB_PRESENCE_H

#include "hub/channel.h"
#include "hub/request.h"

/* Answers it. A channel of NULL does not live: nobody is in it. */
void presence_answer(struct hub *hub, const struct request *request, const struct channel *channel);

#endif
