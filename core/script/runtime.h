/* One worker's scripts in action: a VM per script, the hooks behind the hub's behaviour table. */
#ifndef SCRIPT_RUNTIME_H
#define SCRIPT_RUNTIME_H

#include "hub/behaviour.h"
#include "script/catalogue.h"
#include "script/services.h"

struct runtime; /* owned by its worker, used on its thread only (runtime_put_metrics excepted) */

struct runtime_options {
    struct script_limits limits;
    bool explains; /* dev mode: errors tell the client file, line and reason, not only an incident */
    const struct log *log;
    const struct clock *clock; /* what time scripts are told; NULL: the system's */
};

/* Copies both; what the services are outlives it. NULL: none, and no hook can wait. */
struct runtime *runtime_create(const struct runtime_options *options,
                               const struct script_services *services);
void runtime_destroy(struct runtime *runtime);
/* Fills the hub's table. */
void runtime_fill(struct runtime *runtime, struct behaviour *behaviour);

/* First phase of a reload: builds VMs for what changed in `set` (which outlives its use: the control thread
 * keeps it until every worker has switched away and runtime_uses says no). False: nothing has changed. */
bool runtime_prepare(struct runtime *runtime, const struct script_set *set, struct error *err);
void runtime_discard(struct runtime *runtime); /* forgets what was prepared */
/* Second phase, between two turns: new events run on the prepared set. Channels move over one by one at their
 * next event (behaviour.bind); a VM lives until its last channel has left it. Cannot fail. */
void runtime_switch(struct runtime *runtime);

/* Whether a set is still looked at: it is the current or the prepared one. */
bool runtime_uses(const struct runtime *runtime, const struct script_set *set);

/* Adds how many hooks were called, and how many of those calls failed. Any thread. */
void runtime_add_calls(const struct runtime *runtime, uint64_t *calls, uint64_t *errors);

/* Prometheus lines: calls, errors and seconds by script and hook, VM bytes by script; summed over all the
 * workers' runtimes given. Any thread. */
void runtime_put_metrics(struct runtime *const *runtimes, unsigned count, struct buf *out);

#endif
