/* rule/format for specs. */
#include "rule/format.h"

#include <lauxlib.h>

/* format(name, text): whether the text is of that format; nil when there is none of that name. */
static int is_of_format(lua_State *L)
{
    struct slice name, text;
    name.at = luaL_checklstring(L, 1, &name.len);
    text.at = luaL_checklstring(L, 2, &text.len);
    const struct format *format = format_find(name);
    if (format == NULL)
        lua_pushnil(L);
    else
        lua_pushboolean(L, format_is_valid(format, text));
    return 1;
}

int luaopen_room_format(lua_State *L);
int luaopen_room_format(lua_State *L)
{
    lua_pushcfunction(L, is_of_format);
    return 1;
}
