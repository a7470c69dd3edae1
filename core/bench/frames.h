/* WebSocket as a client speaks it: masked frames out, whole frames in, found without a copy. */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include "base/buf.h"
#include "base/error.h"
#include "wire/websocket.h"

/* One frame of a server. */
struct server_frame {
    enum ws_opcode opcode;
    bool is_last;         /* of its message */
    struct slice payload; /* borrowed from the bytes it was found in */
};

enum { FRAME_BYTES_MAX = 16 << 20 };

/* Appends a final frame, masked. Any mask will do: no proxy stands between. */
void frames_put(struct buf *out, enum ws_opcode opcode, struct slice payload, uint32_t mask);

/* The frame at the start of `bytes`: its whole length, 0 while it is not all there. False and err:
 * what comes is none of a server. */
bool frames_take(struct slice bytes, size_t *len, struct server_frame *frame, struct error *err);

#endif
