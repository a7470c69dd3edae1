/* Who may come in, and as whom: token, dev mode's word, server.on_connect, which may wait. */
#ifndef HUB_ADMIT_H
#define HUB_ADMIT_H

#include "hub/session.h"

/* Finds it out and calls session_decided, before this returns or, when on_connect waits, later; not at all when the
 * session has gone by then. */
void admit_session(struct session *session, uint64_t tag, const struct connect_ask *ask);

/* Whether any on_connect that waits began under another generation than the hub's. */
bool arrivals_are_behind(const struct hub *hub);
/* Ends all of them, as if they had never been. */
void arrivals_forget(struct hub *hub);

#endif
