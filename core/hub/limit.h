/* How often clients may publish and call in a channel: its type's rates, counted for each of them.
 */
#ifndef HUB_LIMIT_H
#define HUB_LIMIT_H

#include "base/error.h"
#include "base/map.h"

struct channel;
struct request;

/* Embedded in its channel; all zeroes has counted nobody. */
struct limits {
    struct map counted; /* struct counted by whom, and of which rate */
    size_t sweep_at;    /* when there are so many, those whose time has passed are forgotten */
};

/* Counts the request by all of the type's rates; nothing is counted where one refuses it. The house
 * is not counted. False and err: too many requests. */
bool limit_take(struct channel *channel, const struct request *request, struct error *err);
void limits_finish(struct limits *limits);

#endif
