/* string.find, match, gmatch and gsub of Lua 5.4 on our own patterns, within the CPU budget. */
#ifndef SCRIPT_TEXT_H
#define SCRIPT_TEXT_H

#include <lua.h>

/* As the reference manual has them, errors included. A plain find takes linear time. */
int text_find(lua_State *L);
int text_match(lua_State *L);
int text_gmatch(lua_State *L);
int text_gsub(lua_State *L);

#endif
