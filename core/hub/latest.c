#include "hub/latest.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/channel.h"
#include "hub/hub.h"
#include "hub/render.h"

enum { SAID_COST = 192 }; /* what one takes beside its bytes, here and in a reply */

/* The newest of its key. */
struct said {
    struct said *older, *newer;
    uint64_t key;
    uint64_t offset, at_ms;
    struct identity *who;
    struct slice data;           /* owned */
    struct rendering *rendering; /* a reference, or NULL */
    size_t rendered;             /* bytes of it that are counted */
};

static struct slice map_key(const uint64_t *key)
{
    return slice_make((const char *)key, sizeof *key);
}

/* The key's value as it stands in the JSON; messages without one have a place together. */
static uint64_t key_of(const struct channel_type *type, struct slice data)
{
    struct slice value = path_find(&type->latest_key, data);
    return type->latest_key.count == 0 || value.at == NULL ? 0 : hash_bytes(value);
}

static size_t cost_of(const struct said *said)
{
    return said->data.len + said->rendered + (said->who != NULL ? said->who->facts.info.len : 0) +
           SAID_COST;
}

static void forget(struct latest *latest, struct said *said)
{
    *(said->older != NULL ? &said->older->newer : &latest->oldest) = said->newer;
    *(said->newer != NULL ? &said->newer->older : &latest->newest) = said->older;
    map_remove(&latest->keys, map_key(&said->key));
    latest->bytes -= cost_of(said);
    identity_unref(said->who);
    rendering_unref(said->rendering);
    free((char *)said->data.at);
    free(said);
}

void latest_finish(struct latest *latest)
{
    while (latest->oldest != NULL)
        forget(latest, latest->oldest);
    map_finish(&latest->keys);
}

static void append(struct latest *latest, struct said *said)
{
    said->older = latest->newest;
    said->newer = NULL;
    *(latest->newest != NULL ? &latest->newest->newer : &latest->oldest) = said;
    latest->newest = said;
    map_add(&latest->keys, map_key(&said->key), said);
    latest->bytes += cost_of(said);
}

static bool is_over_full(const struct channel *channel)
{
    const struct latest *latest = &channel->latest;
    size_t quarter = channel->hub->options->queue_bytes / 4;
    size_t most = quarter < LATEST_BYTES_MAX ? quarter : LATEST_BYTES_MAX;
    return latest->oldest != latest->newest &&
           (latest->keys.count > LATEST_KEYS_MAX || latest->bytes > most);
}

static void expire(struct channel *channel, uint64_t now_ms)
{
    struct latest *latest = &channel->latest;
    uint64_t ttl = (uint64_t)channel->type->latest_ttl_ms;
    while (latest->oldest != NULL && latest->oldest->at_ms + ttl <= now_ms)
        forget(latest, latest->oldest);
}

static void forget_oldest(struct channel *channel)
{
    stats_add(&channel->hub->stats, STAT_LATEST_FORGOTTEN, 1);
    forget(&channel->latest, channel->latest.oldest);
}

static void give_way(struct channel *channel)
{
    while (is_over_full(channel))
        forget_oldest(channel);
}

void latest_keep(struct channel *channel, const struct publication *publication)
{
    struct latest *latest = &channel->latest;
    uint64_t now = loop_now_ms(channel->hub->loop);
    if (channel->type->latest_ttl_ms == 0)
        return;
    expire(channel, now);
    struct said *said = xmalloc(sizeof *said);
    *said = (struct said){.key = key_of(channel->type, publication->data),
                          .offset = publication->offset,
                          .at_ms = now,
                          .who = identity_ref(publication->who),
                          .rendering = rendering_ref(publication->rendering),
                          .rendered = rendering_bytes(publication->rendering),
                          .data = {xslicedup(publication->data), publication->data.len}};
    struct said *before = map_find(&latest->keys, map_key(&said->key));
    if (before != NULL)
        forget(latest, before);
    append(latest, said);
    give_way(channel);
}

