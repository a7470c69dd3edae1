/* What hooks wish to keep in the store, when they have returned. */
#ifndef HUB_KEEP_H
#define HUB_KEEP_H

#include "hub/effect.h"
#include "hub/hub.h"

/* Does an EFFECT_STORE; false: it is none. What the store does not take is counted and logged: the
 * hook has its answer already. */
bool hub_keep(struct hub *hub, const struct effect *effect);

#endif
