/* What a client says whose answers come by a stream: its commands in the body of a request. */
#ifndef DIALECT_EMULATION_H
#define DIALECT_EMULATION_H

#include "base/buf.h"
#include "base/slice.h"

/* Slices point into the body, or into `scratch` where a text had escapes. */
struct emulation {
    struct slice session, node; /* as the connect reply said them */
    struct slice commands;      /* lines, for centrifuge_receive */
};

/* {"session":…,"node":…,"data":…}, all texts. False: it is not that. `scratch` is the caller's and
 * holds decoded texts as long as they are used; this clears it first. Unknown fields are ignored.
 */
bool emulation_parse(struct slice body, struct buf *scratch, struct emulation *emulation);

#endif
