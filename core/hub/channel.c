#include "hub/channel.h"

#include <stdlib.h>

#include "auth/secret.h"
#include "base/memory.h"
#include "hub/home.h"
#include "hub/hub.h"

bool channel_is_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] <= ' ' || name.at[i] >= 0x7f)
            return false;
    return name.len > 0 && name.len <= CHANNEL_NAME_MAX;
}

static struct slice key_of(const struct seat_key *key)
{
    return slice_make((const char *)key, sizeof *key);
}

struct seat *channel_find_seat(const struct channel *channel, struct seat_key key)
{
    return map_find(&channel->seats, key_of(&key));
}

struct seat *channel_add_seat(struct channel *channel, const struct seat *facts, struct group *group)
{
    struct seat *seat = xmalloc(sizeof *seat);
    *seat = *facts;
    seat->identity = identity_ref(facts->identity);
    map_add(&channel->seats, key_of(&seat->key), seat);
    group_enter(group, seat);
    return seat;
}

static void free_seat(struct seat *seat)
{
    identity_unref(seat->identity);
    free(seat);
}

void channel_remove_seat(struct channel *channel, struct seat *seat)
{
    map_remove(&channel->seats, key_of(&seat->key));
    group_leave(channel, seat);
    free_seat(seat);
}

/* ---- the order of hub->oldest ---- */

static void enqueue(struct channel *channel)
{
    struct hub *hub = channel->hub;
    channel->older = hub->newest;
    channel->newer = NULL;
    *(hub->newest != NULL ? &hub->newest->newer : &hub->oldest) = channel;
    hub->newest = channel;
}

static void dequeue(struct channel *channel)
{
    struct hub *hub = channel->hub;
    *(channel->older != NULL ? &channel->older->newer : &hub->oldest) = channel->newer;
    *(channel->newer != NULL ? &channel->newer->older : &hub->newest) = channel->older;
}

/* ---- birth and death ---- */

static void draw_epoch(char epoch[EPOCH_LEN + 1])
{
    unsigned char random[EPOCH_LEN];
    random_bytes(random, sizeof random);
    for (int i = 0; i < EPOCH_LEN; i++)
        epoch[i] = (char)('a' + random[i] % 26);
    epoch[EPOCH_LEN] = '\0';
}

static struct channel *create(struct hub *hub, struct slice name)
{
    struct channel *channel = xcalloc(1, sizeof *channel);
    channel->hub = hub;
    channel->name = slice_make(xslicedup(name), name.len);
    draw_epoch(channel->epoch);
    map_add(&hub->channels, channel->name, channel);
    enqueue(channel);
    stats_add(&hub->stats, STAT_CHANNELS, 1);
    return channel;
}

void channel_destroy(struct channel *channel)
{
    if (channel == NULL)
        return;
    struct hub *hub = channel->hub;
    timer_stop(hub->timers, &channel->linger);
    channel_timers_finish(channel);
    jobs_forget(&channel->jobs);
    lane_give_up(hub, lane_finish(channel));
    if (channel->instance != NULL)
        hub->behaviour.release(hub->behaviour.runtime, channel);
    struct seat *seat;
    for (size_t at = 0; (seat = map_next(&channel->seats, &at)) != NULL;) {
        group_leave(channel, seat);
        free_seat(seat);
    }
    map_finish(&channel->seats);
    map_remove(&hub->channels, channel->name);
    dequeue(channel);
    recheck_forget(channel);
    stats_add(&hub->stats, STAT_CHANNELS, -1);
    delivery_finish(channel);
    limits_finish(&channel->limits);
    once_finish(&channel->once);
    history_finish(&channel->history);
    latest_finish(&channel->latest);
    rollup_close(channel);
    free((char *)channel->name.at);
    free(channel);
}

static void apply_history(struct channel *channel)
{
    const struct channel_type *type = channel->type;
    int64_t ttl = type->history_ttl_ms > 0 ? type->history_ttl_ms : HISTORY_TTL_DEFAULT_MS;
    history_resize(&channel->history, type->history_size, (uint64_t)ttl);
}

