/* The world of a spec, opened to the Lua that runs specs: what lua/weir_test.lua is made of. */
#ifndef TEST_BINDING_H
#define TEST_BINDING_H

#include "config/config.h"
#include "test/coverage.h"

#include <lua.h>

/* Pushes the table of functions. Both are lent, coverage may be NULL: every world is made with
 * them. */
void binding_push(lua_State *L, const struct config *config, struct coverage *coverage);

#endif
