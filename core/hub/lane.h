/* The order of what happens in a channel: while one of its hooks waits, what comes after it waits as well. */
#ifndef HUB_LANE_H
#define HUB_LANE_H

#include "base/error.h"
#include "hub/job.h"
#include "loop/mailbox.h"

struct channel;
struct queued;

struct lane_queue {
    struct queued *first, *last;
};

/* Embedded in its channel; all zeroes is free. */
struct lane {
    struct lane_queue notices;  /* on_published of what has been delivered: before all requests */
    struct lane_queue requests;
    unsigned count;             /* of both */
    size_t bytes;
    bool is_held;    /* an ordered hook waits */
    bool is_shut;    /* it waits alone: on_open, on_close */
    unsigned others; /* requests that are of no order: they pass those that are */
    bool is_posted;  /* `mail` is on its way */
    bool is_going_on;
    struct mail mail; /* to ourselves: go on in the next turn */
};

/* A job of the channel begins to wait, and has ended. */
void lane_enter(struct channel *channel, const struct job *job);
void lane_leave(struct channel *channel, const struct job *job);

/* Whether a request with that verb has to wait for those before it. */
bool lane_is_taken(const struct channel *channel, enum verb verb);
/* Keeps a copy for later. False and err: too many wait; farewells, kicks and timers never fail. */
bool lane_add(struct channel *channel, const struct request *request, struct error *err) MUST_USE;
/* The same for on_published (request->data, who, hops; its offset), if it has to wait; false: it need not. Where too
 * many wait it is left out, and counted. */
bool lane_add_notice(struct channel *channel, const struct request *request, uint64_t offset);
/* Handles what waited, as far as that may happen now; a few in this turn, the rest later. */
void lane_go_on(struct channel *channel);
/* Whether the channel has to live for it. */
bool lane_is_busy(const struct channel *channel);
/* The channel ends. What still waits for it is given back, for whoever has it opened anew. */
struct queued *lane_finish(struct channel *channel) MUST_USE;
/* Handles what lane_finish gave, or gives it up; NULL is fine. */
void lane_hand_over(struct hub *hub, struct queued *rest);
void lane_give_up(struct hub *hub, struct queued *rest);

#endif
