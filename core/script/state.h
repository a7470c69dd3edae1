/* self.state on its way from one VM to another: plain data, by copy. */
#ifndef SCRIPT_STATE_H
#define SCRIPT_STATE_H

#include "script/program.h"

enum { STATE_DEPTH_MAX = 64 };

/* Pushes a copy of the value at `index` of `from` (which may be of another VM than `to`; nothing is
 * raised in it, and its stack is left as it was even when `to` raises). Strings, numbers, booleans,
 * json.null and tables of these go over, with shared and circular tables as they are; anything else
 * is left out, and `log` told where it was. May raise in `to`. */
void state_copy(lua_State *to, lua_State *from, int index, const struct log *log,
                struct slice channel);

#endif
