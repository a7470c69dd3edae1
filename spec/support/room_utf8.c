/* base/utf8 for specs. */
#include "base/utf8.h"

#include <lauxlib.h>

/* check(piece, ...) -> "whole", "begun" or "bad" */
static int check(lua_State *L)
{
    unsigned state = 0;
    for (int i = 1; i <= lua_gettop(L); i++) {
        struct slice piece;
        piece.at = luaL_checklstring(L, i, &piece.len);
        if (!utf8_check(&state, piece)) {
            lua_pushstring(L, "bad");
            return 1;
        }
    }
    lua_pushstring(L, state == 0 ? "whole" : "begun");
    return 1;
}

static int char_length(lua_State *L)
{
    struct slice text;
    text.at = luaL_checklstring(L, 1, &text.len);
    lua_pushinteger(L, (lua_Integer)utf8_char(text));
    return 1;
}

static int is_valid(lua_State *L)
{
    struct slice text;
    text.at = luaL_checklstring(L, 1, &text.len);
    lua_pushboolean(L, utf8_is_valid(text));
    return 1;
}

/* cut(text, max) -> the beginning */
static int cut(lua_State *L)
{
    struct slice text;
    text.at = luaL_checklstring(L, 1, &text.len);
    lua_pushlstring(L, text.at, utf8_cut(text, (size_t)luaL_checkinteger(L, 2)));
    return 1;
}

/* put(code point) -> its bytes */
static int put(lua_State *L)
{
    char bytes[4];
    size_t len = utf8_put(bytes, (uint32_t)luaL_checkinteger(L, 1));
    lua_pushlstring(L, bytes, len);
    return 1;
}

static const luaL_Reg functions[] = {{"is_valid", is_valid}, {"put", put},          {"cut", cut},
                                     {"check", check},       {"char", char_length}, {NULL, NULL}};

int luaopen_room_utf8(lua_State *L);
int luaopen_room_utf8(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
