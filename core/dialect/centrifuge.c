#include "dialect/centrifuge.h"

#include "base/clock.h"
#include "dialect/command.h"
#include "dialect/reply.h"
#include "hub/hub.h"
#include "hub/member.h"
#include "wire/deflate.h"
#include "wire/json.h"

/* ---- what it says ---- */

static struct frame *encode_publications(struct hub *hub, const struct publication *first,
                                         unsigned count)
{
    struct buf lines = {0};
    (void)hub;
    reply_put_publications(&lines, first, count);
    struct frame *frame = frame_create_message(WS_TEXT, buf_slice(&lines));
    frame->messages = count;
    buf_finish(&lines);
    return frame;
}

static struct frame *say_skipped(struct slice channel, uint32_t messages)
{
    struct buf line = {0};
    reply_put_skipped(&line, channel, messages);
    struct frame *frame = frame_create_message(WS_TEXT, buf_slice(&line));
    buf_finish(&line);
    return frame;
}

static struct frame *seal(struct conn *conn)
{
    struct frame *frame = frame_create_message(WS_TEXT, buf_slice(&conn->replies));
    buf_finish(&conn->replies);
    return frame;
}

/* The JavaScript SDK takes a reason that happens to be JSON for an old form of advice, and comes
 * back on codes that are final: so no reason of ours is JSON. */
static struct frame *say_goodbye(int code, const char *reason)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct json_fault fault;
    struct buf words = {0};
    if (json_check(slice_of(reason), &limits, &fault))
        buf_add_text(&words, "closed: ");
    buf_add_text(&words, reason);
    struct frame *frame = frame_create_close(code, buf_text(&words));
    buf_finish(&words);
    return frame;
}

const struct dialect centrifuge_json = {
    .index = 0,
    .publications = encode_publications,
    .answer = reply_answer,
    .unsubscribed = reply_unsubscribed,
    .message = reply_message,
    .skipped = say_skipped,
    .ping = reply_ping,
    .seal = seal,
    .goodbye = say_goodbye,
};

/* ---- the same, compressed ---- */

static struct frame *deflate_text(struct hub *hub, struct slice text)
{
    struct frame *frame = deflater_frame(hub->deflater, WS_TEXT, text);
    if (frame_is_deflated(frame)) {
        stats_add(&hub->stats, STAT_DEFLATE_BEFORE, (int64_t)text.len);
        stats_add(&hub->stats, STAT_DEFLATE_AFTER, frame->len - frame->head_len);
    }
    return frame;
}

static struct frame *deflate_publications(struct hub *hub, const struct publication *first,
                                          unsigned count)
{
    struct buf out = {0};
    reply_put_publications(&out, first, count);
    struct frame *frame = deflate_text(hub, buf_slice(&out));
    frame->messages = count;
    buf_finish(&out);
    return frame;
}

static struct frame *deflate_replies(struct conn *conn)
{
    struct frame *frame = deflate_text(conn->hub, buf_slice(&conn->replies));
    buf_finish(&conn->replies);
    return frame;
}

const struct dialect centrifuge_json_deflate = {
    .index = 1,
    .publications = deflate_publications,
    .answer = reply_answer,
    .unsubscribed = reply_unsubscribed,
    .message = reply_message,
    .skipped = say_skipped,
    .ping = reply_ping,
    .seal = deflate_replies,
    .goodbye = say_goodbye,
};

/* ---- what it hears ---- */

static bool hear_connect(struct session *session, const struct command *command)
{
    struct connect_ask ask = {.token = command->token, .data = command->data};
    return session_connect(session, command->id, &ask);
}

static bool hear_subscribe(struct session *session, const struct command *command)
{
    if (command->has_delta && !command->is_delta_known)
        return session_blame(session, command->id, "`delta` may be \"fossil\" alone");
    if (command->type != 0)
        return session_refuse(session, command->id, VERB_SUBSCRIBE,
                              command->type == 4 ? ERROR_NOT_AVAILABLE : ERROR_PERMISSION_DENIED);
    if (command->tags_filter.at != NULL && command->filter.at != NULL)
        return session_refuse(session, command->id, VERB_SUBSCRIBE, ERROR_BAD_REQUEST);
    struct subscribe_ask ask = {.data = command->data};
    if (command->tags_filter.at != NULL)
        ask.filter = (struct filter_source){FILTER_BY_TAGS, command->tags_filter};
    else if (command->filter.at != NULL)
        ask.filter = (struct filter_source){FILTER_BY_FIELDS, command->filter};
    return member_subscribe(session, command->id, command->channel, &ask);
}

