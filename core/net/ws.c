#include "net/ws.h"

#include <libwebsockets.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "dialect/centrifuge.h"
#include "hub/session.h"
#include "net/inside.h"
#include "net/visit.h"
#include "wire/extension.h"

/* TURN_NS: how long one connection is listened to before the others have their turn. */
enum { TURN_NS = 5000000, LOOK_AGAIN_MS = 20 };
enum { FRAGMENTS_MAX = 1024, MESSAGE_MS = 10000, ECHO_MAX = 16 * 1024 * 1024, ECHO_MS = 60000 };

/* A letter to ourselves: hear the rest in the next turn. Its stream may be gone by then. */
struct resume {
    struct mail mail;
    struct stream *stream; /* NULL: gone */
};

/* Owned by its stream as `state`. */
struct ws_conn {
    struct ws_decoder decoder;
    struct buf lines;      /* of a message that was too much for one turn: what is still to be heard */
    struct buf bytes;      /* that came behind it */
    uint64_t until_ns;     /* when its share of this turn is over */
    struct resume *resume; /* NULL while nothing is left over */
    struct timer patience; /* until the peer has read some of its answers */
    int peer_code;         /* of the peer's close frame, 0 before it */
    bool is_echo;
};

static struct ws_conn *ws_of(struct stream *stream)
{
    return stream->state;
}

/* ---- in ---- */

static void open_resume(void *context, struct mail *mail);

/* An echo has no session. */
static bool is_pausing(const struct stream *stream)
{
    const struct conn *conn = &stream->conn;
    return conn->session != NULL ? session_is_pausing(conn->session) : conn_is_half_full(conn);
}

/* In the next turn, or once half of what may wait for the peer has gone. */
static void resume_or_wait(struct timer *timer)
{
    struct resume *resume = CONTAINER(timer, struct ws_conn, patience)->resume;
    struct hub *hub = resume->stream->net->hub;
    if (!resume->stream->conn.closing && is_pausing(resume->stream))
        timer_start(hub->timers, timer, LOOK_AGAIN_MS, resume_or_wait);
    else
        mailbox_post(hub->mailbox, &resume->mail);
}

/* One connection that sends without pause, or commands that cost a script much, must not hold the others up. */
static void hear_the_rest_later(struct stream *stream, struct slice lines)
{
    struct ws_conn *ws = ws_of(stream);
    buf_add_slice(&ws->lines, lines);
    ws->resume = xcalloc(1, sizeof *ws->resume);
    ws->resume->mail.open = open_resume;
    ws->resume->stream = stream;
    stream_throttle(stream, THROTTLE_TURN, true);
    resume_or_wait(&ws->patience);
}

static void hear_lines(struct stream *stream, struct slice lines)
{
    size_t heard = centrifuge_receive(stream->conn.session, lines, ws_of(stream)->until_ns);
    if (heard < lines.len)
        hear_the_rest_later(stream, slice_make(lines.at + heard, lines.len - heard));
}

static void echo(struct stream *stream, enum ws_opcode opcode, struct slice payload)
{
    bool is_deflating = ws_of(stream)->decoder.limits.inflater != NULL;
    stream_put(stream, is_deflating ? deflater_frame(stream->net->hub->deflater, opcode, payload)
                                    : frame_create_message(opcode, payload));
}

static void hear_message(struct stream *stream, enum ws_opcode opcode, struct slice payload)
{
    if (ws_of(stream)->is_echo)
        echo(stream, opcode, payload);
    else if (opcode == WS_TEXT)
        hear_lines(stream, payload);
    else
        session_blame(stream->conn.session, 0, "a binary message: this dialect is text");
}

static void hear_control(struct stream *stream, enum ws_opcode opcode, struct slice payload)
{
    struct frame *pong;
    switch (opcode) {
    case WS_PING:
        pong = frame_create_message(WS_PONG, payload);
        if (ws_of(stream)->is_echo) {
            stream_put(stream, pong); /* behind echoes of any size */
            break;
        }
        conn_push(&stream->conn, pong);
        frame_unref(pong);
        break;
    case WS_CLOSE:
        ws_of(stream)->peer_code = ws_close_code(payload);
        conn_close(&stream->conn, CLOSE_GOING, NULL);
        break;
    default:
        break;
    }
}

