/* script/settings for specs. */
#include "script/settings.h"

#include <lauxlib.h>

static bool visit(void *context, const struct setting *setting, struct error *err)
{
    lua_State *L = context;
    if (strcmp(setting->key, "refused") == 0)
        return fail(err, ERROR_CONFIG, "refused by the visitor");
    static const char *const kinds[] = {"text", "number", "boolean", "list"};
    lua_pushfstring(L, "%d %s %s=%s", (int)setting->line, kinds[setting->kind], setting->key,
                    setting->value);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    return true;
}

/* read(path) -> { "line kind key=value", ... } or nil, reason */
static int read(lua_State *L)
{
    struct error err;
    const char *path = luaL_checkstring(L, 1);
    lua_newtable(L);
    if (settings_read(path, visit, L, &err))
        return 1;
    lua_pushnil(L);
    lua_pushstring(L, err.text);
    return 2;
}

int luaopen_room_settings(lua_State *L);
int luaopen_room_settings(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, read);
    lua_setfield(L, -2, "read");
    return 1;
}
