#include "wire/frame.h"

#include <stdlib.h>

#include "base/memory.h"

static struct frame *create(size_t len)
{
    ensure(len <= UINT32_MAX);
    struct frame *frame = xmalloc(sizeof *frame + len);
    *frame = (struct frame){.len = (uint32_t)len, .messages = 1};
    atomic_init(&frame->refs, 1);
    return frame;
}

struct frame *frame_create(struct slice bytes)
{
    struct frame *frame = create(bytes.len);
    if (bytes.len > 0)
        memcpy(frame->bytes, bytes.at, bytes.len);
    return frame;
}

struct frame *frame_create_room(enum ws_opcode opcode, size_t payload_len)
{
    unsigned char head[WS_HEAD_MAX];
    size_t head_len = ws_head(head, opcode, payload_len);
    struct frame *frame = create(head_len + payload_len);
    frame->head_len = (uint32_t)head_len;
    memcpy(frame->bytes, head, head_len);
    return frame;
}

char *frame_payload(struct frame *frame)
{
    return frame->bytes + frame->head_len;
}

bool frame_is_deflated(const struct frame *frame)
{
    return frame->head_len > 0 && (frame->bytes[0] & WS_DEFLATED) != 0;
}

struct frame *frame_create_message(enum ws_opcode opcode, struct slice payload)
{
    struct frame *frame = frame_create_room(opcode, payload.len);
    if (payload.len > 0)
        memcpy(frame_payload(frame), payload.at, payload.len);
    return frame;
}

struct frame *frame_create_close(int code, const char *reason)
{
    struct buf bytes = {0};
    ws_put_close(&bytes, code, reason);
    struct frame *frame = frame_create(buf_slice(&bytes));
    frame->is_last = true;
    buf_finish(&bytes);
    return frame;
}

void frame_ref(struct frame *frame)
{
    atomic_fetch_add_explicit(&frame->refs, 1, memory_order_relaxed);
}

void frame_unref(struct frame *frame)
{
    if (frame != NULL && atomic_fetch_sub_explicit(&frame->refs, 1, memory_order_acq_rel) == 1)
        free(frame);
}
