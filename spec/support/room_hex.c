/* base/hex for specs. */
#include "base/hex.h"

#include <lauxlib.h>

static struct slice check_slice(lua_State *L, int at)
{
    struct slice s;
    s.at = luaL_checklstring(L, at, &s.len);
    return s;
}

/* digit(byte) -> 0..15 or -1 */
static int digit(lua_State *L)
{
    lua_pushinteger(L, hex_digit(*check_slice(L, 1).at));
    return 1;
}

static int value(lua_State *L)
{
    lua_pushinteger(L, hex_value(check_slice(L, 1)));
    return 1;
}

static int decode(lua_State *L)
{
    struct buf out = {0};
    percent_decode(check_slice(L, 1), &out);
    lua_pushlstring(L, out.len > 0 ? out.at : "", out.len);
    buf_finish(&out);
    return 1;
}

static const luaL_Reg functions[] = {
    {"digit", digit}, {"value", value}, {"decode", decode}, {NULL, NULL}};

int luaopen_room_hex(lua_State *L);
int luaopen_room_hex(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
