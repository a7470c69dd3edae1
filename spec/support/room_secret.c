/* auth/secret for specs. */
#include "auth/secret.h"

#include <lauxlib.h>

static int is_equal(lua_State *L)
{
    struct slice a, b;
    a.at = luaL_checklstring(L, 1, &a.len);
    b.at = luaL_checklstring(L, 2, &b.len);
    lua_pushboolean(L, secret_is_equal(a, b));
    return 1;
}

static int bytes(lua_State *L)
{
    luaL_Buffer out;
    size_t len = (size_t)luaL_checkinteger(L, 1);
    random_bytes(luaL_buffinitsize(L, &out, len), len);
    luaL_pushresultsize(&out, len);
    return 1;
}

static int uuid(lua_State *L)
{
    char text[UUID_LEN + 1];
    uuid_make(text);
    lua_pushstring(L, text);
    return 1;
}

static const luaL_Reg functions[] = {
    {"is_equal", is_equal}, {"bytes", bytes}, {"uuid", uuid}, {NULL, NULL}};

int luaopen_room_secret(lua_State *L);
int luaopen_room_secret(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
