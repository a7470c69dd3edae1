#include "dialect/event_stream.h"

#include "dialect/reply.h"
#include "hub/conn.h"

static struct frame *create_events(struct slice lines)
{
    struct buf out = {0};
    const char *at = lines.at, *end = lines.at + lines.len;
    buf_reserve(&out, lines.len + 64);
    for (const char *stop; at < end; at = stop + 1) {
        stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL)
            stop = end;
        buf_add_text(&out, "data: ");
        buf_add(&out, at, (size_t)(stop - at));
        buf_add_text(&out, "\n\n");
    }
    struct frame *frame = frame_create(buf_slice(&out));
    buf_finish(&out);
    return frame;
}

static struct frame *encode_publications(struct hub *hub, const struct publication *first,
                                         unsigned count)
{
    struct buf lines = {0};
    (void)hub;
    reply_put_publications(&lines, first, count);
    struct frame *frame = create_events(buf_slice(&lines));
    frame->messages = count;
    buf_finish(&lines);
    return frame;
}

static struct frame *say_skipped(struct slice channel, uint32_t messages)
{
    struct buf line = {0};
    reply_put_skipped(&line, channel, messages);
    struct frame *frame = create_events(buf_slice(&line));
    buf_finish(&line);
    return frame;
}

static struct frame *seal(struct conn *conn)
{
    struct frame *frame = create_events(buf_slice(&conn->replies));
    buf_finish(&conn->replies);
    return frame;
}

/* There is no close frame here: the last event says why, then the response ends. */
static struct frame *say_goodbye(int code, const char *reason)
{
    struct buf line = {0};
    reply_put_goodbye(&line, code, reason);
    struct frame *frame = create_events(buf_slice(&line));
    frame->is_last = true;
    buf_finish(&line);
    return frame;
}

const struct dialect event_stream = {
    .index = 2,
    .publications = encode_publications,
    .answer = reply_answer,
    .unsubscribed = reply_unsubscribed,
    .message = reply_message,
    .skipped = say_skipped,
    .ping = reply_ping,
    .seal = seal,
    .goodbye = say_goodbye,
};
