/* NATS in its text protocol, over WebSocket (binary frames) or TCP. */
#include "bench/protocol.h"

#include <stdlib.h>

/* The server speaks first; then one PING after all that was said, and its PONG is the answer. */
enum { STEP_INFO, STEP_PONG, STEPS };
enum { BYTES_MAX = 64 << 20 };

static void say(struct buf *out, const struct introduction *who, unsigned step)
{
    if (step == STEP_INFO)
        return;
    buf_add_text(out, "CONNECT {\"verbose\":false,\"pedantic\":false,\"name\":\"weir bench\"}\r\n");
    if (who->channel.at != NULL)
        buf_printf(out, "SUB %.*s 1\r\n", SLICE_ARGS(who->channel));
    buf_add_text(out, "PING\r\n");
}

static enum heard listen(struct slice said, struct answer *to)
{
    if (slice_begins(said, "PING")) {
        buf_add_text(&to->answer, "PONG\r\n");
        return HEARD_PING;
    }
    if (!slice_begins(said, "-ERR"))
        return HEARD_OTHER;
    buf_printf(&to->why, "the server said %.*s", (int)said.len - 2, said.at);
    return HEARD_REFUSAL;
}

static enum heard hear(struct slice said, unsigned step, struct answer *to)
{
    if (slice_begins(said, step == STEP_INFO ? "INFO" : "PONG"))
        return HEARD_STEP;
    return listen(said, to);
}

static void publish(struct buf *out, const struct publication *p)
{
    buf_add_text(out, "PUB ");
    buf_add_slice(out, p->channel);
    buf_add_byte(out, ' ');
    buf_add_unsigned(out, p->message.len);
    buf_add_text(out, "\r\n");
    buf_add_slice(out, p->message);
    buf_add_text(out, "\r\n");
}

/* A line, and behind one that begins with MSG as many bytes as its last word says. */
static size_t cut(struct slice bytes)
{
    const char *end = bytes.len ? memchr(bytes.at, '\n', bytes.len) : NULL;
    if (end == NULL)
        return 0;
    size_t line = (size_t)(end + 1 - bytes.at);
    if (!slice_begins(bytes, "MSG "))
        return line;
    const char *word = memrchr(bytes.at, ' ', line);
    size_t size = strtoul(word + 1, NULL, 10);
    size_t whole = line + (size < BYTES_MAX ? size : BYTES_MAX) + 2;
    return bytes.len < whole ? 0 : whole;
}

const struct protocol protocol_nats = {
    .name = "nats",
    .path = "/",
    .opcode = WS_BINARY,
    .subscriber_steps = STEPS,
    .publisher_steps = STEPS,
    .say = say,
    .hear = hear,
    .listen = listen,
    .publish = publish,
    .cut = cut,
};
