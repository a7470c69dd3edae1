/* The WebSocket side of a connection: messages in, to a dialect; frames out. */
#ifndef NET_WS_H
#define NET_WS_H

#include "net/http.h"

/* Each answers the upgrade request being handled, well or with a refusal. */
void ws_upgrade_centrifuge(const struct exchange *exchange);
void ws_upgrade_echo(const struct exchange *exchange); /* --test-echo: same opcode, same bytes */

#endif
