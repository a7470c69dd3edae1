/* The home of channels: decides what is asked of them, one event at a time, in one order. */
#ifndef HUB_HOME_H
#define HUB_HOME_H

#include "hub/channel.h"
#include "hub/effect.h"
#include "hub/request.h"

/* Does what is asked (rules, hooks, order, fan-out) and answers the asker. Must be at home here. */
void home_handle(struct hub *hub, const struct request *request);

/* The same for what has waited in the channel's lane, and was counted when it came. */
void home_resume(struct hub *hub, const struct request *request);
/* ... and was left over when that channel ended: it may have to wait once more. */
void home_reopen(struct hub *hub, const struct request *request);
/* on_published of what has been delivered: request->data, who, hops, its offset. */
void home_notify(struct channel *channel, const struct request *request, uint64_t offset);

/* HOOK_OPEN: the channel has come to life, by so many hops. HOOK_UPGRADE: it has come from generation `from` to other
 * code. What comes after waits for them. Errors are in the log. */
void home_begin(struct channel *channel, enum hook hook, unsigned from, unsigned hops);
/* It is to end: runs on_close, then destroys it. */
void home_close(struct channel *channel);

/* Does, in a later turn, what a hook wished for another channel or for clients. */
void home_wish(struct hub *hub, const struct effect *effect, unsigned hops);

#endif