static void hear_nonsense(struct stream *stream)
{
    struct ws_conn *ws = ws_of(stream);
    struct stats *stats = &stream->net->hub->stats;
    stats_add(stats, STAT_CUT_BAD_REQUEST, 1);
    if (ws->decoder.is_inflating_broken)
        stats_add(stats, ws->decoder.close_code == 1009 ? STAT_INFLATE_TOO_LARGE : STAT_INFLATE_DAMAGED, 1);
    conn_close(&stream->conn, ws->decoder.close_code, ws->decoder.why);
}

/* A message that has begun must end in time: a peer cannot make us keep its half for ever. */
static void watch_message(struct stream *stream)
{
    struct ws_conn *ws = ws_of(stream);
    bool is_within = ws->decoder.head_len > 0 || ws->decoder.in_payload || ws->decoder.is_fragmented;
    if (!is_within)
        stream_stop_timer(stream);
    else if (!timer_is_set(&stream->timer))
        stream_start_timer(stream, ws->is_echo ? ECHO_MS : MESSAGE_MS);
}

static void hear_bytes(struct stream *stream, char *bytes, size_t len)
{
    struct ws_conn *ws = ws_of(stream);
    while (!stream->conn.closing) {
        if (ws->resume == NULL && len > 0 && clock_monotonic_ns() > ws->until_ns)
            hear_the_rest_later(stream, SLICE(""));
        if (ws->resume != NULL) {
            buf_add(&ws->bytes, bytes, len);
            return;
        }
        enum ws_opcode opcode;
        struct slice payload;
        size_t used;
        enum ws_step step = ws_decode(&ws->decoder, bytes, len, &used, &opcode, &payload);
        bytes += used;
        len -= used;
        if (step == WS_NEED_MORE)
            break;
        if (step == WS_MESSAGE)
            hear_message(stream, opcode, payload);
        else if (step == WS_CONTROL)
            hear_control(stream, opcode, payload);
        else
            hear_nonsense(stream);
    }
    watch_message(stream);
}

static void received(struct stream *stream, char *bytes, size_t len)
{
    ws_of(stream)->until_ns = clock_monotonic_ns() + TURN_NS;
    hear_bytes(stream, bytes, len);
}

static void open_resume(void *context, struct mail *mail)
{
    struct resume *resume = (struct resume *)mail;
    struct stream *stream = resume->stream;
    (void)context;
    free(resume);
    if (stream == NULL)
        return;
    struct ws_conn *ws = ws_of(stream);
    struct buf lines = ws->lines, bytes = {0};
    ws->resume = NULL;
    ws->lines = (struct buf){0};
    ws->until_ns = clock_monotonic_ns() + TURN_NS;
    stream_throttle(stream, THROTTLE_TURN, false);
    if (!stream->conn.closing && lines.len > 0)
        hear_lines(stream, buf_slice(&lines));
    if (ws->resume == NULL) {
        bytes = ws->bytes;
        ws->bytes = (struct buf){0};
        hear_bytes(stream, bytes.at, bytes.len);
    }
    buf_finish(&lines);
    buf_finish(&bytes);
}

static void forget_the_rest(struct stream *stream)
{
    struct ws_conn *ws = ws_of(stream);
    if (timer_is_set(&ws->patience))
        free(ws->resume); /* not posted yet */
    else if (ws->resume != NULL)
        ws->resume->stream = NULL;
    timer_stop(stream->net->hub->timers, &ws->patience);
}

/* ---- the end ---- */

/* The peer's own close frame is echoed; 1005 (it said no code) as 1000. */
static struct frame *goodbye(struct stream *stream)
{
    struct ws_conn *ws = ws_of(stream);
    if (ws->peer_code != 0)
        return frame_create_close(ws->peer_code == 1005 ? 1000 : ws->peer_code, "");
    const struct dialect *dialect = stream->conn.dialect;
    struct frame *(*say)(int code, const char *reason) = dialect != NULL ? dialect->goodbye : frame_create_close;
    return say(stream->conn.closing, conn_reason(&stream->conn));
}

static void say_goodbye(struct stream *stream)
{
    struct conn *conn = &stream->conn;
    session_close(conn->session, conn->closing, slice_of(conn_reason(conn)));
    stream_put(stream, goodbye(stream));
    stream_end(stream);
}

/* While we do not read it is not the peer who takes long. */
static void timed_out(struct stream *stream)
{
    if (stream->throttled) {
        stream_start_timer(stream, MESSAGE_MS);
        return;
    }
    stats_add(&stream->net->hub->stats, STAT_CUT_TIMEOUT, 1);
    conn_close(&stream->conn, 1008, "the message took too long");
}

