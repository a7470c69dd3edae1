/* Runs one hook: the question becomes Lua values, what the hook returns becomes a verdict. */
#ifndef SCRIPT_HOOK_H
#define SCRIPT_HOOK_H

#include "script/task.h"

/* A channel's life in a VM: channel->instance. */
struct instance {
    struct program *program; /* one reference */
    unsigned class;
    int self; /* registry reference */
};

/* Makes an instance of the program's class for channel->type, with the state of `old` (NULL: an
 * empty one). NULL: *outcome says why. */
struct instance *instance_create(struct program *program, const struct channel *channel,
                                 const struct instance *old, struct vm_outcome *outcome);
void instance_destroy(struct instance *instance); /* NULL is fine */

/* These fill the call's answer when outcome->end is VM_DONE, its error when it is VM_LEFT; else the
 * caller has to. Not NULL: the hook waits, and the call has to stay where it is or hook_keep says. */
struct task *hook_run_channel(struct instance *instance, const struct channel *channel,
                              const struct task_terms *terms, struct call *call,
                              struct vm_outcome *outcome) MUST_USE;
struct task *hook_run_server(struct program *program, enum server_hook hook,
                             const struct task_terms *terms, struct call *call,
                             struct vm_outcome *outcome) MUST_USE;
/* The call of a hook that waits has moved, with all that is in it. */
void hook_keep(struct task *task, struct call *call);
struct call *hook_call(struct task *task);

/* Where a run failed on its way in or out no line of the script was running, such as for what a
 * hook returned: the place is then where the function on top of the VM's main stack (popped) is
 * defined. */
void hook_note_place(struct program *program, const char *name, struct vm_outcome *outcome);

#endif
