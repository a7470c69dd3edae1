/* Frames waiting for one reader. Bounded: it says no, it never grows without limit. */
#ifndef WIRE_OUTBOX_H
#define WIRE_OUTBOX_H

#include "wire/frame.h"

struct outbox_slot {
    struct frame *frame; /* holds one reference */
    uint32_t since_ms;   /* when it was pushed, low bits of the loop's clock */
    uint32_t topic;      /* what it is about, for who chooses what to drop; 0: nothing */
};

struct outbox { /* embedded in conn, which calls init and finish */
    struct outbox_slot *ring;
    uint32_t head, count, slots; /* slots is zero or a power of two */
    size_t bytes;                /* that wait, what was sent of the first frame not counted */
    size_t byte_limit;
    size_t promised; /* bytes that somebody has begun to send and has to offer again: they stay */
    uint32_t sent;   /* bytes of the first frame that have gone */
};

void outbox_init(struct outbox *box, size_t byte_limit);
void outbox_finish(struct outbox *box); /* drops what waits */

/* Keeps a reference of its own. False: full, nothing was kept. A frame for an empty box always
 * fits. */
bool outbox_push(struct outbox *box, struct frame *frame, uint32_t topic, uint64_t now_ms) MUST_USE;
/* The same whatever the limit: for the few bytes that end a connection. */
void outbox_push_last(struct outbox *box, struct frame *frame, uint64_t now_ms);
uint64_t outbox_messages(const struct outbox *box); /* that wait, for counting */
bool outbox_is_empty(const struct outbox *box);
/* How long the n-th has waited, from 0; 0 past the end. */
uint32_t outbox_age_ms(const struct outbox *box, uint32_t n, uint64_t now_ms);

/* The bytes of the n-th waiting frame still to be sent (n from 0), borrowed; absent past the end.
 */
struct slice outbox_peek(const struct outbox *box, uint32_t n);
/* The first `bytes` waiting bytes have gone. True: among them was a frame after which the
 * connection ends. One that may be dropped and has gone in part waits anew: its reader is slow, but
 * reads. */
bool outbox_sent(struct outbox *box, size_t bytes, uint64_t now_ms);
/* The first `bytes` waiting bytes have been taken by somebody who could not send them yet. */
void outbox_promise(struct outbox *box, size_t bytes);
/* How many of the first have gone in part or were promised: they stay as they are. */
uint32_t outbox_touched(const struct outbox *box);
/* The n-th that waits, from 0; borrowed until the next push. */
struct outbox_slot *outbox_slot(const struct outbox *box, uint32_t n);
/* Another frame in the n-th place, which is not touched; keeps a reference of its own, the place's
 * topic and age. */
void outbox_replace(struct outbox *box, uint32_t n, struct frame *frame);
void outbox_remove(struct outbox *box, uint32_t n); /* not touched either */
/* Forgets what waits, but for a frame that has gone in part and for what was promised. */
void outbox_drop_waiting(struct outbox *box);

#endif
