/* server.on_connect: who is this connection? */
#ifndef SCRIPT_CONNECT_H
#define SCRIPT_CONNECT_H

#include "script/program.h"

/* Fills the call's answer when outcome->end is VM_DONE, its error when it is VM_LEFT; else the
 * caller has to. */
void connect_run(struct program *program, const struct generation *generation,
                 struct connect_call *call, struct vm_outcome *outcome);

#endif
