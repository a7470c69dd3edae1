#include "hub/delivery.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/channel.h"
#include "hub/echo.h"
#include "hub/hub.h"
#include "hub/render.h"
#include "hub/spread.h"
#include "wire/json.h"

/* Past the first, what is held goes out before its time; a frame carries about the second at most;
 * and what a held one takes beside its bytes. */
enum { HELD_BYTES_MAX = 256 * 1024, FRAME_BYTES_MAX = 64 * 1024, HELD_COST = 128 };

struct held {
    uint64_t key, place;
    uint64_t number; /* counts on in its channel, for the order in which it was said */
    uint64_t offset;
    struct identity *who;
    struct seat_key from;
    struct slice data; /* owned */
    uint32_t seers;
    struct rendering *rendering; /* a reference, or NULL */
};

/* ---- now ---- */

/* What a message is about: the value of the member that the type names, as it stands in the JSON.
 */
static uint64_t key_of(const struct channel_type *type, struct slice data)
{
    struct slice value;
    if (type->key == NULL || !json_find(data, type->key, &value))
        return 0;
    return hash_bytes(value);
}

/* ---- held ---- */

static struct slice place_key(const uint64_t *place)
{
    return slice_make((const char *)place, sizeof *place);
}

static void fill(struct delivery *delivery, struct held *held,
                 const struct publication *publication)
{
    held->number = delivery->next_number++;
    held->offset = publication->offset;
    held->seers = publication->seers;
    held->rendering = rendering_ref(publication->rendering);
    held->who = identity_ref(publication->who);
    held->from = publication->from;
    held->data = slice_make(xslicedup(publication->data), publication->data.len);
}

static void empty(struct held *held)
{
    identity_unref(held->who);
    rendering_unref(held->rendering);
    free((char *)held->data.at);
}

static size_t cost_of(const struct held *held)
{
    return held->data.len + rendering_bytes(held->rendering) + HELD_COST;
}

/* `place`: a newer one for the same place replaces it; NULL: none does. */
static void hold(struct channel *channel, const struct publication *publication,
                 const uint64_t *place)
{
    struct delivery *delivery = &channel->delivery;
    struct held *held = xmalloc(sizeof *held);
    held->key = key_of(channel->type, publication->data);
    fill(delivery, held, publication);
    if (delivery->count == delivery->room) {
        delivery->room = delivery->room ? delivery->room * 2 : 8;
        delivery->held = xrealloc(delivery->held, delivery->room * sizeof *delivery->held);
    }
    delivery->held[delivery->count++] = held;
    delivery->bytes += cost_of(held);
    if (place != NULL) {
        held->place = *place;
        map_add(&delivery->places, place_key(&held->place), held);
    }
}

void delivery_finish(struct channel *channel)
{
    struct delivery *delivery = &channel->delivery;
    timer_stop(channel->hub->timers, &delivery->timer);
    for (unsigned i = 0; i < delivery->count; i++) {
        empty(delivery->held[i]);
        free(delivery->held[i]);
    }
    free(delivery->held);
    map_finish(&delivery->places);
    *delivery = (struct delivery){0};
}

static struct publication publication_of(const struct channel *channel, const struct held *held)
{
    return (struct publication){.channel = channel->name,
                                .data = held->data,
                                .who = held->who,
                                .from = held->from,
                                .offset = held->offset,
                                .seers = held->seers,
                                .rendering = held->rendering};
}

/* As many from the first on as one frame carries; where readers who are behind get the newest of
 * each key, one. */
static unsigned spread_some(struct channel *channel, unsigned from)
{
    const struct delivery *delivery = &channel->delivery;
    unsigned left = delivery->count - from, count = 0;
    size_t bytes = 0;
    struct publication *list = xmalloc(left * sizeof *list);
    do {
        list[count] = publication_of(channel, delivery->held[from + count]);
        bytes += list[count++].data.len;
    } while (count < left && bytes < FRAME_BYTES_MAX && channel->type->slow != FRAME_CONFLATED);
    count = echoes_count(channel, list, count);
    spread(channel, list, count, delivery->held[from]->key);
    free(list);
    return count;
}

