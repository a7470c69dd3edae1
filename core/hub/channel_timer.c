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
    bool
        is_queued; /* its last coming waits in the channel's lane: it does not come twice at once */
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
    log_event(channel->hub->options->log, LOG_WARN, "timer_dropped", "channel", name, "method",
              called, "reason", reason, NULL);
    free(name);
    free(called);
}

static void log_too_many(const struct channel *channel, struct slice method)
{
    char reason[100];
    snprintf(reason, sizeof reason,
             "a channel has at most %d timers: cancel what is not needed any more",
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

/* ---- a generation to come ---- */

/* What is known to be there: (type now, method), for many channels have the same timers. */
struct fitting {
    struct map known;
    struct fit {
        struct fit *next;
        size_t len;
        char key[];
    } * all;
};

static bool is_known(struct fitting *fitting, const struct channel_timer *own)
{
    const struct channel_type *type = own->channel->type;
    struct fit *fit = xmalloc(sizeof *fit + sizeof type + own->method.len);
    fit->len = sizeof type + own->method.len;
    memcpy(fit->key, &type, sizeof type);
    memcpy(fit->key + sizeof type, own->method.at, own->method.len);
    if (map_find(&fitting->known, slice_make(fit->key, fit->len)) != NULL) {
        free(fit);
        return true;
    }
    fit->next = fitting->all;
    fitting->all = fit;
    map_add(&fitting->known, slice_make(fit->key, fit->len), fit);
    return false;
}

static bool fail_fit(const struct channel_timer *own, const struct channel_type *type,
                     struct error *err)
{
    return fail(err, ERROR_SCRIPT,
                "%s:%d: a timer of %.*s calls `%.*s`, which is no function of the channel any "
                "more: keep it, or "
                "define on_upgrade(), after which such timers are dropped",
                type->file, type->line, SLICE_ARGS(own->channel->name), SLICE_ARGS(own->method));
}

static bool timers_fit(struct fitting *fitting, const struct channel *channel,
                       const struct generation *next, struct error *err)
{
    struct slice params[PATTERN_PARAMS_MAX];
    const struct channel_type *type = generation_find(next, channel->name, params);
    if (type == NULL || type->hooks >> HOOK_UPGRADE & 1)
        return true;
    const struct behaviour *behaviour = &channel->hub->behaviour;
    for (const struct channel_timer *own = channel->timers.first; own != NULL; own = own->next)
        if (!is_known(fitting, own) &&
            !behaviour->has_method(behaviour->runtime, type, own->method))
            return fail_fit(own, type, err);
    return true;
}

bool channel_timers_fit(struct hub *hub, const struct generation *next, struct error *err)
{
    struct fitting fitting = {0};
    struct channel *channel;
    bool do_fit = true;
    for (size_t at = 0; do_fit && (channel = map_next(&hub->channels, &at)) != NULL;)
        do_fit = channel->timers.count == 0 || timers_fit(&fitting, channel, next, err);
    for (struct fit *fit = fitting.all, *after; fit != NULL; fit = after) {
        after = fit->next;
        free(fit);
    }
    map_finish(&fitting.known);
    return do_fit;
}

void channel_timers_finish(struct channel *channel)
{
    while (channel->timers.first != NULL)
        take_away(&channel->timers.first);
}
