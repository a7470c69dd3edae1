#include "hub/alarm.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/channel.h"
#include "hub/home.h"
#include "hub/hub.h"

struct alarm {
    struct alarm *next;
    struct timer timer;
    struct channel *channel;
    uint64_t id, ms;
    bool repeats;
    bool is_queued; /* its last coming waits in the channel's lane: it does not come twice at once */
    struct slice method, data;
    char bytes[];
};

static struct alarm **find(struct channel *channel, uint64_t id)
{
    struct alarm **link = &channel->alarms.first;
    while (*link != NULL && (*link)->id != id)
        link = &(*link)->next;
    return link;
}

static void take_away(struct alarm **link)
{
    struct alarm *alarm = *link;
    struct channel *channel = alarm->channel;
    *link = alarm->next;
    channel->alarms.count--;
    channel->alarms.single -= !alarm->repeats;
    timer_stop(channel->hub->timers, &alarm->timer);
    free(alarm);
}

/* In a copy: what it calls may cancel it. */
static void come(struct alarm *alarm)
{
    struct channel *channel = alarm->channel;
    struct request copy, request = {.verb = VERB_ALARM,
                                    .channel = channel->name,
                                    .method = alarm->method,
                                    .data = alarm->data,
                                    .seat = alarm->id};
    char *bytes = xmalloc(request_bytes(&request));
    request_pack(&copy, &request, bytes);
    home_handle(channel->hub, &copy);
    free(bytes);
}

static void on_due(struct timer *timer)
{
    struct alarm *alarm = CONTAINER(timer, struct alarm, timer);
    if (alarm->repeats)
        timer_start(alarm->channel->hub->timers, timer, alarm->ms, on_due);
    if (alarm->is_queued)
        return;
    alarm->is_queued = true;
    come(alarm);
}

static void set(struct channel *channel, const struct effect *effect)
{
    struct alarm *alarm = xcalloc(1, sizeof *alarm + effect->method.len + effect->data.len);
    char *at = alarm->bytes;
    alarm->next = channel->alarms.first;
    alarm->channel = channel;
    alarm->id = effect->id;
    alarm->ms = effect->ms;
    alarm->repeats = effect->repeats;
    alarm->method = slice_pack(&at, effect->method);
    alarm->data = slice_pack(&at, effect->data);
    channel->alarms.first = alarm;
    channel->alarms.count++;
    channel->alarms.single += !alarm->repeats;
    timer_start(channel->hub->timers, &alarm->timer, alarm->ms, on_due);
}

static void log_alarm(const struct channel *channel, struct slice method, const char *reason)
{
    char *name = xslicedup(channel->name), *called = xslicedup(method);
    log_event(channel->hub->options->log, LOG_WARN, "timer_dropped", "channel", name, "method", called, "reason", reason,
              NULL);
    free(name);
    free(called);
}

void alarm_wish(struct channel *channel, const struct effect *effect)
{
    struct alarm **link = find(channel, effect->id);
    bool kept_alive = channel->alarms.single > 0;
    if (*link != NULL)
        take_away(link);
    if (effect->kind == EFFECT_ALARM && channel->alarms.count < ALARMS_MAX) {
        set(channel, effect);
    } else if (effect->kind == EFFECT_ALARM) {
        stats_add(&channel->hub->stats, STAT_ALARMS_LEFT_OUT, 1);
        log_alarm(channel, effect->method, "a channel has at most 64 timers: cancel what is not needed any more");
    }
    if (kept_alive != (channel->alarms.single > 0))
        channel_reconsider(channel);
}

bool alarm_comes(struct channel *channel, const struct request *request)
{
    struct alarm **link = find(channel, request->seat);
    if (*link == NULL)
        return false;
    (*link)->is_queued = false;
    if (!(*link)->repeats)
        take_away(link);
    return true;
}

void alarm_fails(struct channel *channel, const struct request *request)
{
    struct alarm **link = find(channel, request->seat);
    log_alarm(channel, request->method, "the channel has no such method any more");
    if (*link != NULL)
        take_away(link);
}

void alarms_finish(struct channel *channel)
{
    while (channel->alarms.first != NULL)
        take_away(&channel->alarms.first);
}
