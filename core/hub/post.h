/* Letters between workers: copies of what would be borrowed on one thread. Used by hub.c alone. */
#ifndef HUB_POST_H
#define HUB_POST_H

#include "hub/channel.h"
#include "hub/effect.h"
#include "hub/request.h"
#include "loop/mailbox.h"

struct echoes;

/* Each posts a copy to the hub's mailbox; the reader calls what its name says. */
void post_request(struct hub *to, const struct request *request);                       /* home_handle */
void post_answer(struct hub *to, const struct asker *asker, const struct answer *answer); /* asker->answered */
void post_frames(struct hub *to, uint64_t group, struct frame *const *frames,
                 const struct echoes *echoes);                                          /* audience_deliver */
void post_eviction(struct hub *to, struct slice channel, const struct seat *seat, int code,
                   struct slice reason);                                                /* member_evicted */
void post_member_move(struct hub *to, struct slice channel, const struct seat *seat);          /* member_moved */
void post_effect(struct hub *to, const struct effect *effect);                          /* session_tell */

#endif
