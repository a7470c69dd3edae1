/* channel(pattern, options) and the hooks a file defines: what a script says it is. */
#ifndef SCRIPT_DECLARE_H
#define SCRIPT_DECLARE_H

#include <lua.h>

#include "script/program.h"

/* Adds `channel` and `server` to the environment. May raise. */
void declare_open(lua_State *L);
/* Pushes __newindex for `server`, or for what channel() returns: while the file loads, a hook's
 * name that gets no function is a problem at that line. */
void declare_push_assign(lua_State *L, bool is_server);
/* When the file has run: takes its hooks into program->classes, ->server and ->rpcs; what is not a
 * hook of this version becomes a problem. May raise. */
void declare_collect(lua_State *L, struct program *program);

const char *hook_name(enum hook hook); /* "on_publish"; "rpc" for HOOK_CALL */
const char *server_hook_name(enum server_hook hook);

#endif