static int compare_numbers(const void *a, const void *b)
{
    const struct held *x = *(struct held *const *)a, *y = *(struct held *const *)b;
    return (x->number > y->number) - (x->number < y->number);
}

void delivery_flush(struct channel *channel)
{
    struct delivery *delivery = &channel->delivery;
    if (delivery->count == 0)
        return;
    if (delivery->places.count > 0)
        qsort(delivery->held, delivery->count, sizeof *delivery->held, compare_numbers);
    for (unsigned at = 0; at < delivery->count;)
        at += spread_some(channel, at);
    delivery_finish(channel);
}

/* ---- batch: together, by number or by time ---- */

static void on_batch_due(struct timer *timer)
{
    delivery_flush(CONTAINER(timer, struct channel, delivery.timer));
}

static void add_to_batch(struct channel *channel, const struct publication *publication)
{
    const struct channel_type *type = channel->type;
    struct delivery *delivery = &channel->delivery;
    hold(channel, publication, NULL);
    if (delivery->count >= type->batch_size || delivery->bytes > HELD_BYTES_MAX)
        delivery_flush(channel);
    else if (delivery->count == 1)
        timer_start(channel->hub->timers, &delivery->timer, (uint64_t)type->batch_ms, on_batch_due);
}

/* ---- conflate: the newest of each key, once in an interval ---- */

/* What takes whose place: a message that a view does not have takes nothing from it. */
static uint64_t place_of(const struct channel_type *type, const struct publication *publication)
{
    uint64_t of[] = {key_of(type, publication->data), publication->seers};
    return hash_bytes(slice_make((const char *)of, sizeof of));
}

static void start_interval(struct channel *channel);

static void on_interval(struct timer *timer)
{
    struct channel *channel = CONTAINER(timer, struct channel, delivery.timer);
    if (channel->delivery.count == 0)
        return; /* it was quiet: the next one goes out at once */
    delivery_flush(channel);
    start_interval(channel);
}

static void start_interval(struct channel *channel)
{
    timer_start(channel->hub->timers, &channel->delivery.timer,
                (uint64_t)channel->type->conflate_ms, on_interval);
}

/* A view may have two of its key, of two places: what was said last goes out last. */
static void renew(struct channel *channel, struct held *held, const struct publication *publication)
{
    channel->delivery.bytes -= cost_of(held);
    empty(held);
    fill(&channel->delivery, held, publication);
    channel->delivery.bytes += cost_of(held);
    stats_add(&channel->hub->stats, STAT_DROPS_CONFLATED, 1);
}

static void conflate(struct channel *channel, const struct publication *publication)
{
    struct delivery *delivery = &channel->delivery;
    uint64_t place = place_of(channel->type, publication);
    if (!timer_is_set(&delivery->timer)) {
        spread(channel, publication, 1, key_of(channel->type, publication->data));
        start_interval(channel);
        return;
    }
    struct held *older = map_find(&delivery->places, place_key(&place));
    if (older != NULL)
        renew(channel, older, publication);
    else
        hold(channel, publication, &place);
    if (delivery->bytes > HELD_BYTES_MAX) {
        delivery_flush(channel);
        start_interval(channel);
    }
}

void delivery_publish(struct channel *channel, const struct publication *publication)
{
    const struct channel_type *type = channel->type;
    if (channel->seats.count == 0)
        return;
    struct publication seen = *publication;
    seen.seers = render_all(channel, publication->rendering, publication->data,
                            view_seers(type, channel->params, publication->data));
    if (type->conflate_ms > 0)
        conflate(channel, &seen);
    else if (type->batch_size > 0)
        add_to_batch(channel, &seen);
    else
        spread(channel, &seen, 1, type->slow == FRAME_CONFLATED ? key_of(type, seen.data) : 0);
}
