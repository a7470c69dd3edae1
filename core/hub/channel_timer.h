/* A channel's own timers: self:every and self:after. They live as long as their channel, whatever
 * is reloaded. */
#ifndef HUB_CHANNEL_TIMER_H
#define HUB_CHANNEL_TIMER_H

#include "hub/effect.h"
#include "hub/request.h"

struct channel;
struct channel_timer;
struct generation;
struct hub;

enum { CHANNEL_TIMERS_MAX = 64 }; /* of one channel */

/* Embedded in its channel; all zeroes has none. */
struct channel_timers {
    struct channel_timer *first;
    unsigned count;
    unsigned single; /* how many of them come once: they keep the channel alive */
    bool is_ringing; /* what happens is one's doing: it does not make the channel live longer */
};

/* Does an EFFECT_TIMER or EFFECT_CANCEL. One over CHANNEL_TIMERS_MAX is not set: counted and
 * logged. */
void channel_timer_wish(struct channel *channel, const struct effect *effect);
/* A VERB_TIMER that the channel may handle now: takes a single one away. False: it was cancelled
 * meanwhile. */
bool channel_timer_comes(struct channel *channel, const struct request *request);
/* Its method is not there: it never comes again, and the log says so. */
void channel_timer_fails(struct channel *channel, const struct request *request);
/* Whether all timers find their methods in `next`, the generation that is prepared, too, or the
 * channel's on_upgrade has its say there. False: *err names one that does not. */
bool channel_timers_fit(struct hub *hub, const struct generation *next, struct error *err);
void channel_timers_finish(struct channel *channel);

#endif
