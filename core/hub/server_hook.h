/* The hooks of the server, which belong to no channel: rpc_NAME, on_disconnect, on_message. */
#ifndef HUB_SERVER_HOOK_H
#define HUB_SERVER_HOOK_H

#include "hub/hub.h"

bool server_has(const struct hub *hub, enum server_hook hook);
/* Runs rpc_NAME (request->method, data, who) and answers the asker, now or when it has returned. Only where server_has
 * SERVER_CALL. */
void server_call(struct hub *hub, const struct request *request);
/* Runs a hook whose answer nobody waits for (request->who, data, code, reason), if there is one. */
void server_tell(struct hub *hub, enum server_hook hook, const struct request *request);

#endif
