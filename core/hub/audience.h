/* The members of one channel on this worker: who hears what is published. */
#ifndef HUB_AUDIENCE_H
#define HUB_AUDIENCE_H

#include "base/slice.h"
#include "wire/frame.h"

struct hub;
struct member;

/* Owned by the hub; lives while it has members. */
struct audience {
    struct slice channel; /* owned */
    struct member **members;
    unsigned count, room;
};

void audience_add(struct hub *hub, struct member *member);    /* makes the audience if it is the first */
void audience_remove(struct hub *hub, struct member *member); /* frees it after the last; fine when in none */
/* A reference to each member's outbox: no copy, no Lua, nothing is closed or freed. */
void audience_deliver(struct hub *hub, struct slice channel, struct frame *const *frames);

#endif
