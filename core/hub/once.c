#include "hub/once.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/channel.h"
#include "hub/hub.h"
#include "wire/json.h"

struct done {
    struct done *older, *newer;
    uint64_t key;
    uint64_t until_ms;
    size_t size;
    bool is_over;            /* else there is no answer yet */
    int code;                /* of an error, 0: it went well */
    struct slice text, data; /* of the answer; owned, in `bytes` */
    uint64_t offset;
    char *bytes;
};

static struct slice map_key(const uint64_t *key)
{
    return slice_make((const char *)key, sizeof *key);
}

/* ---- which ---- */

/* The value as text: a string's, or a number's as it stands there. Absent: nothing that could be a
 * key. */
static bool put_value(struct slice value, struct buf *out)
{
    enum json_kind kind = value.len > 0 ? json_kind(value) : JSON_NULL;
    if (kind == JSON_STRING)
        json_unquote(out, value);
    else if (kind == JSON_NUMBER)
        buf_add_slice(out, json_trim(value));
    return kind == JSON_STRING || kind == JSON_NUMBER;
}

/* False: it has no key. */
static bool key_of(const struct channel *channel, const struct request *request, uint64_t *key)
{
    const struct channel_type *type = channel->type;
    if (type == NULL || type->once == NULL || request->who == NULL)
        return false;
    const struct identity_facts *who = &request->who->facts;
    bool is_somebody = who->user.len > 0;
    struct slice value = json_find_path(request->data, type->once, type->once_parts);
    struct slice subject = is_somebody ? who->user : who->client;
    struct buf text = {0};
    buf_printf(&text, "%d %.*s %d %zu ", (int)request->verb, SLICE_ARGS(request->method),
               is_somebody, subject.len);
    buf_add_slice(&text, subject);
    bool has_key = put_value(value, &text);
    *key = hash_bytes(buf_slice(&text));
    buf_finish(&text);
    return has_key;
}

/* ---- what is kept ---- */

static void forget(struct once *once, struct done *done)
{
    map_remove(&once->kept, map_key(&done->key));
    *(done->older != NULL ? &done->older->newer : &once->oldest) = done->newer;
    *(done->newer != NULL ? &done->newer->older : &once->newest) = done->older;
    once->bytes -= done->size;
    free(done->bytes);
    free(done);
}

void once_finish(struct once *once)
{
    while (once->oldest != NULL)
        forget(once, once->oldest);
    map_finish(&once->kept);
    *once = (struct once){0};
}

uint64_t once_until_ms(const struct once *once)
{
    return once->newest != NULL ? once->newest->until_ms : 0;
}

static void forget_some(struct channel *channel, uint64_t now_ms)
{
    struct once *once = &channel->once;
    while (once->oldest != NULL && once->oldest->until_ms <= now_ms)
        forget(once, once->oldest);
    while (once->kept.count > ONCE_KEPT_MAX || once->bytes > ONCE_BYTES_MAX) {
        stats_add(&channel->hub->stats, STAT_ONCE_FORGOTTEN, 1);
        forget(once, once->oldest);
    }
}

static void note(struct channel *channel, uint64_t key)
{
    struct once *once = &channel->once;
    uint64_t now = loop_now_ms(channel->hub->loop);
    struct done *done = xcalloc(1, sizeof *done);
    done->key = key;
    done->until_ms = now + (uint64_t)channel->type->once_ms;
    done->size = sizeof *done;
    done->older = once->newest;
    once->bytes += done->size;
    *(once->newest != NULL ? &once->newest->newer : &once->oldest) = done;
    once->newest = done;
    map_add(&once->kept, map_key(&done->key), done);
    forget_some(channel, now);
}

static void fill(struct once *once, struct done *done, const struct answer *answer,
                 struct slice text)
{
    char *at = done->bytes = xmalloc(text.len + answer->data.len + 1);
    done->is_over = true;
    done->text = slice_pack(&at, text);
    done->data = slice_pack(&at, answer->data);
    done->offset = answer->offset;
    done->size += text.len + answer->data.len;
    once->bytes += text.len + answer->data.len;
}

void once_abandon(struct once *once)
{
    for (struct done *done = once->oldest, *newer; done != NULL; done = newer) {
        newer = done->newer;
        if (!done->is_over)
            forget(once, done);
    }
}

/* ---- the two questions ---- */

static void answer_again(struct channel *channel, const struct request *request,
                         const struct done *done)
{
    struct error error;
    struct answer answer = {.verb = request->verb,
                            .channel = request->channel,
                            .data = done->data,
                            .offset = done->offset};
    if (!done->is_over) {
        fail(&error, ERROR_OVERLOADED, "overloaded: the first with this key is still being done");
        answer.error = &error;
    } else if (done->code != 0) {
        fail(&error, done->code, "%.*s", SLICE_ARGS(done->text));
        error.temporary = false;
        answer.error = &error;
    }
    if (done->offset > 0)
        answer.epoch = slice_of(channel->epoch);
    stats_add(&channel->hub->stats, STAT_ONCE_REPEATED, 1);
    hub_answer(channel->hub, &request->asker, &answer);
}

bool once_answered(struct channel *channel, const struct request *request)
{
    uint64_t key;
    if (!key_of(channel, request, &key))
        return false;
    forget_some(channel, loop_now_ms(channel->hub->loop));
    const struct done *done = map_find(&channel->once.kept, map_key(&key));
    if (done == NULL)
        note(channel, key);
    else
        answer_again(channel, request, done);
    return done != NULL;
}

static bool has_failed(const struct error *error)
{
    return error != NULL && (error->temporary || error->code == ERROR_SCRIPT_FAILED ||
                             error->code == ERROR_SCRIPT_BUDGET);
}

void once_keep(struct channel *channel, const struct request *request, const struct answer *answer)
{
    struct once *once = &channel->once;
    uint64_t key;
    struct done *done =
        key_of(channel, request, &key) ? map_find(&once->kept, map_key(&key)) : NULL;
    struct slice text = SLICE("");
    if (done == NULL || done->is_over)
        return;
    if (has_failed(answer->error)) {
        forget(once, done);
        return;
    }
    struct answer kept = *answer;
    if (answer->error != NULL) {
        done->code = answer->error->code;
        text = slice_of(answer->error->text);
    } else if (answer->data.len > ONCE_ANSWER_MAX) {
        done->code = ERROR_LIMIT_EXCEEDED;
        text = SLICE("limit exceeded: it was done, and its answer was too long to be kept");
        kept.data = slice_make(NULL, 0);
    }
    fill(once, done, &kept, text);
    forget_some(channel, loop_now_ms(channel->hub->loop));
    if (channel->seats.count == 0)
        channel_reconsider(channel);
}
