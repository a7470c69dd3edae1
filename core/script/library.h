/* Lua's own libraries, without what could hang, escape or hide: what is left says how much work it
 * is. */
#ifndef SCRIPT_LIBRARY_H
#define SCRIPT_LIBRARY_H

#include <lua.h>

/* The stock pattern functions backtrack without telling anybody: these bounds are what keeps them
 * short until they are replaced. Plain searches (find with its fourth argument) have no such bound.
 */
enum { PATTERN_SUBJECT_MAX = 64 * 1024, PATTERN_TEXT_MAX = 512 };

/* Pushes a table of everything allowed, by name: functions, and one table a library. Also gives
 * strings their metatable. May raise; once a VM. */
void library_open(lua_State *L);

#endif
