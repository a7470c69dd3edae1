/* A cached value fetched anew while the one that is stale is used: the script's function runs as a
 * task that no hook waits for. */
#ifndef SCRIPT_REFRESH_H
#define SCRIPT_REFRESH_H

#include "script/task.h"

struct refresh; /* owned by its program until it has ended */

/* What a script asked of cache(), read before there is a flight. */
struct cache_wish {
    struct cache_terms terms;
    bool waits; /* for what is stale as well, if nobody fetches it yet */
    size_t key_len;
    char key[CACHE_KEY_MAX];
};

/* The function on top of the stack, which stays there, runs in a turn to come; the flight is the
 * refresh's. False: it is still the caller's, for too many of the script wait, or the end is near.
 * It has no effects, and ends unheard: without a value the stale one goes on as far as it may. */
bool refresh_begin(lua_State *L, const struct task *asker, const struct cache_wish *wish,
                   struct cache_flight *flight) MUST_USE;
/* Those of a program that is to end: who asks next fetches. */
void refreshes_forget(struct program *program);

/* The cache counts for its worker's thread; metrics are read by others. */
void cache_tell(struct script_services *services);

#endif
