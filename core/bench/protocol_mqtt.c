/* MQTT 3.1.1, quality of service 0, over WebSocket (binary frames) or TCP. */
#include "bench/protocol.h"

enum { STEP_CONNACK, STEP_SUBACK, STEPS };
enum packet { PACKET_CONNECT = 0x10, PACKET_CONNACK = 0x20, PACKET_PUBLISH = 0x30 };
enum { PACKET_SUBSCRIBE = 0x82, PACKET_SUBACK = 0x90, CLEAN_SESSION = 0x02, LEVEL = 4 };

static void put_short(struct buf *out, unsigned value)
{
    buf_add_byte(out, (char)(value >> 8));
    buf_add_byte(out, (char)value);
}

static void put_string(struct buf *out, struct slice text)
{
    put_short(out, (unsigned)text.len);
    buf_add_slice(out, text);
}

static void put_packet_head(struct buf *out, unsigned type, size_t len)
{
    buf_add_byte(out, (char)type);
    for (; len >= 0x80; len >>= 7)
        buf_add_byte(out, (char)(len | 0x80));
    buf_add_byte(out, (char)len);
}

/* No keep-alive: no PINGREQ is owed. */
static void put_connect(struct buf *out, const struct introduction *who)
{
    struct buf id = {0};
    buf_printf(&id, "weir-bench-%s%u", who->channel.at ? "s" : "p", who->number);
    put_packet_head(out, PACKET_CONNECT, 6 + 1 + 1 + 2 + 2 + id.len);
    put_string(out, SLICE("MQTT"));
    buf_add_byte(out, LEVEL);
    buf_add_byte(out, CLEAN_SESSION);
    put_short(out, 0);
    put_string(out, buf_slice(&id));
    buf_finish(&id);
}

static void put_subscribe(struct buf *out, const struct introduction *who)
{
    put_packet_head(out, PACKET_SUBSCRIBE, 2 + 2 + who->channel.len + 1);
    put_short(out, 1);
    put_string(out, who->channel);
    buf_add_byte(out, 0);
}

static void say(struct buf *out, const struct introduction *who, unsigned step)
{
    if (step == STEP_CONNACK)
        put_connect(out, who);
    else
        put_subscribe(out, who);
}

static enum heard listen(struct slice said, struct answer *to)
{
    (void)said, (void)to;
    return HEARD_OTHER;
}

/* CONNACK and SUBACK both end with their code. */
static enum heard hear(struct slice said, unsigned step, struct answer *to)
{
    unsigned type = step == STEP_CONNACK ? PACKET_CONNACK : PACKET_SUBACK;
    unsigned code = (unsigned char)said.at[said.len - 1];
    if ((unsigned char)said.at[0] != type)
        return HEARD_OTHER;
    if (code == 0)
        return HEARD_STEP;
    buf_printf(&to->why, "the server answered %s with code %u",
               step == STEP_CONNACK ? "CONNECT" : "SUBSCRIBE", code);
    return HEARD_REFUSAL;
}

static void publish(struct buf *out, const struct publication *p)
{
    put_packet_head(out, PACKET_PUBLISH, 2 + p->channel.len + p->message.len);
    put_string(out, p->channel);
    buf_add_slice(out, p->message);
}

static size_t cut(struct slice bytes)
{
    enum { LENGTH_BYTES_MAX = 4 };
    size_t len = 0;
    for (unsigned i = 0; i < LENGTH_BYTES_MAX && i + 1 < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.at[i + 1];
        len |= (size_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0)
            return bytes.len < i + 2 + len ? 0 : i + 2 + len;
    }
    return 0;
}

const struct protocol protocol_mqtt = {
    .name = "mqtt",
    .path = "/mqtt",
    .subprotocol = "mqtt",
    .opcode = WS_BINARY,
    .subscriber_steps = STEPS,
    .publisher_steps = STEP_CONNACK + 1,
    .say = say,
    .hear = hear,
    .listen = listen,
    .publish = publish,
    .cut = cut,
};
