/* The home of channels: decides what is asked of them, one event at a time, in one order. */
#ifndef HUB_HOME_H
#define HUB_HOME_H

#include "hub/channel.h"
#include "hub/effect.h"
#include "hub/request.h"

/* Does what is asked (rules, hooks, order, fan-out) and answers the asker. Must be at home here. */
void home_handle(struct hub *hub, const struct request *request);

/* HOOK_OPEN and HOOK_CLOSE: nobody waits for them; an error is in the log. */
void home_run_plain_hook(struct channel *channel, enum hook hook, unsigned hops);

/* Does, in a later turn, what a hook wished for another channel or for clients. */
void home_wish(struct hub *hub, const struct effect *effect, unsigned hops);

#endif
