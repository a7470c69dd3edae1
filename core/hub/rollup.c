#include "hub/rollup.h"

#include "base/memory.h"
#include "hub/channel.h"
#include "hub/home.h"
#include "hub/hub.h"

/* Each value's figures are a publication of the house's by itself. */
static void tell(struct channel *channel)
{
    const struct rollup_rule *rule = channel->type->rollup;
    const struct slice *params;
    unsigned count = pattern_params(channel->type->pattern, &params);
    struct buf into = {0}, data = {0};
    rollup_put_into(rule, params, channel->params, count, &into);
    for (; rollup_take(&channel->rollup.stretch, rule, &data); buf_clear(&data)) {
        struct effect effect = {
            .kind = EFFECT_PUBLISH, .channel = buf_slice(&into), .data = buf_slice(&data)};
        home_wish(channel->hub, &effect, 1);
    }
    buf_finish(&into);
    buf_finish(&data);
}

static void on_stretch_over(struct timer *timer);

/* The stretches follow one another without a gap, however late a timer comes; where the loop was
 * held up for more than one, they begin anew. */
static void time_next(struct channel *channel)
{
    struct rollup *rollup = &channel->rollup;
    uint64_t now = loop_now_ms(channel->hub->loop);
    uint64_t every = (uint64_t)channel->type->rollup->every_ms;
    rollup->until_ms += every;
    if (rollup->until_ms <= now)
        rollup->until_ms = now + every;
    timer_start(channel->hub->timers, &rollup->timer, rollup->until_ms - now, on_stretch_over);
}

static void on_stretch_over(struct timer *timer)
{
    struct channel *channel = CONTAINER(timer, struct channel, rollup.timer);
    channel_bind(channel);
    if (rollup_is_empty(&channel->rollup.stretch)) {
        channel_reconsider(channel);
        return;
    }
    tell(channel);
    time_next(channel);
}

static void count_left_out(struct channel *channel, enum rollup_taken taken)
{
    if (taken == ROLLUP_NO_NUMBER)
        stats_add(&channel->hub->stats, STAT_ROLLUP_NO_NUMBER, 1);
    else if (taken == ROLLUP_NO_ROOM)
        stats_add(&channel->hub->stats, STAT_ROLLUP_NO_ROOM, 1);
}

void rollup_hear(struct channel *channel, struct slice data)
{
    struct rollup *rollup = &channel->rollup;
    if (channel->type->rollup == NULL)
        return;
    count_left_out(channel, rollup_add(&rollup->stretch, channel->type->rollup, data));
    if (timer_is_set(&rollup->timer) || rollup_is_empty(&rollup->stretch))
        return;
    rollup->until_ms = loop_now_ms(channel->hub->loop);
    time_next(channel);
}

void rollup_bind(struct channel *channel, const struct channel_type *next)
{
    const struct channel_type *type = channel->type;
    if (type == NULL || type->rollup == NULL ||
        (next != NULL && rollup_is_equal(type->rollup, next->rollup)))
        return;
    tell(channel);
    timer_stop(channel->hub->timers, &channel->rollup.timer);
    channel_reconsider(channel);
}

bool rollup_is_open(const struct channel *channel)
{
    return timer_is_set(&channel->rollup.timer);
}

void rollup_close(struct channel *channel)
{
    timer_stop(channel->hub->timers, &channel->rollup.timer);
    rollup_finish(&channel->rollup.stretch);
}
