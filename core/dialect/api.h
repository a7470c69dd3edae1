/* The server API: what back ends ask by POST /api/METHOD. */
#ifndef DIALECT_API_H
#define DIALECT_API_H

#include "hub/hub.h"

struct api_request;

/* What server/ does for it. */
struct api_host {
    void *context;
    /* Loads the scripts anew, on another thread; ends with api_answer or api_refuse on the request's worker. */
    void (*reload)(void *context, struct hub *hub, struct api_request *request);
    /* Goes back to the scripts of generation `to` (0: those before the ones in force); ends in the same way. */
    void (*rollback)(void *context, struct hub *hub, struct api_request *request, unsigned to);
    const char *node; /* a name for this process */
    uint64_t started_ms;
};

/* Handles one request: `body` is what was posted (may be freed at once). `done` is called exactly once, perhaps
 * before this returns, with an HTTP status and a JSON body borrowed for the call. *slot, which stays where it is, names
 * the request until then and is NULL afterwards. The key has been checked. */
void api_handle(struct hub *hub, const struct api_host *host, struct slice method, struct slice body,
                void (*done)(void *context, int status, struct slice body), void *context,
                struct api_request **slot);
/* Whoever asked has gone: `done` will not be called. */
void api_abandon(struct api_request *request);

/* Ends a request with {"result":…} or {"error":…}; on its worker's thread. */
void api_answer(struct api_request *request, struct slice result);
void api_refuse(struct api_request *request, const struct error *error);
void api_refuse_with(struct api_request *request, const struct error *error, struct slice details);
/* {"error":{…}} with `details` (",name:value" or absent) behind the message. */
void api_put_error(struct buf *out, const struct error *error, struct slice details);

#endif
