/* Readers that do not keep up: what waits for them, by the policies of its channels. */
#ifndef HUB_SLOW_H
#define HUB_SLOW_H

#include "hub/conn.h"
#include "hub/stats.h"

/* Takes the frame into the outbox. Where it is too much, what may be dropped gives way, oldest
 * first, and a marker tells the reader what it has missed; or the newest takes the place of an
 * older one with its key. `topic` is the number of the audience it is for, 0 for none. False: there
 * was no room and nothing to drop, the reader is to be given up for *reason. */
bool slow_push(struct conn *conn, struct frame *frame, uint32_t topic,
               enum counter *reason) MUST_USE;

/* Drops what has waited too long and may be dropped. Returns how many ms the oldest of the rest may
 * still wait, 0 when its time is over: the reader is to be given up. */
uint32_t slow_check_age(struct conn *conn);

#endif
