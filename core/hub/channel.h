/* A live channel at its home: its members' seats, its order, its history. */
#ifndef HUB_CHANNEL_H
#define HUB_CHANNEL_H

#include "base/map.h"
#include "hub/channel_timer.h"
#include "hub/delivery.h"
#include "hub/dialect.h"
#include "hub/generation.h"
#include "hub/group.h"
#include "hub/history.h"
#include "hub/lane.h"
#include "hub/latest.h"
#include "hub/limit.h"
#include "hub/once.h"
#include "hub/recheck.h"
#include "hub/rollup.h"
#include "loop/timer.h"

struct hub;

enum { EPOCH_LEN = 8, CHANNEL_NAME_MAX = 255 };

/* 1 to 255 bytes of printable ASCII without spaces. */
bool channel_is_name(struct slice name);

/* Owned by the hub of its home worker; used on that thread only. It lives from the first interest in it until
 * its last member has left, its history has run out, and it has lingered a while. */
struct channel {
    /* What script/ may know. */
    struct slice name;                       /* owned */
    const struct generation *generation;     /* whose rules hold; changes at the first event after a reload */
    const struct channel_type *type;         /* NULL: no longer declared */
    struct slice params[PATTERN_PARAMS_MAX]; /* values in the pattern's order, slices of name */
    void *instance;                          /* the behaviour's own: NULL until bound */
    unsigned waits;                          /* how many of its hooks wait; while any does it stays where it is */
    /* The hub's own. */
    struct hub *hub;
    struct channel *older, *newer;      /* neighbours in the order of hub->oldest */
    struct map seats;                   /* of struct seat, by its key */
    struct group *groups;                 /* that they are in: one, where there are no views */
    uint64_t view_mark;                 /* of the type by which they were put there */
    struct history history;
    struct latest latest;
    struct rollup rollup;
    struct delivery delivery;
    struct limits limits;
    struct channel_timers timers;
    struct lane lane;
    struct job *jobs;                   /* hooks that wait */
    struct once once;
    struct recheck_place rechecked;
    uint64_t offset;                    /* of the last message; counts only with history */
    char epoch[EPOCH_LEN + 1];
    struct timer linger;
};

/* A member, as its channel's home knows it. */
struct seat {
    struct seat_key key;
    uint64_t number; /* which attempt of that session: an old farewell does not end a new stay */
    struct identity *identity;
    unsigned dialect;
    struct group *group; /* NULL: put out, it hears nothing more */
};

/* The channel of that name, made and opened if need be, bound to the current generation. NULL: no type has
 * that name any more. `hops` is how many hooks led here, for on_open. */
struct channel *channel_open(struct hub *hub, struct slice name, unsigned hops);
/* The same, but only if it lives. */
struct channel *channel_find(struct hub *hub, struct slice name);
void channel_destroy(struct channel *channel); /* without on_close; NULL is fine */
/* Moves the channel to the current generation if it is not there yet and no hook of it waits. */
void channel_bind(struct channel *channel);
/* Starts the end of a channel that nothing keeps, or stops it. */
void channel_reconsider(struct channel *channel);

struct seat *channel_find_seat(const struct channel *channel, struct seat_key key);
struct seat *channel_add_seat(struct channel *channel, const struct seat *facts,
                              struct group *group); /* refs the identity */
void channel_remove_seat(struct channel *channel, struct seat *seat);             /* frees it */

#endif
