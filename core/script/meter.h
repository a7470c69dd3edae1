/* What scripts cost: calls, errors, seconds and bytes, by script and hook; read by any thread. */
#ifndef SCRIPT_METER_H
#define SCRIPT_METER_H

#include "base/buf.h"
#include "hub/generation.h"

#include <stdatomic.h>
#include <stdint.h>

enum { METER_HOOKS = HOOK_COUNT + SERVER_HOOK_COUNT };

struct meter_cell {
    atomic_ullong calls, errors, ns;
};

/* Of rpc_NAME, a channel's or the server's: as many as scripts declare, whatever clients ask for.
 */
struct meter_method {
    struct meter_method *next;
    struct meter_cell cell;
    char name[];
};

/* One script's. Added by the worker, kept until its meter is finished, so that a reader on another
 * thread never sees one go. */
struct meter_row {
    struct meter_row *next;
    atomic_size_t bytes;                  /* of the VM, after its last call; 0: gone */
    struct meter_cell cells[METER_HOOKS]; /* those of calls stay empty */
    _Atomic(struct meter_method *) methods;
    char script[];
};

/* Embedded in a runtime, one writer. All zeroes is an empty meter. */
struct meter {
    _Atomic(struct meter_row *) first;
};

void meter_finish(struct meter *meter);
struct meter_row *meter_row(struct meter *meter, const char *script); /* made when new */
void meter_add_method(struct meter_row *row, const char *name);       /* may be there already */
void meter_count_method(struct meter_row *row, struct slice name, bool is_error, uint64_t ns);
/* hook: an enum hook, or HOOK_COUNT + an enum server_hook; no call. */
void meter_count(struct meter_row *row, unsigned hook, bool is_error, uint64_t ns);
void meter_set_bytes(struct meter_row *row, size_t bytes);

/* Adds what has been counted in all, of all scripts. Any thread. */
void meter_total(const struct meter *meter, uint64_t *calls, uint64_t *errors);

/* Prometheus text, summed over meters. Any thread. */
void meters_put(struct meter *const *meters, unsigned count, struct buf *out);

#endif
