/* A live channel at its home: its members' seats, its order, its history. */
#ifndef HUB_CHANNEL_H
#define HUB_CHANNEL_H

#include "hub/generation.h"

/* What script/ may know of a channel. Owned by the hub of its home worker; used on that thread only. */
struct channel {
    struct slice name;                           /* owned */
    const struct generation *generation;         /* whose rules hold; changes at the first event after a reload */
    const struct channel_type *type;             /* NULL: no longer declared */
    struct slice params[PATTERN_PARAMS_MAX];     /* values in the pattern's order, slices of name */
    void *instance;                              /* the behaviour's own: NULL until bound */
};

#endif
