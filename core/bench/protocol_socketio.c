/* Socket.IO 4 over WebSocket alone: events "subscribe" (answered), "publish", and "m" for messages.
 */
#include "bench/protocol.h"
#include "wire/json.h"

enum { STEP_OPEN, STEP_NAMESPACE, STEP_SUBSCRIBE, STEPS };

static void say(struct buf *out, const struct introduction *who, unsigned step)
{
    if (step == STEP_NAMESPACE)
        buf_add_text(out, "40");
    if (step != STEP_SUBSCRIBE)
        return;
    buf_add_text(out, "420[\"subscribe\",");
    json_quote(out, who->channel);
    buf_add_byte(out, ']');
}

static enum heard listen(struct slice said, struct answer *to)
{
    if (slice_begins(said, "2")) {
        buf_add_byte(&to->answer, '3');
        return HEARD_PING;
    }
    if (!slice_begins(said, "44"))
        return HEARD_OTHER;
    buf_printf(&to->why, "the server said %.*s", SLICE_ARGS(said));
    return HEARD_REFUSAL;
}

static enum heard hear(struct slice said, unsigned step, struct answer *to)
{
    static const char *const wanted[STEPS] = {"0{", "40", "430"};
    return slice_begins(said, wanted[step]) ? HEARD_STEP : listen(said, to);
}

static void publish(struct buf *out, const struct publication *p)
{
    buf_add_text(out, "42[\"publish\",");
    json_quote(out, p->channel);
    buf_add_byte(out, ',');
    buf_add_slice(out, p->message);
    buf_add_byte(out, ']');
}

const struct protocol protocol_socketio = {
    .name = "socketio",
    .path = "/socket.io/?EIO=4&transport=websocket",
    .opcode = WS_TEXT,
    .is_json = true,
    .subscriber_steps = STEPS,
    .publisher_steps = STEP_NAMESPACE + 1,
    .say = say,
    .hear = hear,
    .listen = listen,
    .publish = publish,
};
