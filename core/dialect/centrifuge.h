/* The Centrifuge client protocol v2 in JSON: what the unmodified centrifuge SDKs speak. */
#ifndef DIALECT_CENTRIFUGE_H
#define DIALECT_CENTRIFUGE_H

#include "hub/session.h"

/* What it says. Its index is 0. */
extern const struct dialect centrifuge_json;
/* The same for connections that agreed on permessage-deflate: what is long enough is compressed, once for all who hear
 * it. Its index is 1. Needs the hub's deflater. */
extern const struct dialect centrifuge_json_deflate;

/* What it hears: one message with one or more commands, a newline between two. Answers and pushes go to the
 * session's conn; a message that is none ends the session (3501). */
/* Stops after the command during which clock_monotonic_ns() passed `until_ns`, and where half of what may wait for the
 * peer waits: who asks much is heard again when it has read its answers. Returns how many bytes it has handled:
 * the rest is to be given to it again, in a later turn. */
size_t centrifuge_receive(struct session *session, struct slice message, uint64_t until_ns);

#endif
