#include "hub/limit.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/channel.h"
#include "hub/hub.h"
#include "wire/json.h"

/* Past the second, nobody new is counted, nor let through. */
enum { SWEEP_MIN = 256, COUNTED_MAX = 65536 };

struct counted {
    uint64_t key;
    uint64_t due_us; /* see rule/rate.h */
};

static struct slice map_key(const uint64_t *key)
{
    return slice_make((const char *)key, sizeof *key);
}

void limits_finish(struct limits *limits)
{
    struct counted *counted;
    for (size_t at = 0; (counted = map_next(&limits->counted, &at)) != NULL;)
        free(counted);
    map_finish(&limits->counted);
    *limits = (struct limits){0};
}

static void sweep(struct limits *limits, uint64_t now_ms)
{
    struct map kept = {0};
    struct counted *counted;
    for (size_t at = 0; (counted = map_next(&limits->counted, &at)) != NULL;)
        if (counted->due_us > now_ms * 1000)
            map_add(&kept, map_key(&counted->key), counted);
        else
            free(counted);
    map_finish(&limits->counted);
    limits->counted = kept;
    limits->sweep_at = kept.count * 2 > SWEEP_MIN ? kept.count * 2 : SWEEP_MIN;
}

/* ---- whom ---- */

/* A nobody is known by where it comes from. */
static struct slice user_of(const struct identity_facts *who)
{
    return who->user.len > 0 ? who->user : who->ip;
}

static struct slice subject_of(const struct rate *rate, const struct identity_facts *who)
{
    switch (rate->scope) {
    case RATE_USER:
        return user_of(who);
    case RATE_IP:
        return who->ip;
    case RATE_CONNECTION:
        return who->client;
    case RATE_CLAIM:
        return json_find_path(who->claims, rate->claim, rate->claim_parts);
    case RATE_CHANNEL:
        break;
    }
    return SLICE("");
}

/* Publishes and calls are counted apart. A rate that a reload leaves as it was goes on counting. */
static uint64_t key_of(const struct channel_type *type, unsigned i, const struct request *request)
{
    const struct rate *rate = &type->rates[i];
    struct slice subject = subject_of(rate, &request->who->facts);
    struct buf text = {0};
    buf_printf(&text, "%d %u %s ", (int)request->verb, i, rate->text);
    buf_add_slice(&text, subject);
    uint64_t key = hash_bytes(buf_slice(&text));
    buf_finish(&text);
    return key;
}

/* ---- counting ---- */

static bool refuse(const struct channel *channel, const struct rate *rate, uint64_t wait_ms,
                   struct error *err)
{
    const struct channel_type *type = channel->type;
    stats_add(&channel->hub->stats, STAT_REFUSED_RATE, 1);
    fail_code(err, ERROR_TOO_MANY_REQUESTS);
    if (!channel->hub->options->is_dev)
        return false;
    return fail(err, ERROR_TOO_MANY_REQUESTS,
                "too many requests: rate \"%s\", again in %.1f s (%s:%d)", rate->text,
                (double)wait_ms / 1000, type->file, type->line);
}

static struct counted *count(struct limits *limits, uint64_t key)
{
    struct counted *counted = xmalloc(sizeof *counted);
    *counted = (struct counted){.key = key};
    map_add(&limits->counted, map_key(&counted->key), counted);
    return counted;
}

bool limit_take(struct channel *channel, const struct request *request, struct error *err)
{
    const struct channel_type *type = channel->type;
    struct limits *limits = &channel->limits;
    struct counted *counted[RATES_MAX];
    uint64_t keys[RATES_MAX], now = loop_now_ms(channel->hub->loop);
    if (request->who == NULL || type->rate_count == 0)
        return true;
    if (limits->counted.count >= limits->sweep_at)
        sweep(limits, now);
    for (unsigned i = 0; i < type->rate_count; i++) {
        keys[i] = key_of(type, i, request);
        counted[i] = map_find(&limits->counted, map_key(&keys[i]));
        uint64_t wait = rate_check(&type->rates[i], counted[i] ? counted[i]->due_us : 0, now);
        if (wait > 0)
            return refuse(channel, &type->rates[i], wait, err);
    }
    if (limits->counted.count + type->rate_count > COUNTED_MAX)
        return refuse(channel, &type->rates[0], type->rates[0].ms, err);
    for (unsigned i = 0; i < type->rate_count; i++) {
        struct counted *one = counted[i] != NULL ? counted[i] : count(limits, keys[i]);
        one->due_us = rate_take(&type->rates[i], one->due_us, now);
    }
    return true;
}
