/* Weir's own: the Centrifuge protocol in JSON. */
#include "bench/protocol.h"
#include "wire/json.h"

#include <stdio.h>

enum { STEP_CONNECT, STEP_SUBSCRIBE, STEPS };

static const char *const step_names[STEPS] = {"connect", "subscribe"};

static void put_connect(struct buf *out, const struct introduction *who)
{
    buf_add_text(out, "{\"id\":1,\"connect\":{");
    if (who->token.at != NULL) {
        buf_add_text(out, "\"token\":");
        json_quote(out, who->token);
    }
    buf_add_text(out, "}}");
}

static void put_subscribe(struct buf *out, const struct introduction *who)
{
    buf_add_text(out, "{\"id\":2,\"subscribe\":{\"channel\":");
    json_quote(out, who->channel);
    buf_add_text(out, "}}");
}

static void say(struct buf *out, const struct introduction *who, unsigned step)
{
    if (step == STEP_CONNECT)
        put_connect(out, who);
    else
        put_subscribe(out, who);
}

static void put_encoded(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        buf_printf(out, "%%%02X", (unsigned char)text.at[i]);
}

static void put_query(struct buf *out, const struct introduction *who)
{
    struct buf said = {0};
    put_connect(&said, who);
    buf_add_byte(&said, '\n');
    put_subscribe(&said, who);
    buf_add_text(out, "cf_connect=");
    put_encoded(out, buf_slice(&said));
    buf_finish(&said);
}

static void put_pong(struct buf *out, struct slice reply)
{
    struct json_fault fault;
    struct slice connect, session, node;
    if (!json_check(reply, &JSON_LIMITS_DEFAULT, &fault) ||
        !json_find(reply, "connect", &connect) || !json_find(connect, "session", &session) ||
        !json_find(connect, "node", &node))
        return;
    buf_printf(out, "{\"session\":%.*s,\"node\":%.*s,\"data\":\"{}\"}", SLICE_ARGS(session),
               SLICE_ARGS(node));
}

static bool has(struct slice text, const char *part)
{
    return text.len > 0 && memmem(text.at, text.len, part, strlen(part)) != NULL;
}

static enum heard refuse(struct slice said, const char *to_what, struct answer *to)
{
    struct slice line = said;
    while (line.len > 0 && line.at[line.len - 1] == '\n')
        line.len--;
    buf_printf(&to->why, "the server answered %s with %.*s", to_what,
               (int)(line.len < 300 ? line.len : 300), line.at);
    return HEARD_REFUSAL;
}

/* A ping, alone or at an end of what was gathered into one text. */
static bool is_ping(struct slice said)
{
    while (said.len > 2 && said.at[said.len - 1] == '\n')
        said.len--;
    return said.len >= 2 &&
           (memcmp(said.at, "{}", 2) == 0 || (memcmp(said.at + said.len - 2, "{}", 2) == 0 &&
                                              (said.len == 2 || said.at[said.len - 3] == '\n')));
}

static enum heard listen(struct slice said, struct answer *to)
{
    if (is_ping(said)) {
        buf_add_text(&to->answer, "{}");
        return HEARD_PING;
    }
    return has(said, "\"error\":{") ? refuse(said, "a publish", to) : HEARD_OTHER;
}

static enum heard hear(struct slice said, unsigned step, struct answer *to)
{
    char wanted[32];
    if (is_ping(said))
        return listen(said, to);
    if (has(said, "\"error\":{"))
        return refuse(said, step_names[step], to);
    snprintf(wanted, sizeof wanted, "\"%s\":{", step_names[step]);
    return has(said, wanted) ? HEARD_STEP : HEARD_OTHER;
}

static void put_channel_and_data(struct buf *out, const struct publication *p)
{
    buf_add_text(out, "{\"channel\":");
    json_quote(out, p->channel);
    buf_add_text(out, ",\"data\":");
    buf_add_slice(out, p->message);
    buf_add_byte(out, '}');
}

static void publish(struct buf *out, const struct publication *p)
{
    enum { FIRST_ID = 3 };
    buf_add_text(out, "{\"id\":");
    buf_add_unsigned(out, FIRST_ID + p->number % (UINT32_MAX / 2));
    buf_add_text(out, ",\"publish\":");
    put_channel_and_data(out, p);
    buf_add_byte(out, '}');
}

const struct protocol protocol_weir = {
    .name = "weir",
    .path = "/connection/websocket",
    .events_path = "/connection/sse",
    .post_path = "/api/publish",
    .opcode = WS_TEXT,
    .is_json = true,
    .subscriber_steps = STEPS,
    .publisher_steps = STEP_CONNECT + 1,
    .say = say,
    .hear = hear,
    .listen = listen,
    .has_ping = is_ping,
    .publish = publish,
    .put_post = put_channel_and_data,
    .put_query = put_query,
    .put_pong = put_pong,
    .pong_path = "/emulation",
};