static void finish(struct stream *stream)
{
    session_close(stream->conn.session, CLOSE_GOING, SLICE("connection closed"));
    struct ws_conn *ws = ws_of(stream);
    forget_the_rest(stream);
    buf_finish(&ws->lines);
    buf_finish(&ws->bytes);
    ws_decoder_finish(&ws->decoder);
    free(stream->state);
    stream->state = NULL;
}

static const struct protocol ws_protocol = {received, say_goodbye, timed_out, finish};

/* ---- the upgrade ---- */

static void put_accept(struct buf *out, struct slice key)
{
    unsigned char digest[20];
    char accept[32];
    struct buf text = {0};
    buf_add_slice(&text, key);
    buf_add_text(&text, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    lws_SHA1((const unsigned char *)text.at, text.len, digest);
    lws_b64_encode_string((const char *)digest, sizeof digest, accept, sizeof accept);
    buf_printf(out, "Sec-WebSocket-Accept: %s\r\n", accept);
    buf_finish(&text);
}

/* What every upgrade is, and what is agreed on for it. */
struct handshake {
    struct http_upgrade upgrade;
    struct extension_terms terms;
};

/* Without --deflate nobody looks at what is offered. */
static bool agree(const struct exchange *exchange, struct extension_terms *terms)
{
    *terms = (struct extension_terms){0};
    if (exchange->stream->net->inflater == NULL || extension_read(exchange->head, terms))
        return true;
    http_refuse(exchange->stream, 400, "Sec-WebSocket-Extensions is not well made", NULL);
    return false;
}

/* Checks what every upgrade must be; answers it when it is not. */
static bool check(const struct exchange *exchange, struct handshake *handshake)
{
    struct http_refusal refusal;
    if (!http_check_upgrade(exchange->head, &handshake->upgrade, &refusal)) {
        http_refuse(exchange->stream, refusal.status, refusal.why,
                    refusal.status == 426 ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" : NULL);
        return false;
    }
    return visit_is_welcome(exchange) && agree(exchange, &handshake->terms);
}

static void switch_protocols(const struct exchange *exchange, const struct handshake *handshake,
                             const char *subprotocol, struct ws_conn *ws)
{
    struct buf out = {0};
    buf_add_text(&out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
    put_accept(&out, handshake->upgrade.key);
    extension_put(&out, &handshake->terms);
    if (subprotocol != NULL)
        buf_printf(&out, "Sec-WebSocket-Protocol: %s\r\n", subprotocol);
    buf_add_text(&out, "\r\n");
    if (handshake->terms.has_deflate)
        ws->decoder.limits.inflater = exchange->stream->net->inflater;
    http_upgrade(exchange->stream, buf_slice(&out), &ws_protocol, ws);
    buf_finish(&out);
}

static struct ws_conn *create(size_t message_max, bool is_echo)
{
    struct ws_conn *ws = xcalloc(1, sizeof *ws);
    struct ws_limits limits = {.message = message_max, .fragments = FRAGMENTS_MAX};
    if (is_echo)
        limits.fragments = ECHO_MAX;
    ws_decoder_init(&ws->decoder, &limits);
    ws->is_echo = is_echo;
    return ws;
}

void ws_upgrade_echo(const struct exchange *exchange)
{
    struct handshake handshake;
    if (check(exchange, &handshake))
        switch_protocols(exchange, &handshake, NULL, create(ECHO_MAX, true));
}

static bool wants_protobuf(const struct exchange *exchange)
{
    struct buf value = {0};
    bool is_asked =
        (http_query(exchange->head->query, "cf_protocol", &value) || http_query(exchange->head->query, "format", &value)) &&
        slice_is(buf_slice(&value), "protobuf");
    buf_finish(&value);
    return is_asked || (http_has_token(exchange->head, "sec-websocket-protocol", "centrifuge-protobuf") &&
                        !http_has_token(exchange->head, "sec-websocket-protocol", "centrifuge-json"));
}

void ws_upgrade_centrifuge(const struct exchange *exchange)
{
    struct stream *stream = exchange->stream;
    struct handshake handshake;
    if (!check(exchange, &handshake))
        return;
    if (wants_protobuf(exchange)) {
        http_refuse(stream, 400, "this version speaks the JSON protocol only, not Protobuf", NULL);
        return;
    }
    bool is_offered = http_has_token(exchange->head, "sec-websocket-protocol", "centrifuge-json");
    visit_open(exchange, handshake.terms.has_deflate ? &centrifuge_json_deflate : &centrifuge_json);
    switch_protocols(exchange, &handshake, is_offered ? "centrifuge-json" : NULL,
                     create(stream->net->options->max_message, false));
}
