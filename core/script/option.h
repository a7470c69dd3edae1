/* The options of channel(): one row each. */
#ifndef SCRIPT_OPTION_H
#define SCRIPT_OPTION_H

#include <lua.h>

#include "hub/generation.h"

/* Reads the table at `index`, which is on top, into `type`, whose pattern is there already (NULL:
 * it was wrong); what is wrong becomes a problem at the type's line. May raise. */
void options_read(lua_State *L, int index, struct channel_type *type);

/* Compiles a rule for a pattern's parameters. NULL and err. */
struct rule *option_rule(const struct channel_type *type, const char *text, enum rule_scope scope,
                         struct error *err);

#endif
