#include "hub/spread.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/channel.h"
#include "hub/echo.h"
#include "hub/hub.h"
#include "hub/render.h"

/* Publications as some groups hear them. On the stack. */
struct sight {
    const struct publication *first;
    unsigned count;
    struct frame *frames[DIALECTS_MAX]; /* made for the first group that wants one */
};

/* One call of spread, and the view that it is at: groups stand in the order of their views. */
struct spreading {
    struct channel *channel;
    const struct publication *first;
    unsigned count;
    uint64_t key;
    unsigned view;
    struct sight sight;
    struct publication
        *own;            /* what sight.first is where the view shows less than there is; owned */
    struct buf bytes;    /* that these are in */
    struct slice *texts; /* their fields, the hub's; NULL until a filter asks */
};

/* ---- what a view shows ---- */

static void show_one(struct spreading *s, const struct publication *publication)
{
    struct publication *own = &s->own[s->sight.count];
    *own = *publication;
    if ((publication->seers >> s->view & 1) != 0 &&
        render(s->channel, publication->rendering, s->view, publication->data, &s->bytes,
               &own->data))
        s->sight.count++;
}

static void show(struct spreading *s, unsigned view)
{
    size_t bytes = 0;
    s->view = view;
    if (s->channel->type->view_count == 0) {
        s->sight.first = s->first;
        s->sight.count = s->count;
        return;
    }
    for (unsigned i = 0; i < s->count; i++)
        bytes += s->first[i].data.len;
    buf_reserve(&s->bytes, bytes); /* it does not move any more: a mask only takes away */
    s->own = xmalloc(s->count * sizeof *s->own);
    s->sight.first = s->own;
    for (unsigned i = 0; i < s->count; i++)
        show_one(s, &s->first[i]);
    stats_add(&s->channel->hub->stats, STAT_VIEWS_MADE, s->sight.count);
}

static void finish_sight(struct sight *sight)
{
    for (unsigned d = 0; d < DIALECTS_MAX; d++)
        frame_unref(sight->frames[d]);
    *sight = (struct sight){0};
}

static void stop_showing(struct spreading *s)
{
    finish_sight(&s->sight);
    free(s->own);
    s->own = NULL;
    s->texts = NULL;
    buf_clear(&s->bytes);
}

/* ---- handing on ---- */

static void mark(const struct spreading *s, struct frame *frame)
{
    if (frame == NULL)
        return;
    frame->slow = s->channel->type->slow;
    frame->key = s->key;
}

static struct frame *frame_of(const struct spreading *s, struct sight *sight, unsigned dialect)
{
    struct hub *hub = s->channel->hub;
    struct frame *frame = sight->frames[dialect];
    if (frame != NULL)
        return frame;
    frame = hub->options->dialects[dialect]->publications(hub, sight->first, sight->count);
    mark(s, frame);
    return sight->frames[dialect] = frame;
}

static void hand_on(const struct spreading *s, const struct group *group, struct sight *sight)
{
    struct hub *hub = s->channel->hub;
    struct frame *frames[DIALECTS_MAX] = {0};
    struct echoes echoes;
    echoes_make(&echoes, s->channel, group, sight->first, sight->count);
    for (unsigned i = 0; i < echoes.count; i++)
        mark(s, echoes.list[i].instead);
    for (unsigned d = 0; d < hub->options->dialect_count; d++)
        if (group->dialects[d] > 0)
            frames[d] = frame_of(s, sight, d);
    for (unsigned worker = 0; worker < hub->count; worker++)
        if (group->listeners[worker] > 0)
            hub_fan_out(hub, worker, group->number, frames, &echoes);
    echoes_finish(&echoes);
}

/* ---- filters ---- */

/* The fields of all that the view shows, read once. The hub keeps the room for them. */
static void read_texts(struct spreading *s)
{
    struct hub *hub = s->channel->hub;
    const struct channel_type *type = s->channel->type;
    size_t bytes = 0;
    for (unsigned i = 0; i < s->sight.count; i++)
        bytes += s->sight.first[i].data.len;
    buf_clear(&hub->field_bytes);
    buf_reserve(&hub->field_bytes, bytes);
    s->texts = (struct slice *)buf_reserve(&hub->field_texts,
                                           s->sight.count * type->field_count * sizeof *s->texts);
    for (unsigned i = 0; i < s->sight.count; i++)
        filter_read(type->fields, type->field_count, s->sight.first[i].data,
                    s->texts + i * type->field_count, &hub->field_bytes);
}

static bool passes(const struct spreading *s, const struct group *group, unsigned i)
{
    stats_add(&s->channel->hub->stats, STAT_FILTERS_ASKED, 1);
    return filter_passes(group->filter, s->texts + i * s->channel->type->field_count);
}

/* Of several at once some may pass. */
static void hand_on_some(struct spreading *s, const struct group *group)
{
    struct publication *some = xmalloc(s->sight.count * sizeof *some);
    struct sight sight = {.first = some};
    for (unsigned i = 0; i < s->sight.count; i++)
        if (passes(s, group, i))
            some[sight.count++] = s->sight.first[i];
    if (sight.count > 0)
        hand_on(s, group, sight.count == s->sight.count ? &s->sight : &sight);
    finish_sight(&sight);
    free(some);
}

static void spread_to(struct spreading *s, const struct group *group)
{
    if (s->sight.count == 0)
        return;
    if (group->filter != NULL && s->texts == NULL)
        read_texts(s);
    if (group->filter != NULL && s->sight.count > 1)
        hand_on_some(s, group);
    else if (group->filter == NULL || passes(s, group, 0))
        hand_on(s, group, &s->sight);
}

void spread(struct channel *channel, const struct publication *first, unsigned count, uint64_t key)
{
    struct spreading s = {.channel = channel, .first = first, .count = count, .key = key};
    for (const struct group *group = channel->groups; group != NULL; group = group->next) {
        if (group == channel->groups || group->view != s.view) {
            stop_showing(&s);
            show(&s, group->view);
        }
        spread_to(&s, group);
    }
    stop_showing(&s);
    buf_finish(&s.bytes);
}
