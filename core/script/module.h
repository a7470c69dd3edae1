/* require: the modules of lib/, and lua-cjson. */
#ifndef SCRIPT_MODULE_H
#define SCRIPT_MODULE_H

#include <lua.h>

#include "script/catalogue.h"

/* Adds `require` to the environment. May raise. */
void module_open(lua_State *L);
/* Pushes a file as a function in the strict environment; raises when it does not compile. Text
 * only. */
void module_push_chunk(lua_State *L, const struct script *script);

#endif
