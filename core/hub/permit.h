/* Whether what is asked of a channel may be: by its name, its type's rules, views and filter, sizes and schema. */
#ifndef HUB_PERMIT_H
#define HUB_PERMIT_H

#include "hub/request.h"
#include "hub/spot.h"

/* Finds the type and asks its rule before there is a channel: strangers make nothing live. False and err, counted. */
bool permit(struct hub *hub, const struct request *request, struct error *err) MUST_USE;

/* Where the subscriber belongs by that type; spot_finish it, or give it to a group. False and err, counted. */
bool permit_spot(struct hub *hub, const struct request *request, const struct channel_type *type,
                 const struct slice *params, struct spot *spot, struct error *err) MUST_USE;

#endif
