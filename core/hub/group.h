/* The groups of a channel: those of its members who hear the same. */
#ifndef HUB_GROUP_H
#define HUB_GROUP_H

#include "hub/dialect.h"
#include "hub/spot.h"

struct channel;
struct hub;
struct seat;

/* Owned by its channel; lives while seats are in it. On each worker its members are an audience. */
struct group {
    uint64_t number;       /* its name on all workers, never used again */
    struct filter *filter; /* what of its view it is; owned, NULL: all */
    unsigned view;         /* its place among the type's; 0 where there is none */
    unsigned seats;
    unsigned dialects[DIALECTS_MAX]; /* how many seats each dialect has */
    unsigned *listeners;             /* ... and each worker */
    struct group *next;
};

/* The group of that spot, which it takes; made if need be. NULL: there are GROUPS_MAX of them. They
 * stand in the order of their views. */
enum { GROUPS_MAX = 4096 };
struct group *group_open(struct channel *channel, struct spot *spot) MUST_USE;
void group_enter(struct group *group, struct seat *seat);
void group_leave(struct channel *channel,
                struct seat *seat); /* frees the group after the last; fine when in none */

/* What on_unsubscribe is told of those whom groups_sort puts out. */
#define GROUP_PUT_OUT SLICE("the channel has no view or filter for this client any more")

/* Moves all who belong elsewhere by what the type says now. Who belongs nowhere any more is put
 * out: its client is told at once, on_unsubscribe hears of it in a later turn. */
void groups_sort(struct channel *channel);

#endif