static void apply_views(struct channel *channel)
{
    uint64_t mark = view_mark(channel->type);
    bool is_same = mark == channel->view_mark;
    channel->view_mark = mark;
    if (!is_same)
        groups_sort(channel);
}

void channel_bind(struct channel *channel)
{
    struct hub *hub = channel->hub;
    if (channel->generation == hub->generation || channel->waits > 0)
        return;
    unsigned from = channel->generation != NULL ? channel->generation->number : 0;
    const void *before = channel->instance;
    struct slice params[PATTERN_PARAMS_MAX];
    const struct channel_type *next = generation_find(hub->generation, channel->name, params);
    delivery_flush(channel); /* as it was published */
    rollup_bind(channel, next);
    dequeue(channel);
    enqueue(channel);
    channel->generation = hub->generation;
    channel->type = next;
    memcpy(channel->params, params, sizeof params);
    recheck_want(channel);
    /* A type that is gone may come back (a file saved in two steps): the old instance keeps the state until then. */
    if (channel->type == NULL)
        return;
    apply_history(channel);
    latest_bind(channel);
    if (channel->type->hooks != 0 || channel->instance != NULL) /* a relay costs a script nothing */
        hub->behaviour.bind(hub->behaviour.runtime, channel);
    apply_views(channel);
    if (from != 0 && channel->instance != before) /* where its file is as it was, so is its code */
        home_begin(channel, HOOK_UPGRADE, from, 0);
}

struct channel *channel_find(struct hub *hub, struct slice name)
{
    struct channel *channel = map_find(&hub->channels, name);
    if (channel != NULL)
        channel_bind(channel);
    return channel;
}

struct channel *channel_open(struct hub *hub, struct slice name, unsigned hops)
{
    struct channel *channel = channel_find(hub, name);
    if (channel == NULL) {
        channel = create(hub, name);
        channel_bind(channel);
        if (channel->type != NULL)
            home_begin(channel, HOOK_OPEN, 0, hops);
        channel_reconsider(channel);
    }
    return channel->type != NULL ? channel : NULL;
}

/* Until the newest message of what it keeps is too old; 0: it keeps none. */
static uint64_t kept_until_ms(const struct channel *channel)
{
    const struct history *history = &channel->history;
    const struct kept *newest = history->count ? history_peek(history, history->count - 1) : NULL;
    uint64_t history_until = newest != NULL ? newest->at_ms + history->ttl_ms : 0;
    uint64_t latest_until = latest_until_ms(channel);
    return history_until > latest_until ? history_until : latest_until;
}

static void on_lingered(struct timer *timer)
{
    struct channel *channel = CONTAINER(timer, struct channel, linger);
    channel_bind(channel);
    bool is_needed = kept_until_ms(channel) > loop_now_ms(channel->hub->loop) || lane_is_busy(channel);
    if (is_needed) /* something was published by its own timers; on_upgrade waits */
        channel_reconsider(channel);
    else
        home_close(channel);
}

/* A while after the last member, and not before the newest of what it keeps is too old. */
static uint64_t linger_ms(const struct channel *channel)
{
    uint64_t linger = channel->hub->options->linger_ms, now = loop_now_ms(channel->hub->loop);
    uint64_t kept = kept_until_ms(channel), once = once_until_ms(&channel->once);
    uint64_t until = kept > once ? kept : once;
    return until > now + linger ? until - now : linger;
}

void channel_reconsider(struct channel *channel)
{
    struct hub *hub = channel->hub;
    if (channel->seats.count > 0 || channel->timers.single > 0 || lane_is_busy(channel) ||
        rollup_is_open(channel))
        timer_stop(hub->timers, &channel->linger);
    else
        timer_start(hub->timers, &channel->linger, linger_ms(channel), on_lingered);
}
