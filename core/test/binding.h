/* The world of a spec, opened to the Lua that runs specs: what lua/weir_test.lua is made of. */
#ifndef TEST_BINDING_H
#define TEST_BINDING_H

#include "config/config.h"

#include <lua.h>

/* Pushes the table of functions. `config` is lent: every world is made by it. */
void binding_push(lua_State *L, const struct config *config);

#endif
