/* permessage-deflate (RFC 7692) without context: each message is compressed, and inflated, by
 * itself. */
#ifndef WIRE_DEFLATE_H
#define WIRE_DEFLATE_H

#include "wire/frame.h"

/* Both are a worker's own: made with its hub and its network, lent to all its connections, used on
 * its thread only. So their windows cost memory a worker, none a connection. */
struct deflater;
struct inflater;

/* Payloads below `least` bytes are not worth it. */
struct deflater *deflater_create(size_t least);
void deflater_destroy(struct deflater *d); /* NULL is fine */

/* A frame with one reference, for peers that agreed on the extension: compressed where the payload
 * is not below the least and becomes smaller by it (frame_is_deflated), else plain. */
struct frame *deflater_frame(struct deflater *d, enum ws_opcode opcode,
                             struct slice payload) MUST_USE;

struct inflater *inflater_create(void);
void inflater_destroy(struct inflater *i); /* NULL is fine */

enum inflated {
    INFLATED,
    INFLATED_TOO_LARGE, /* over the limit: found out while inflating, never more than the limit is
                           held */
    INFLATED_DAMAGED    /* is no such data, or ends in the middle */
};

/* Appends to the empty `out` what the whole message `in` holds. What is in `out` after a failure
 * means nothing. */
enum inflated inflater_take(struct inflater *i, struct slice in, size_t limit,
                            struct buf *out) MUST_USE;

#endif