static bool hear_unsubscribe(struct session *session, const struct command *command)
{
    return member_unsubscribe(session, command->id, command->channel);
}

static bool hear_publish(struct session *session, const struct command *command)
{
    return session_publish(session, command->id, command->channel, command->data);
}

static bool hear_presence(struct session *session, const struct command *command)
{
    return session_presence(session, command->id, command->channel, VERB_PRESENCE);
}

static bool hear_presence_stats(struct session *session, const struct command *command)
{
    return session_presence(session, command->id, command->channel, VERB_PRESENCE_STATS);
}

static bool hear_rpc(struct session *session, const struct command *command)
{
    return session_call(session, command->id, command->method, command->data);
}

static bool hear_send(struct session *session, const struct command *command)
{
    return session_send(session, command->data);
}

/* What this version does not offer to clients: history, refresh, sub_refresh. */
static bool hear_unavailable(struct session *session, const struct command *command)
{
    return session_refuse(session, command->id, VERB_CALL, ERROR_NOT_AVAILABLE);
}

static bool hear_nothing(struct session *session, const struct command *command)
{
    struct error why;
    command_fail_none(command, &why);
    return session_blame(session, command->id, "%s", why.text);
}

static bool (*const hear[COMMAND_KIND_COUNT])(struct session *session,
                                              const struct command *command) = {
    [COMMAND_CONNECT] = hear_connect,
    [COMMAND_SUBSCRIBE] = hear_subscribe,
    [COMMAND_UNSUBSCRIBE] = hear_unsubscribe,
    [COMMAND_PUBLISH] = hear_publish,
    [COMMAND_PRESENCE] = hear_presence,
    [COMMAND_PRESENCE_STATS] = hear_presence_stats,
    [COMMAND_HISTORY] = hear_unavailable,
    [COMMAND_RPC] = hear_rpc,
    [COMMAND_SEND] = hear_send,
    [COMMAND_REFRESH] = hear_unavailable,
    [COMMAND_SUB_REFRESH] = hear_unavailable,
    [COMMAND_NONE] = hear_nothing,
};

static bool miss_id(struct session *session, const struct command *command)
{
    return session_blame(session, 0, "`%s` needs an `id` from 1 on", command_name(command->kind));
}

static bool dispatch(struct session *session, struct command *command)
{
    stats_add(&session->hub->stats, STAT_COMMANDS_IN, 1);
    if (command->kind == COMMAND_CONNECT)
        return command->id > 0 ? hear_connect(session, command) : miss_id(session, command);
    if (session->state != SESSION_READY)
        return session_blame(session, command->id, "`connect` has to come first");
    if (command->id == 0 && command->kind == COMMAND_NONE)
        return session_pong(session);
    if (command->id == 0 && command->kind != COMMAND_SEND)
        return miss_id(session, command);
    return hear[command->kind](session, command);
}

/* A carriage return outside strings is whitespace that some line-splitting clients would choke on.
 */
static void drop_raw_returns(struct command *command, struct buf *clean)
{
    if (command->data.at == NULL || memchr(command->data.at, '\r', command->data.len) == NULL)
        return;
    buf_clear(clean);
    json_put_line(clean, command->data);
    command->data = buf_slice(clean);
}

/* False: handle nothing more of this message. */
static bool hear_line(struct session *session, struct slice line, struct buf *scratch,
                      struct buf *clean)
{
    struct command command;
    struct error why;
    if (!command_parse(line, scratch, &command, &why))
        return session_blame(session, command.id, "%s", why.text);
    drop_raw_returns(&command, clean);
    return dispatch(session, &command);
}

size_t centrifuge_receive(struct session *session, struct slice message, uint64_t until_ns)
{
    struct buf scratch = {0}, clean = {0};
    const char *at = message.at, *end = message.at + message.len;
    if (session->state == SESSION_DECIDING)
        return 0;
    if (message.len == 0)
        session_blame(session, 0, "an empty message");
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        bool goes_on = hear_line(session, slice_make(at, (size_t)(stop - at)), &scratch, &clean);
        at = newline ? newline + 1 : end;
        if (!goes_on || session->conn->closing)
            at = end; /* what follows is not heard */
        else if (clock_monotonic_ns() > until_ns || session_is_pausing(session))
            break;
    }
    buf_finish(&scratch);
    buf_finish(&clean);
    return (size_t)(at - message.at);
}
