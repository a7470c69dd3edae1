/* base/suggest for specs. */
#include "base/suggest.h"

#include <lauxlib.h>

enum { NAMES_MAX = 63 };

/* suggest(wrong, {name, ...}) -> name or nil */
static int suggest_name(lua_State *L)
{
    const char *names[NAMES_MAX + 1] = {0};
    struct slice wrong;
    wrong.at = luaL_checklstring(L, 1, &wrong.len);
    lua_Integer count = luaL_len(L, 2);
    luaL_argcheck(L, count <= NAMES_MAX, 2, "too many names");
    for (lua_Integer i = 0; i < count; i++) {
        lua_rawgeti(L, 2, i + 1); /* stays in the table, so the string lives on */
        names[i] = luaL_checkstring(L, -1);
        lua_pop(L, 1);
    }
    lua_pushstring(L, suggest(wrong, names));
    return 1;
}

int luaopen_room_suggest(lua_State *L);
int luaopen_room_suggest(lua_State *L)
{
    lua_pushcfunction(L, suggest_name);
    return 1;
}
