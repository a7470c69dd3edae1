/* server.on_connect: who is this connection? */
#ifndef SCRIPT_CONNECT_H
#define SCRIPT_CONNECT_H

#include "script/task.h"

/* Fills the call's answer when outcome->end is VM_DONE, its error when it is VM_LEFT; else the
 * caller has to. Not NULL: it waits. */
struct task *connect_run(struct program *program, const struct task_terms *terms,
                         struct connect_call *call, struct vm_outcome *outcome) MUST_USE;
/* The call of an on_connect that waits has moved, with all that is in it. */
void connect_keep(struct task *task, struct connect_call *call);
struct connect_call *connect_call_of(struct task *task);

#endif
