/* What a script finds when it looks around: an allow-list of names, all of them read-only, and
 * nothing else. */
#ifndef SCRIPT_SANDBOX_H
#define SCRIPT_SANDBOX_H

#include <lua.h>
#include <stdbool.h>

/* Fills a fresh VM: the safe part of Lua's libraries, the strict environment. To be called inside
 * vm_run, as all of this. */
void sandbox_open(lua_State *L);
/* Adds the value on top as a global of that name, and pops it. Tables become read-only where
 * `is_sealed`. */
void sandbox_add(lua_State *L, const char *name, bool is_sealed);
/* The last step: the names are exactly the documented ones. */
void sandbox_check(lua_State *L);

/* Pushes the environment that chunks get as their _ENV. */
void sandbox_push_env(lua_State *L);
/* Replaces the table on top by a read-only view of it; `what` names it in errors. */
void sandbox_seal(lua_State *L, const char *what);
/* Whether the table there is such a view. */
bool sandbox_is_sealed(lua_State *L, int index);

#endif
