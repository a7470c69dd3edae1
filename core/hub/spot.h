/* Where a subscriber belongs in a channel: which view is its, and which filter it brings. */
#ifndef HUB_SPOT_H
#define HUB_SPOT_H

#include "hub/identity.h"
#include "rule/filter.h"

struct channel_type;
struct hub;

/* On the stack, until a group takes it or spot_finish does. */
struct spot {
    unsigned view;         /* 0 where the type has none */
    struct filter *filter; /* owned; NULL: all of the view */
};

/* False and err: no view is for it, or the filter is none that this type allows. `data` is what
 * came with the subscribe command: {"filter": ...} in it is for clients whose SDK has no place for
 * one. */
bool spot_find(struct hub *hub, const struct channel_type *type, const struct slice *params,
               const struct identity_facts *who, const struct filter_source *wish,
               struct slice data, struct spot *spot, struct error *err) MUST_USE;
void spot_finish(struct spot *spot);

#endif
