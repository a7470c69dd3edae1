/* Going back to scripts that were in force before: a new generation with old files, validated and
 * swapped like any. */
#ifndef SERVER_ROLLBACK_H
#define SERVER_ROLLBACK_H

#include <stdbool.h>

struct server;
struct hub;
struct api_request;

/* POST /api/rollback; may be called on any worker's thread. `to`: a generation's number, 0: the one
 * before. */
void rollback_want_for(struct server *server, struct hub *hub, struct api_request *request,
                       unsigned to);
/* The same of our own accord, on the control thread. */
void rollback_want(struct server *server, unsigned to);

/* Whether one is to be begun now: what was asked for first comes first, of reloads too. */
bool rollback_is_next(const struct server *server);
/* Begins it, when no reload is under way; or refuses it. */
void rollback_begin(struct server *server);

#endif
