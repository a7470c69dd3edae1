#include "hub/slow.h"

#include "base/memory.h"
#include "hub/audience.h"
#include "hub/hub.h"

/* The place of the one that tells of this channel already; `before` when there is none. */
static uint32_t find_marker(const struct outbox *out, uint32_t topic, uint32_t before)
{
    uint32_t n = outbox_touched(out);
    while (n < before &&
           (outbox_slot(out, n)->topic != topic || outbox_slot(out, n)->frame->skipped == 0))
        n++;
    return n;
}

/* NULL: the reader is no longer told of that channel. */
static struct frame *make_marker(struct conn *conn, uint32_t topic, uint32_t skipped)
{
    const struct audience *audience = audience_numbered(conn->hub, topic);
    if (audience == NULL)
        return NULL;
    struct frame *marker = conn->dialect->skipped(audience->channel, skipped);
    marker->messages = 0;
    marker->skipped = skipped;
    return marker;
}

/* One marker a channel, where the first of what is missing was. `n` is the place of what is dropped
 * now. */
static void drop(struct conn *conn, uint32_t n, enum counter reason)
{
    struct outbox *out = &conn->out;
    uint32_t topic = outbox_slot(out, n)->topic, messages = outbox_slot(out, n)->frame->messages;
    uint32_t marked = find_marker(out, topic, n);
    uint32_t skipped = messages + (marked < n ? outbox_slot(out, marked)->frame->skipped : 0);
    struct frame *marker = make_marker(conn, topic, skipped);
    stats_add(&conn->hub->stats, reason, messages);
    if (marker != NULL) {
        outbox_replace(out, marked, marker);
        outbox_slot(out, marked)->since_ms = (uint32_t)loop_now_ms(conn->hub->loop);
        frame_unref(marker);
    }
    if (marker == NULL || marked < n)
        outbox_remove(out, n);
}

static bool may_be_dropped(const struct frame *frame)
{
    return frame->slow != FRAME_NEEDED;
}

/* False: nothing of what waits may be dropped. */
static bool drop_oldest(struct conn *conn)
{
    struct outbox *out = &conn->out;
    for (uint32_t n = outbox_touched(out); n < out->count; n++)
        if (may_be_dropped(outbox_slot(out, n)->frame)) {
            drop(conn, n, STAT_DROPS_SLOW_OLDEST);
            return true;
        }
    return false;
}

/* Markers are renewed with each drop and say nothing of how long the rest has waited. */
static uint32_t skip_markers(const struct outbox *out)
{
    uint32_t n = 0;
    while (n < out->count && outbox_slot(out, n)->frame->skipped > 0)
        n++;
    return n;
}

uint32_t slow_check_age(struct conn *conn)
{
    struct outbox *out = &conn->out;
    uint64_t now = loop_now_ms(conn->hub->loop);
    uint32_t limit = conn->hub->options->queue_ms;
    for (;;) {
        uint32_t n = skip_markers(out), age = outbox_age_ms(out, n, now);
        if (age <= limit)
            return limit - age + 1;
        if (n < outbox_touched(out) || !may_be_dropped(outbox_slot(out, n)->frame))
            return 0;
        drop(conn, n, STAT_DROPS_SLOW_AGE);
    }
}

/* ---- taking ---- */

/* The newest with its key, in the place of the one before: who is behind has one of each at most.
 */
static bool conflate(struct conn *conn, struct frame *frame, uint32_t topic)
{
    struct outbox *out = &conn->out;
    for (uint32_t n = outbox_touched(out); n < out->count; n++) {
        struct outbox_slot *slot = outbox_slot(out, n);
        if (slot->topic != topic || slot->frame->slow != FRAME_CONFLATED ||
            slot->frame->key != frame->key)
            continue;
        stats_add(&conn->hub->stats, STAT_DROPS_SLOW_CONFLATED, slot->frame->messages);
        outbox_replace(out, n, frame);
        return true;
    }
    return false;
}

/* There is no room even without all that may be dropped: so it is this one that is. */
static void drop_newest(struct conn *conn, struct frame *frame, uint32_t topic)
{
    struct outbox *out = &conn->out;
    outbox_push_last(out, frame, loop_now_ms(conn->hub->loop));
    outbox_slot(out, out->count - 1)->topic = topic;
    drop(conn, out->count - 1, STAT_DROPS_SLOW_OLDEST);
}

bool slow_push(struct conn *conn, struct frame *frame, uint32_t topic, enum counter *reason)
{
    struct outbox *out = &conn->out;
    uint64_t now = loop_now_ms(conn->hub->loop);
    if (frame->slow == FRAME_CONFLATED && conflate(conn, frame, topic))
        return true;
    *reason = STAT_DROPS_SLOW_AGE;
    if (slow_check_age(conn) == 0)
        return false;
    if (outbox_push(out, frame, topic, now))
        return true;
    *reason = STAT_DROPS_SLOW_BYTES;
    /* A turn may bring more than the limit to a reader that is not slow: it is judged by what it
     * leaves. */
    conn->transport->relieve(conn);
    while (!outbox_push(out, frame, topic, now))
        if (!drop_oldest(conn)) {
            if (!may_be_dropped(frame))
                return false;
            drop_newest(conn, frame, topic);
            return true;
        }
    return true;
}
