/* Rollups as specs write them. */
#ifndef ROLLUP_TABLE_H
#define ROLLUP_TABLE_H

#include <lua.h>

#include "rule/rollup.h"

/* Of { into =, every = ms, by =, of =, stats = { names }, keep = { paths } }; NULL and err. */
struct rollup_rule *rollup_of_table(lua_State *L, int at, const struct slice *params,
                                    unsigned param_count, struct error *err);

#endif
