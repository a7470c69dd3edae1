/* Members' subscribe rules asked again after a reload, so many a second: who may be there no more
 * is put out. */
#ifndef HUB_RECHECK_H
#define HUB_RECHECK_H

#include "loop/timer.h"

#include <stddef.h>

struct hub;
struct channel;
struct recheck_seat;
struct job;

/* Embedded in its hub; all zeroes is nothing to do. Channels stand in the order in which they came
 * to the new rules; those with a place here have it in `channel.rechecked`. */
struct recheck {
    struct channel *first, *last;
    struct recheck_seat *seats; /* of the first, as they were when its turn came */
    size_t at, count;
    unsigned long long credit; /* thousandths of a seat */
    struct timer timer;
};

/* Embedded in its channel. */
struct recheck_place {
    struct channel *before, *after;
    bool is_taken;
};

/* The channel has gone over to another generation. Its members are asked about in their turn. */
void recheck_want(struct channel *channel);
void recheck_forget(struct channel *channel); /* it ends; fine without a place */

/* Whether a subscription that began under older rules is against those of now. */
bool recheck_refuses(const struct job *job);

#endif
