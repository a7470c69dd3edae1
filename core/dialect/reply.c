#include "dialect/reply.h"

#include "dialect/info.h"
#include "hub/conn.h"
#include "hub/session.h"
#include "wire/json.h"

/* Starts another message of this turn. */
static struct buf *begin(struct conn *conn)
{
    if (conn->replies.len > 0)
        buf_add_byte(&conn->replies, '\n');
    return &conn->replies;
}

static void put_raw(struct buf *out, const char *name, struct slice json)
{
    if (json.at == NULL)
        return;
    buf_add_text(out, name);
    buf_add_slice(out, json);
}

static void put_publication(struct buf *out, const struct publication *publication)
{
    buf_add_text(out, "{\"data\":");
    buf_add_slice(out, publication->data);
    if (publication->who != NULL) {
        buf_add_text(out, ",\"info\":");
        info_put(out, publication->who);
    }
    if (publication->offset > 0) {
        buf_add_text(out, ",\"offset\":");
        buf_add_unsigned(out, publication->offset);
    }
    buf_add_byte(out, '}');
}

static void put_push(struct buf *out, const struct publication *publication)
{
    buf_add_text(out, "{\"push\":{\"channel\":");
    json_quote(out, publication->channel);
    buf_add_text(out, ",\"pub\":");
    put_publication(out, publication);
    buf_add_text(out, "}}");
}

void reply_put_publications(struct buf *out, const struct publication *first, unsigned count)
{
    for (const struct publication *one = first; one < first + count; one++) {
        buf_reserve(out, one->data.len + one->channel.len + 160);
        if (one > first)
            buf_add_byte(out, '\n');
        put_push(out, one);
    }
}

void reply_put_skipped(struct buf *out, struct slice channel, uint32_t messages)
{
    buf_add_text(out, "{\"push\":{\"message\":{\"data\":{\"skipped\":{\"channel\":");
    json_quote(out, channel);
    buf_printf(out, ",\"messages\":%u}}}}}", messages);
}

void reply_put_goodbye(struct buf *out, int code, const char *reason)
{
    buf_printf(out, "{\"push\":{\"disconnect\":{\"code\":%d,\"reason\":", code);
    json_quote(out, slice_of(reason));
    buf_add_text(out, "}}}");
}

static void put_error(struct buf *out, const struct error *error)
{
    buf_add_text(out, ",\"error\":{\"code\":");
    buf_add_unsigned(out, (uint64_t)error->code);
    buf_add_text(out, ",\"message\":");
    json_quote(out, slice_of(error->text));
    if (error->temporary)
        buf_add_text(out, ",\"temporary\":true");
    if (error->incident[0] != '\0') {
        buf_add_text(out, ",\"incident\":");
        json_quote(out, slice_of(error->incident));
    }
    buf_add_byte(out, '}');
}

static void put_pass(struct buf *out, const struct pass *pass)
{
    buf_add_text(out, ",\"session\":");
    json_quote(out, slice_of(pass->session));
    buf_add_text(out, ",\"node\":");
    json_quote(out, slice_of(pass->node));
}

static void put_connect(struct buf *out, const struct answer *answer)
{
    buf_add_text(out, ",\"connect\":{\"client\":");
    json_quote(out, answer->identity->facts.client);
    buf_add_text(out, ",\"version\":\"weir " WEIR_VERSION "\"");
    put_raw(out, ",\"data\":", answer->data);
    buf_printf(out, ",\"ping\":%u,\"pong\":true", answer->ping_s);
    if (answer->pass != NULL)
        put_pass(out, answer->pass);
    buf_add_byte(out, '}');
}

static void put_subscribe(struct buf *out, const struct answer *answer)
{
    buf_add_text(out, ",\"subscribe\":{");
    put_raw(out, "\"data\":", answer->data);
    if (answer->publication_count > 0)
        buf_add_text(out, answer->data.at != NULL ? ",\"publications\":[" : "\"publications\":[");
    for (unsigned i = 0; i < answer->publication_count; i++) {
        if (i > 0)
            buf_add_byte(out, ',');
        put_publication(out, &answer->publications[i]);
    }
    buf_add_text(out, answer->publication_count > 0 ? "]}" : "}");
}

static void put_unsubscribe(struct buf *out, const struct answer *answer)
{
    (void)answer;
    buf_add_text(out, ",\"unsubscribe\":{}");
}

static void put_publish(struct buf *out, const struct answer *answer)
{
    (void)answer;
    buf_add_text(out, ",\"publish\":{}");
}

static void put_rpc(struct buf *out, const struct answer *answer)
{
    buf_add_text(out, ",\"rpc\":{");
    put_raw(out, "\"data\":", answer->data);
    buf_add_byte(out, '}');
}

static void put_presence(struct buf *out, const struct answer *answer)
{
    buf_add_text(out, ",\"presence\":{\"presence\":{");
    for (unsigned i = 0; i < answer->member_count; i++) {
        if (i > 0)
            buf_add_byte(out, ',');
        json_quote(out, answer->members[i]->facts.client);
        buf_add_byte(out, ':');
        info_put(out, answer->members[i]);
    }
    buf_add_text(out, "}}");
}

static void put_presence_stats(struct buf *out, const struct answer *answer)
{
    buf_printf(out, ",\"presence_stats\":{\"num_clients\":%u,\"num_users\":%u}", answer->clients,
               answer->users);
}

static void (*const put_result[VERB_COUNT])(struct buf *out, const struct answer *answer) = {
    [VERB_CONNECT] = put_connect,
    [VERB_SUBSCRIBE] = put_subscribe,
    [VERB_UNSUBSCRIBE] = put_unsubscribe,
    [VERB_PUBLISH] = put_publish,
    [VERB_CALL] = put_rpc,
    [VERB_PRESENCE] = put_presence,
    [VERB_PRESENCE_STATS] = put_presence_stats,
};

void reply_answer(struct conn *conn, uint64_t tag, const struct answer *answer)
{
    struct buf *out = begin(conn);
    buf_add_text(out, "{\"id\":");
    buf_add_unsigned(out, tag);
    if (answer->error != NULL)
        put_error(out, answer->error);
    else
        put_result[answer->verb](out, answer);
    buf_add_byte(out, '}');
}

void reply_unsubscribed(struct conn *conn, struct slice channel, int code, struct slice reason)
{
    struct buf *out = begin(conn);
    buf_add_text(out, "{\"push\":{\"channel\":");
    json_quote(out, channel);
    buf_printf(out, ",\"unsubscribe\":{\"code\":%d,\"reason\":", code);
    json_quote(out, reason.len > 0 ? reason : SLICE("server unsubscribe"));
    buf_add_text(out, "}}}");
}

void reply_message(struct conn *conn, struct slice data)
{
    struct buf *out = begin(conn);
    buf_add_text(out, "{\"push\":{\"message\":{\"data\":");
    buf_add_slice(out, data);
    buf_add_text(out, "}}}");
}

void reply_ping(struct conn *conn)
{
    buf_add_text(begin(conn), "{}");
}
