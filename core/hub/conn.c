#include "hub/conn.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/hub.h"
#include "hub/member.h"
#include "hub/slow.h"

/* Answers of one turn share a frame, up to this many bytes. */
enum { REPLIES_MAX = 64 * 1024 };

void conn_init(struct conn *conn, struct hub *hub, const struct transport *transport)
{
    *conn = (struct conn){.hub = hub, .transport = transport};
    outbox_init(&conn->out, hub->options->queue_bytes);
}

void conn_finish(struct conn *conn)
{
    outbox_finish(&conn->out);
    buf_finish(&conn->replies);
    free(conn->close_reason);
}

static void wake(struct conn *conn)
{
    if (conn->is_awake)
        return;
    conn->is_awake = true;
    conn->transport->wake(conn);
}

static void push_replies(struct conn *conn);

/* Nothing that is said from here on reaches the peer but its goodbye. */
static void end_with(struct conn *conn, int code, const char *reason)
{
    if (conn->closing)
        return;
    push_replies(conn);
    if (conn->closing) /* the replies were too much for it */
        return;
    conn->closing = code;
    conn->close_reason = reason == NULL || *reason == '\0' ? NULL : xstrdup(reason);
    wake(conn);
}

/* What waits, and `more` that cannot join it, is counted as dropped; the end is marked. */
static void give_up(struct conn *conn, enum counter reason, uint32_t more)
{
    stats_add(&conn->hub->stats, reason, (int64_t)outbox_messages(&conn->out) + more);
    stats_add(&conn->hub->stats, STAT_CUT_SLOW, 1);
    outbox_drop_waiting(&conn->out);
    end_with(conn, CLOSE_SLOW, NULL); /* no flush: what comes after a gap is not for it */
}

uint32_t conn_check_age(struct conn *conn)
{
    uint32_t left = slow_check_age(conn);
    if (left == 0 && !conn->closing)
        give_up(conn, STAT_DROPS_SLOW_AGE, 0);
    return left;
}

/* Whether the peer is over its limits. */
static bool is_slow(struct conn *conn, struct frame *frame, uint32_t topic)
{
    enum counter reason;
    if (slow_push(conn, frame, topic, &reason))
        return false;
    give_up(conn, reason, frame->messages);
    return true;
}

static void push_replies(struct conn *conn)
{
    if (conn->replies.len == 0)
        return;
    conn->replies_lead = false;
    struct frame *frame = conn->dialect->seal(conn);
    is_slow(conn, frame, 0);
    frame_unref(frame);
}

void conn_push(struct conn *conn, struct frame *frame)
{
    if (conn->closing)
        return;
    push_replies(conn);
    if (!conn->closing && !is_slow(conn, frame, 0))
        wake(conn);
}

void conn_deliver(struct conn *conn, struct frame *frame, uint32_t topic)
{
    if (conn->closing)
        return;
    if (conn->replies_lead)
        push_replies(conn);
    if (!conn->closing && !is_slow(conn, frame, topic))
        wake(conn);
}

/* What was published before is still for it. */
static void flush_channels(struct conn *conn)
{
    if (conn->session != NULL)
        member_flush_all(conn->session);
}

void conn_said(struct conn *conn)
{
    if (conn->closing)
        return;
    if (conn->replies.len >= REPLIES_MAX) {
        flush_channels(conn);
        push_replies(conn);
    }
    if (!conn->closing)
        wake(conn);
}

void conn_close(struct conn *conn, int code, const char *reason)
{
    if (conn->closing)
        return;
    flush_channels(conn);
    end_with(conn, code, reason);
}

const char *conn_reason(const struct conn *conn)
{
    return conn->close_reason != NULL ? conn->close_reason : close_code_text(conn->closing);
}

bool conn_is_half_full(const struct conn *conn)
{
    return conn->out.bytes + conn->replies.len > conn->out.byte_limit / 2;
}

void conn_seal(struct conn *conn)
{
    conn->is_awake = false;
    if (conn->replies.len > 0 && conn->hub->waiting != NULL) /* there was no time for all */
        flush_channels(conn);
    push_replies(conn);
    conn->is_awake = false;
}
