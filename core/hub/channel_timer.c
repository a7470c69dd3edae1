#include "hub/channel_timer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "hub/channel.h"
#include "hub/hub.h"
#include "hub/wish.h"

struct channel_timer {
    struct channel_timer *next;
    struct timer timer;
    struct channel *channel;
    uint64_t id, ms;
    bool repeats;
    bool is_queued; /* its last coming waits in the channel's lane: it does not come twice at once */
    struct slice method, data;
    char bytes[];
};

static struct channel_timer **find(struct channel *channel, uint64_t id)
{
    struct channel_timer **link = &channel->timers.first;
    while (*link != NULL && (*link)->id != id)
        link = &(*link)->next;
    return link;
}

static void take_away(struct channel_timer **link)
{
    struct channel_timer *own = *link;
    struct channel *channel = own->channel;
    *link = own->next;
    channel->timers.count--;
    channel->timers.single -= !own->repeats;
    timer_stop(channel->hub->timers, &own->timer);
    free(own);
}

/* In a copy: what it calls may cancel it. */
static void come(struct channel_timer *own)
{
    struct channel *channel = own->channel;
    struct request copy, request = {.verb = VERB_TIMER,
                                    .channel = channel->name,
                                    .method = own->method,
                                    .data = own->data,
                                    .seat = own->id};
    char *bytes = xmalloc(request_bytes(&request));
    request_pack(&copy, &request, bytes);
    wish_handle(channel->hub, &copy);
    free(bytes);
}

static void on_due(struct timer *timer)
{
    struct channel_timer *own = CONTAINER(timer, struct channel_timer, timer);
    if (own->repeats)
        timer_start(own->channel->hub->timers, timer, own->ms, on_due);
    if (own->is_queued)
        return;
    own->is_queued = true;
    come(own);
}

static void set(struct channel *channel, const struct effect *effect)
{
    struct channel_timer *own = xcalloc(1, sizeof *own + effect->method.len + effect->data.len);
    char *at = own->bytes;
    own->next = channel->timers.first;
    own->channel = channel;
    own->id = effect->id;
    own->ms = effect->ms;
    own->repeats = effect->repeats;
    own->method = slice_pack(&at, effect->method);
    own->data = slice_pack(&at, effect->data);
    channel->timers.first = own;
    channel->timers.count++;
    channel->timers.single += !own->repeats;
    timer_start(channel->hub->timers, &own->timer, own->ms, on_due);
}

static void log_timer(const struct channel *channel, struct slice method, const char *reason)
{
    char *name = xslicedup(channel->name), *called = xslicedup(method);
    log_event(channel->hub->options->log, LOG_WARN, "timer_dropped", "channel", name, "method", called, "reason", reason,
              NULL);
    free(name);
    free(called);
}

static void log_too_many(const struct channel *channel, struct slice method)
{
    char reason[100];
    snprintf(reason, sizeof reason, "a channel has at most %d timers: cancel what is not needed any more",
             CHANNEL_TIMERS_MAX);
    stats_add(&channel->hub->stats, STAT_TIMERS_LEFT_OUT, 1);
    log_timer(channel, method, reason);
}

void channel_timer_wish(struct channel *channel, const struct effect *effect)
{
    struct channel_timer **link = find(channel, effect->id);
    bool kept_alive = channel->timers.single > 0;
    if (*link != NULL)
        take_away(link);
    if (effect->kind == EFFECT_TIMER && channel->timers.count < CHANNEL_TIMERS_MAX) {
        set(channel, effect);
    } else if (effect->kind == EFFECT_TIMER) {
        log_too_many(channel, effect->method);
    }
    if (kept_alive != (channel->timers.single > 0))
        channel_reconsider(channel);
}

bool channel_timer_comes(struct channel *channel, const struct request *request)
{
    struct channel_timer **link = find(channel, request->seat);
    if (*link == NULL)
        return false;
    (*link)->is_queued = false;
    if (!(*link)->repeats)
        take_away(link);
    return true;
}

void channel_timer_fails(struct channel *channel, const struct request *request)
{
    struct channel_timer **link = find(channel, request->seat);
    log_timer(channel, request->method, "the channel has no such method any more");
    if (*link != NULL)
        take_away(link);
}

void channel_timers_finish(struct channel *channel)
{
    while (channel->timers.first != NULL)
        take_away(&channel->timers.first);
}
