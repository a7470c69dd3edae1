#include "wire/outbox.h"

#include <stdlib.h>

#include "base/memory.h"

/* FRAME_COST: what a frame takes beside its bytes. */
enum { SLOTS_MIN = 4, SLOTS_KEPT = 16, FRAME_COST = 64 };

void outbox_init(struct outbox *box, size_t byte_limit)
{
    *box = (struct outbox){.byte_limit = byte_limit};
}

struct outbox_slot *outbox_slot(const struct outbox *box, uint32_t n)
{
    return &box->ring[(box->head + n) & (box->slots - 1)];
}

void outbox_finish(struct outbox *box)
{
    for (uint32_t n = 0; n < box->count; n++)
        frame_unref(outbox_slot(box, n)->frame);
    free(box->ring);
    *box = (struct outbox){0};
}

static void grow(struct outbox *box)
{
    uint32_t slots = box->slots ? box->slots * 2 : SLOTS_MIN;
    struct outbox_slot *ring = xmalloc(slots * sizeof *ring);
    for (uint32_t n = 0; n < box->count; n++)
        ring[n] = *outbox_slot(box, n);
    free(box->ring);
    box->ring = ring;
    box->slots = slots;
    box->head = 0;
}

static void push(struct outbox *box, struct frame *frame, uint32_t topic, uint64_t now_ms)
{
    if (box->count == box->slots)
        grow(box);
    frame_ref(frame);
    *outbox_slot(box, box->count++) = (struct outbox_slot){frame, (uint32_t)now_ms, topic};
    box->bytes += frame->len;
}

void outbox_push_last(struct outbox *box, struct frame *frame, uint64_t now_ms)
{
    push(box, frame, 0, now_ms);
}

/* A million empty frames are not free either. */
static bool has_too_many(const struct outbox *box)
{
    return box->count >= SLOTS_KEPT && (size_t)box->count * FRAME_COST > box->byte_limit;
}

bool outbox_push(struct outbox *box, struct frame *frame, uint32_t topic, uint64_t now_ms)
{
    if (box->count > 0 && (box->bytes + frame->len > box->byte_limit || has_too_many(box)))
        return false;
    push(box, frame, topic, now_ms);
    return true;
}

uint64_t outbox_messages(const struct outbox *box)
{
    uint64_t messages = 0;
    for (uint32_t n = 0; n < box->count; n++)
        messages += outbox_slot(box, n)->frame->messages;
    return messages;
}

bool outbox_is_empty(const struct outbox *box)
{
    return box->count == 0;
}

uint32_t outbox_age_ms(const struct outbox *box, uint32_t n, uint64_t now_ms)
{
    return n >= box->count ? 0 : (uint32_t)now_ms - outbox_slot(box, n)->since_ms;
}

struct slice outbox_peek(const struct outbox *box, uint32_t n)
{
    if (n >= box->count)
        return (struct slice){0};
    const struct frame *frame = outbox_slot(box, n)->frame;
    uint32_t from = n == 0 ? box->sent : 0;
    return slice_make(frame->bytes + from, frame->len - from);
}

/* A burst's ring is given back, so that an idle connection is small again. */
static void shrink(struct outbox *box)
{
    box->head = 0;
    if (box->slots <= SLOTS_KEPT)
        return;
    free(box->ring);
    box->ring = NULL;
    box->slots = 0;
}

bool outbox_sent(struct outbox *box, size_t bytes, uint64_t now_ms)
{
    bool is_over = false;
    ensure(bytes <= box->bytes);
    box->promised = 0;
    box->bytes -= bytes;
    while (box->count > 0) {
        struct frame *frame = outbox_slot(box, 0)->frame;
        uint32_t left = frame->len - box->sent;
        if (bytes < left) {
            box->sent += (uint32_t)bytes;
            if (bytes > 0 && frame->slow != FRAME_NEEDED)
                outbox_slot(box, 0)->since_ms = (uint32_t)now_ms;
            break;
        }
        bytes -= left;
        box->sent = 0;
        box->head = (box->head + 1) & (box->slots - 1);
        box->count--;
        is_over = is_over || frame->is_last;
        frame_unref(frame);
    }
    if (box->count == 0)
        shrink(box);
    return is_over;
}

void outbox_promise(struct outbox *box, size_t bytes)
{
    box->promised = bytes;
}

uint32_t outbox_touched(const struct outbox *box)
{
    size_t bytes = 0;
    uint32_t n = 0;
    while (n < box->count && (bytes < box->promised || (n == 0 && box->sent > 0)))
        bytes += outbox_peek(box, n++).len;
    return n;
}

void outbox_replace(struct outbox *box, uint32_t n, struct frame *frame)
{
    struct outbox_slot *slot = outbox_slot(box, n);
    frame_ref(frame);
    box->bytes = box->bytes - slot->frame->len + frame->len;
    frame_unref(slot->frame);
    slot->frame = frame;
}

/* What is removed is near the front more often than not. */
void outbox_remove(struct outbox *box, uint32_t n)
{
    struct frame *frame = outbox_slot(box, n)->frame;
    box->bytes -= frame->len;
    for (; n > 0; n--)
        *outbox_slot(box, n) = *outbox_slot(box, n - 1);
    box->head = (box->head + 1) & (box->slots - 1);
    box->count--;
    frame_unref(frame);
    if (box->count == 0)
        shrink(box);
}

void outbox_drop_waiting(struct outbox *box)
{
    uint32_t kept = outbox_touched(box);
    while (box->count > kept) {
        struct frame *frame = outbox_slot(box, --box->count)->frame;
        box->bytes -= frame->len;
        frame_unref(frame);
    }
}
