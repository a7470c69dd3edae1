/* What a hook wished for: kept in order while it runs, done when it has returned. */
#ifndef HUB_EFFECT_H
#define HUB_EFFECT_H

#include "base/slice.h"

#include <stdint.h>

enum effect_kind {
    EFFECT_PUBLISH, /* channel, data: the house speaking, no client rule and no on_publish */
    EFFECT_KICK,    /* channel, user and/or client (absent: any), reason */
    EFFECT_SEND,    /* client, data: a message to one connection */
    EFFECT_CLOSE,   /* client, code, reason */
    EFFECT_TIMER,   /* of the hook's channel: id, ms, method, data (a list of arguments), repeats */
    EFFECT_CANCEL,  /* ... id: forgets it */
    EFFECT_STORE,   /* key in `method`, data (absent: delete), ms: until it is forgotten, 0 = never */
};

/* Owned by the list it is in. The slices point into `bytes`. */
struct effect {
    struct effect *next;
    enum effect_kind kind;
    struct slice channel, data, user, client, reason, method;
    uint64_t id;
    uint64_t ms;
    bool repeats;
    int code;
    char bytes[];
};

/* All zeroes is an empty list. */
struct effects {
    struct effect *first, *last;
    unsigned count;
};

/* Appends a copy of *wish (its `next` and `bytes` are ignored). data is checked JSON without raw newlines. */
void effects_add(struct effects *list, const struct effect *wish);
void effects_discard(struct effects *list); /* frees all; the list is empty afterwards */

#endif
