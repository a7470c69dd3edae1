#include "test/guest.h"

#include <stdlib.h>

#include "base/memory.h"
#include "dialect/centrifuge.h"
#include "dialect/reply.h"
#include "hub/audience.h"
#include "test/world.h"
#include "wire/json.h"

/* ---- the dialect ---- */

static struct frame *create_frame(struct buf *lines)
{
    buf_add_byte(lines, '\n');
    struct frame *frame = frame_create(buf_slice(lines));
    buf_finish(lines);
    return frame;
}

static struct frame *encode_publications(struct hub *hub, const struct publication *first,
                                         unsigned count)
{
    struct buf lines = {0};
    (void)hub;
    reply_put_publications(&lines, first, count);
    struct frame *frame = create_frame(&lines);
    frame->messages = count;
    return frame;
}

static struct frame *say_skipped(struct slice channel, uint32_t messages)
{
    struct buf line = {0};
    reply_put_skipped(&line, channel, messages);
    return create_frame(&line);
}

static struct frame *seal(struct conn *conn)
{
    return create_frame(&conn->replies);
}

static struct frame *say_goodbye(int code, const char *reason)
{
    struct buf line = {0};
    reply_put_goodbye(&line, code, reason);
    struct frame *frame = create_frame(&line);
    frame->is_last = true;
    return frame;
}

static void ping(struct conn *conn)
{
    ((struct guest *)conn)->owes_pong = true;
}

const struct dialect guest_lines = {
    .index = 0,
    .publications = encode_publications,
    .answer = reply_answer,
    .unsubscribed = reply_unsubscribed,
    .message = reply_message,
    .skipped = say_skipped,
    .ping = ping,
    .seal = seal,
    .goodbye = say_goodbye,
};

/* ---- life ---- */

static void ignore(struct conn *conn)
{
    (void)conn;
}

static void ignore_throttle(struct conn *conn, bool is_on)
{
    (void)conn;
    (void)is_on;
}

static const struct transport transport = {ignore, ignore, ignore_throttle};

struct guest *guest_create(struct world *world, const struct visit *visit)
{
    struct guest *guest = xcalloc(1, sizeof *guest);
    guest->world = world;
    conn_init(&guest->conn, world->hub, &transport);
    guest->conn.dialect = &guest_lines;
    session_open(&guest->conn, visit);
    guest->next = world->guests;
    world->guests = guest;
    return guest;
}

static void unlink_guest(struct guest *guest)
{
    struct guest **at = &guest->world->guests;
    while (*at != guest)
        at = &(*at)->next;
    *at = guest->next;
}

void guest_destroy(struct guest *guest)
{
    unlink_guest(guest);
    session_close(guest->conn.session, CLOSE_GOING, SLICE("connection closed"));
    conn_finish(&guest->conn);
    buf_finish(&guest->heard);
    free(guest);
}

/* Secrets are a decision of the whole server, and a token is looked at only while a connect command
 * is said: so one world can have clients with tokens of both kinds. */
void guest_say(struct guest *guest, struct slice line)
{
    struct slice *secret = &guest->world->options.keys.hmac_secret, kept = *secret;
    if (guest->conn.closing || guest->conn.session == NULL)
        return;
    if (guest->brings_token)
        *secret = (struct slice){0};
    centrifuge_receive(guest->conn.session, line, UINT64_MAX);
    *secret = kept;
}

/* ---- the end of a turn ---- */

static void end(struct guest *guest)
{
    struct conn *conn = &guest->conn;
    guest->is_over = true;
    session_close(conn->session, conn->closing, slice_of(conn_reason(conn)));
    struct frame *frame = conn->dialect->goodbye(conn->closing, conn_reason(conn));
    outbox_push_last(&conn->out, frame, loop_now_ms(conn->hub->loop));
    frame_unref(frame);
}

static bool take(struct guest *guest)
{
    struct outbox *out = &guest->conn.out;
    bool has_heard = false;
    while (!guest->is_stuck && !outbox_is_empty(out)) {
        struct slice lines = outbox_peek(out, 0);
        buf_add_slice(&guest->heard, lines);
        outbox_sent(out, lines.len, loop_now_ms(guest->conn.hub->loop));
        has_heard = true;
    }
    return has_heard;
}

static bool flush(struct guest *guest)
{
    if (guest->owes_pong && !guest->is_stuck && !guest->is_over) {
        guest->owes_pong = false;
        session_pong(guest->conn.session);
    }
    conn_seal(&guest->conn);
    bool ends = guest->conn.closing && !guest->is_over;
    if (ends)
        end(guest);
    return take(guest) || ends;
}

bool guests_flush(struct world *world)
{
    bool was_busy = false;
    audience_flush_some(world->hub, UINT64_MAX);
    for (struct guest *guest = world->guests; guest != NULL; guest = guest->next)
        was_busy = flush(guest) || was_busy;
    return was_busy;
}
