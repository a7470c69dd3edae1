/* What a peer does with the bytes it is sent, for specs: one entry of an outbox may hold several
 * WebSocket frames. */
#ifndef SUPPORT_FRAMES_H
#define SUPPORT_FRAMES_H

#include "base/memory.h"
#include "base/slice.h"
#include "wire/websocket.h"

struct peer_frame {
    enum ws_opcode opcode;
    struct slice payload;
};

static inline size_t frame_head_len(struct slice bytes)
{
    ensure(bytes.len >= 2 && !((unsigned char)bytes.at[1] & 0x80)); /* a server masks nothing */
    unsigned len = (unsigned char)bytes.at[1];
    return len < 126 ? 2 : len == 126 ? 4 : 10;
}

static inline size_t frame_payload_len(struct slice bytes, size_t head)
{
    size_t len = 0;
    if (head == 2)
        return (unsigned char)bytes.at[1];
    for (size_t i = 2; i < head; i++)
        len = len << 8 | (unsigned char)bytes.at[i];
    return len;
}

/* Takes the first frame off the bytes; false when none is left. They are whole frames, or we have
 * cut one. */
static inline bool frame_take(struct slice *bytes, struct peer_frame *frame)
{
    if (bytes->len == 0)
        return false;
    size_t head = frame_head_len(*bytes);
    ensure(head <= bytes->len && (unsigned char)bytes->at[0] & 0x80);
    size_t len = frame_payload_len(*bytes, head);
    ensure(len <= bytes->len - head);
    frame->opcode = (enum ws_opcode)((unsigned char)bytes->at[0] & 15);
    frame->payload = slice_make(bytes->at + head, len);
    *bytes = slice_make(bytes->at + head + len, bytes->len - head - len);
    return true;
}

#endif