static void count_rendering(struct latest *latest, struct said *said)
{
    size_t bytes = rendering_bytes(said->rendering);
    latest->bytes += bytes - said->rendered;
    said->rendered = bytes;
}

/* By the view's hook, once for all who come, the newest first: what it makes takes room like what
 * was said, and where that is used up the hook is not asked any more. */
static void make(struct channel *channel, const struct group *group)
{
    struct latest *latest = &channel->latest;
    struct said *said = latest->newest;
    for (; said != NULL && !is_over_full(channel); said = said->older) {
        if (said->rendering == NULL)
            said->rendering = rendering_create(channel->type);
        if (view_has(channel->type, group->view, channel->params, said->data))
            (void)render_all(channel, said->rendering, said->data, UINT32_C(1) << group->view);
        count_rendering(latest, said);
        if (is_over_full(channel))
            while (latest->oldest != said)
                forget_oldest(channel);
    }
    give_way(channel);
}

static bool is_heard(struct channel *channel, const struct group *group, struct said *said,
                     struct latest_list *list, struct slice *shown)
{
    const struct channel_type *type = channel->type;
    struct slice texts[FILTER_FIELDS_MAX];
    if (!view_has(type, group->view, channel->params, said->data) ||
        !render(channel, said->rendering, group->view, said->data, &list->bytes, shown))
        return false;
    if (group->filter == NULL)
        return true;
    struct buf bytes = {0};
    buf_reserve(&bytes, shown->len);
    filter_read(type->fields, type->field_count, *shown, texts, &bytes);
    bool passes = filter_passes(group->filter, texts);
    buf_finish(&bytes);
    return passes;
}

void latest_show(struct channel *channel, const struct group *group, struct latest_list *list)
{
    const struct latest *latest = &channel->latest;
    *list = (struct latest_list){0};
    if (channel->type->latest_ttl_ms == 0)
        return;
    expire(channel, loop_now_ms(channel->hub->loop));
    if (channel->type->hooks >> HOOK_VIEW & 1)
        make(channel, group);
    buf_reserve(&list->bytes, latest->bytes); /* it does not move any more */
    list->publications = xmalloc((latest->keys.count + 1) * sizeof *list->publications);
    for (struct said *said = latest->oldest; said != NULL; said = said->newer) {
        struct publication *one = &list->publications[list->count];
        *one = (struct publication){
            .channel = channel->name, .who = said->who, .offset = said->offset};
        if (is_heard(channel, group, said, list, &one->data))
            list->count++;
    }
}

struct slice latest_find(const struct channel *channel, struct slice key)
{
    const struct latest *latest = &channel->latest;
    const struct said *said = latest->newest;
    if (key.at != NULL) {
        uint64_t hash = hash_bytes(key);
        said = map_find(&latest->keys, map_key(&hash));
    }
    uint64_t now = loop_now_ms(channel->hub->loop), ttl = (uint64_t)channel->type->latest_ttl_ms;
    return said != NULL && said->at_ms + ttl > now ? said->data : (struct slice){NULL, 0};
}

void latest_list_finish(struct latest_list *list)
{
    free(list->publications);
    buf_finish(&list->bytes);
}

/* Keys that the type finds elsewhere now stand for other things. */
static bool is_as_before(const struct channel *channel)
{
    const struct said *said = channel->latest.oldest;
    while (said != NULL && said->key == key_of(channel->type, said->data))
        said = said->newer;
    return said == NULL;
}

void latest_bind(struct channel *channel)
{
    if (channel->type->latest_ttl_ms == 0 || !is_as_before(channel))
        latest_finish(&channel->latest);
    for (struct said *said = channel->latest.oldest; said != NULL; said = said->newer) {
        rendering_unref(said->rendering); /* its hooks are others now */
        said->rendering = NULL;
        count_rendering(&channel->latest, said);
    }
}

uint64_t latest_until_ms(const struct channel *channel)
{
    const struct said *newest = channel->latest.newest;
    return newest != NULL && channel->type != NULL
               ? newest->at_ms + (uint64_t)channel->type->latest_ttl_ms
               : 0;
}
