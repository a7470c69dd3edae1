/* Bytes on their way out, made once and shared by everybody who gets them. */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include "base/slice.h"
#include "wire/websocket.h"

#include <stdatomic.h>
#include <stdint.h>

/* What becomes of it when its reader is behind: waits until the reader is given up; gives way to
 * newer ones; or the newest of its key takes its place. */
enum frame_slow { FRAME_NEEDED, FRAME_DROPPED, FRAME_CONFLATED };

/* Immutable once made, counted, shared between threads. A WebSocket frame has its header in front
 * of its payload, so that what is sent is one run of bytes. Its maker sets what is not given,
 * before others see it. */
struct frame {
    atomic_uint refs;
    uint32_t len;      /* of bytes */
    uint32_t head_len; /* of these, the WebSocket header; 0 for plain bytes */
    uint32_t messages; /* how many it carries, for counting */
    uint32_t skipped;  /* not 0: it tells its reader that so many messages were dropped */
    enum frame_slow slow;
    uint64_t key; /* of FRAME_CONFLATED, hashed */
    bool is_last; /* the connection ends when this has been sent */
    char bytes[];
};

/* One reference each. The first two copy what they are given. */
struct frame *frame_create(struct slice bytes) MUST_USE;
struct frame *frame_create_message(enum ws_opcode opcode, struct slice payload) MUST_USE;
struct frame *frame_create_close(int code, const char *reason) MUST_USE; /* is_last */

/* Made in place: the payload's size is known, its bytes are written by the caller to
 * frame_payload(). */
struct frame *frame_create_room(enum ws_opcode opcode, size_t payload_len) MUST_USE;
char *frame_payload(struct frame *frame);
bool frame_is_deflated(const struct frame *frame); /* see wire/deflate */

void frame_ref(struct frame *frame);
void frame_unref(struct frame *frame); /* NULL is fine */

#endif
