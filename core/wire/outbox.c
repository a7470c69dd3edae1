#include "wire/outbox.h"

#include <stdlib.h>

#include "base/memory.h"

/* FRAME_COST: what a frame takes beside its bytes. */
enum { SLOTS_MIN = 4, SLOTS_KEPT = 16, FRAME_COST = 64 };

void outbox_init(struct outbox *box, size_t byte_limit)
{
    *box = (struct outbox){.byte_limit = byte_limit};
}

static struct outbox_slot *slot_at(const struct outbox *box, uint32_t n)
{
    return &box->ring[(box->head + n) & (box->slots - 1)];
}

void outbox_finish(struct outbox *box)
{
    for (uint32_t n = 0; n < box->count; n++)
        frame_unref(slot_at(box, n)->frame);
    free(box->ring);
    *box = (struct outbox){0};
}

static void grow(struct outbox *box)
{
    uint32_t slots = box->slots ? box->slots * 2 : SLOTS_MIN;
    struct outbox_slot *ring = xmalloc(slots * sizeof *ring);
    for (uint32_t n = 0; n < box->count; n++)
        ring[n] = *slot_at(box, n);
    free(box->ring);
    box->ring = ring;
    box->slots = slots;
    box->head = 0;
}

void outbox_push_last(struct outbox *box, struct frame *frame, uint64_t now_ms)
{
    if (box->count == box->slots)
        grow(box);
    frame_ref(frame);
    *slot_at(box, box->count++) = (struct outbox_slot){frame, (uint32_t)now_ms};
    box->bytes += frame->len;
}

/* A million empty frames are not free either. */
static bool has_too_many(const struct outbox *box)
{
    return box->count >= SLOTS_KEPT && (size_t)box->count * FRAME_COST > box->byte_limit;
}

bool outbox_push(struct outbox *box, struct frame *frame, uint64_t now_ms)
{
    if (box->count > 0 && (box->bytes + frame->len > box->byte_limit || has_too_many(box)))
        return false;
    outbox_push_last(box, frame, now_ms);
    return true;
}

uint64_t outbox_messages(const struct outbox *box)
{
    uint64_t messages = 0;
    for (uint32_t n = 0; n < box->count; n++)
        messages += slot_at(box, n)->frame->messages;
    return messages;
}

bool outbox_is_empty(const struct outbox *box)
{
    return box->count == 0;
}

uint32_t outbox_age_ms(const struct outbox *box, uint64_t now_ms)
{
    return box->count == 0 ? 0 : (uint32_t)now_ms - slot_at(box, 0)->since_ms;
}

struct slice outbox_peek(const struct outbox *box, uint32_t n)
{
    if (n >= box->count)
        return (struct slice){0};
    const struct frame *frame = slot_at(box, n)->frame;
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

bool outbox_sent(struct outbox *box, size_t bytes)
{
    bool is_over = false;
    ensure(bytes <= box->bytes);
    box->promised = 0;
    box->bytes -= bytes;
    while (box->count > 0) {
        struct frame *frame = slot_at(box, 0)->frame;
        uint32_t left = frame->len - box->sent;
        if (bytes < left) {
            box->sent += (uint32_t)bytes;
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

void outbox_drop_waiting(struct outbox *box)
{
    size_t kept_bytes = 0;
    uint32_t kept = 0;
    while (kept < box->count && (kept_bytes < box->promised || (kept == 0 && box->sent > 0)))
        kept_bytes += outbox_peek(box, kept++).len;
    while (box->count > kept)
        frame_unref(slot_at(box, --box->count)->frame);
    box->bytes = kept_bytes;
}
