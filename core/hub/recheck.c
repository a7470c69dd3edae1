#include "hub/recheck.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/home.h"
#include "hub/hub.h"

enum { TICK_MS = TIMER_TICK_MS, WHOLE = 1000 };

struct recheck_seat {
    struct seat_key key;
    uint64_t number;
};

/* ---- the queue ---- */

static void drop_seats(struct recheck *recheck)
{
    free(recheck->seats);
    recheck->seats = NULL;
    recheck->at = recheck->count = 0;
}

void recheck_forget(struct channel *channel)
{
    struct recheck *recheck = &channel->hub->recheck;
    struct recheck_place *place = &channel->rechecked;
    if (!place->is_taken)
        return;
    if (recheck->first == channel)
        drop_seats(recheck);
    *(place->before != NULL ? &place->before->rechecked.after : &recheck->first) = place->after;
    *(place->after != NULL ? &place->after->rechecked.before : &recheck->last) = place->before;
    *place = (struct recheck_place){0};
    if (recheck->first == NULL)
        timer_stop(channel->hub->timers, &recheck->timer);
}

static void on_tick(struct timer *timer);

void recheck_want(struct channel *channel)
{
    struct hub *hub = channel->hub;
    struct recheck *recheck = &hub->recheck;
    if (hub->options->recheck_rate == 0 || channel->seats.count == 0)
        return;
    recheck_forget(channel); /* what was seen of it was seen by older rules */
    channel->rechecked = (struct recheck_place){.before = recheck->last, .is_taken = true};
    *(recheck->last != NULL ? &recheck->last->rechecked.after : &recheck->first) = channel;
    recheck->last = channel;
    if (!timer_is_set(&recheck->timer))
        timer_start(hub->timers, &recheck->timer, TICK_MS, on_tick);
}

/* ---- one member ---- */

static bool may_stay(const struct channel *channel, const struct identity_facts *who)
{
    const struct channel_type *type = channel->type;
    if (type == NULL)
        return false;
    struct rule_facts facts = type_facts(type, channel->params, who);
    return rule_allows(type->subscribe, &facts, NULL);
}

bool recheck_refuses(const struct job *job)
{
    bool is_old = job->generation != NULL && job->generation != job->channel->generation;
    return is_old && !may_stay(job->channel, &job->request.who->facts);
}

/* As if it left, but that it is told first: it hears nothing more, also where its farewell has to
 * wait for a hook. */
static void put_out(struct channel *channel, const struct seat *seat)
{
    enum error_code why = channel->type == NULL ? ERROR_UNKNOWN_CHANNEL : ERROR_PERMISSION_DENIED;
    struct request farewell = {
        .verb = VERB_UNSUBSCRIBE,
        .asker = {.worker = seat->key.worker, .id = seat->key.session},
        .channel = channel->name,
        .seat = seat->number,
        .code = UNSUBSCRIBED_BY_SERVER,
        .reason = slice_of(error_code_text(why)),
    };
    delivery_flush(channel); /* what was published while it might be there */
    hub_evict(channel->hub, channel->name, seat, farewell.code, farewell.reason);
    home_handle(channel->hub, &farewell);
}

static void look_at(struct channel *channel, const struct recheck_seat *entry)
{
    struct hub *hub = channel->hub;
    const struct seat *seat = channel_find_seat(channel, entry->key);
    if (seat == NULL || seat->number != entry->number)
        return; /* it left; if it came again, it was by the new rules */
    if (may_stay(channel, &seat->identity->facts)) {
        stats_add(&hub->stats, STAT_RECHECKED_STAYS, 1);
        return;
    }
    stats_add(&hub->stats, STAT_RECHECKED_PUT_OUT, 1);
    put_out(channel, seat);
}

/* ---- a turn of it ---- */

static void list_seats(struct recheck *recheck, const struct channel *channel)
{
    const struct seat *seat;
    recheck->seats = xcalloc(channel->seats.count + 1, sizeof *recheck->seats);
    for (size_t at = 0; (seat = map_next(&channel->seats, &at)) != NULL;)
        recheck->seats[recheck->count++] = (struct recheck_seat){seat->key, seat->number};
}

/* The first channel's next member; or, when there is none, the channel's end here. */
static void go_on(struct recheck *recheck)
{
    struct channel *channel = recheck->first;
    if (recheck->seats == NULL)
        list_seats(recheck, channel);
    if (recheck->at == recheck->count) {
        recheck_forget(channel);
        return;
    }
    struct recheck_seat entry = recheck->seats[recheck->at++];
    recheck->credit -= WHOLE;
    look_at(channel, &entry);
}

static void on_tick(struct timer *timer)
{
    struct hub *hub = CONTAINER(timer, struct hub, recheck.timer);
    struct recheck *recheck = &hub->recheck;
    recheck->credit += (unsigned long long)hub->options->recheck_rate * TICK_MS;
    while (recheck->first != NULL && recheck->credit >= WHOLE)
        go_on(recheck);
    if (recheck->first == NULL)
        recheck->credit = 0;
    else
        timer_start(hub->timers, &recheck->timer, TICK_MS, on_tick);
}
