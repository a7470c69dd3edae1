/* What scripts wish for done at homes: at once as far as a turn has room for it, the rest in turns
 * to come. */
#ifndef HUB_WISH_H
#define HUB_WISH_H

#include "base/map.h"
#include "hub/request.h"
#include "loop/mailbox.h"

struct wish_queue;

/* What hooks published and kicked, and timers that are due: each may run hooks, which wish again.
 * They get a share of a turn together; what is left over waits in a queue for each file whose
 * channels are meant, and these take turns. Within a queue the order stays as it was. */
enum {
    WISH_TURN_US = 10000,
    WISHES_MAX = 65536,        /* messages that wait in one queue, */
    WISH_BYTES_MAX = 64 << 20, /* ... and their bytes; more are dropped, counted and logged */
};

/* Embedded in its hub; all zeroes has none. */
struct wishes {
    struct map queues;               /* struct wish_queue by file: those that are not empty */
    struct wish_queue *first, *last; /* the same in the order of their turns */
    uint64_t spent_ns;               /* of this turn's share */
    bool is_posted;                  /* `mail` is on its way */
    bool is_ending;
    struct mail mail; /* to ourselves: the next turn */
};

/* Handles a request that no client waits for, now or later. */
void wish_handle(struct hub *hub, const struct request *request);
/* The hub ends: what this turn has no room for is dropped from now on. */
void wishes_end(struct hub *hub);
void wishes_finish(struct hub *hub);

#endif
