/* Lua's own libraries, without what could hang, escape or hide: what is left says how much work it
 * is. */
#ifndef SCRIPT_LIBRARY_H
#define SCRIPT_LIBRARY_H

#include <lua.h>

/* Pushes a table of everything allowed, by name: functions, and one table a library. Also gives
 * strings their metatable. May raise; once a VM. */
void library_open(lua_State *L);

#endif
