/* A channel's own timers: self:every and self:after. They live as long as their channel, whatever is reloaded. */
#ifndef HUB_ALARM_H
#define HUB_ALARM_H

#include "hub/effect.h"
#include "hub/request.h"

struct channel;
struct alarm;

enum { ALARMS_MAX = 64 }; /* of one channel */

/* Embedded in its channel; all zeroes has none. */
struct alarms {
    struct alarm *first;
    unsigned count;
    unsigned single; /* how many of them come once: they keep the channel alive */
    bool is_ringing; /* what happens is one's doing: it does not make the channel live longer */
};

/* Does an EFFECT_ALARM or EFFECT_CANCEL. One over ALARMS_MAX is not set: counted and logged. */
void alarm_wish(struct channel *channel, const struct effect *effect);
/* A VERB_ALARM that the channel may handle now: takes a single one away. False: it was cancelled meanwhile. */
bool alarm_comes(struct channel *channel, const struct request *request);
/* Its method is not there: it never comes again, and the log says so. */
void alarm_fails(struct channel *channel, const struct request *request);
void alarms_finish(struct channel *channel);

#endif
