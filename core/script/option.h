/* The options of channel(): one row each. */
#ifndef SCRIPT_OPTION_H
#define SCRIPT_OPTION_H

#include <lua.h>

#include "hub/generation.h"

/* Reads the table at `index` into `type`, whose pattern is there already; raises for what is wrong.
 */
void options_read(lua_State *L, int index, struct channel_type *type);

/* Compiles a rule for a pattern's parameters. NULL and err. */
struct rule *option_rule(const struct channel_type *type, const char *text, struct error *err);

#endif
