/* Going back to scripts that were in force before: a new generation with old files, validated and
 * swapped like any. */
#ifndef SERVER_ROLLBACK_H
#define SERVER_ROLLBACK_H

#include "base/buf.h"

#include <stdbool.h>

struct server;
struct reload;
struct hub;
struct api_request;

/* POST /api/rollback; may be called on any worker's thread. `to`: a generation's number, 0: the one
 * before. */
void rollback_want_for(struct server *server, struct hub *hub, struct api_request *request,
                       unsigned to);
/* The same of our own accord, on the control thread: to `to`, unless `bad` is in force no more by
 * then. */
void rollback_want(struct server *server, unsigned bad, unsigned to, const char *why);

/* Whether one is to be begun now: what was asked for first comes first, of reloads too. */
bool rollback_is_next(const struct server *server);
/* Begins it, when no reload is under way; or refuses it. */
void rollback_begin(struct server *server);

/* The rollback under way is done. */
void rollback_count(struct reload *reload);
/* "why":…, where it is one of our own. */
void rollback_put_why(const struct reload *reload, struct buf *out);
void rollback_put_metrics(struct reload *reload, struct buf *out);

#endif
