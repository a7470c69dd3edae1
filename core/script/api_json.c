#include "script/api_json.h"

#include <lauxlib.h>

#include "script/codec.h"
#include "wire/json.h"

/* The first upvalue of json.encode: a buffer that the VM owns, so that an error raised while its
 * bytes are copied leaks nothing. Shared by all calls: encoding runs no Lua code, so they cannot
 * overlap. */
enum { BUFFER_KEPT = 64 * 1024 };

static int finish_buffer(lua_State *L)
{
    buf_finish(lua_touserdata(L, 1));
    return 0;
}

static void push_buffer(lua_State *L)
{
    struct buf *out = lua_newuserdatauv(L, sizeof *out, 0);
    *out = (struct buf){0};
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, finish_buffer);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
}

static int encode(lua_State *L)
{
    luaL_checkany(L, 1);
    struct buf *out = lua_touserdata(L, lua_upvalueindex(1));
    struct error err;
    buf_clear(out);
    if (out->room > BUFFER_KEPT)
        buf_finish(out);
    if (!codec_encode(L, 1, "value", &CODEC_LIMITS_DEFAULT, out, &err))
        return luaL_error(L, "json.encode: %s", err.text);
    lua_pushlstring(L, out->at, out->len);
    return 1;
}

static int decode(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TSTRING);
    struct slice text;
    text.at = lua_tolstring(L, 1, &text.len);
    struct json_fault fault;
    struct error err;
    if (!json_check(text, &JSON_LIMITS_DEFAULT, &fault)) {
        lua_pushnil(L);
        lua_pushfstring(L, "not JSON, at byte %I: %s", (lua_Integer)fault.at + 1, fault.why);
        return 2;
    }
    if (codec_push(L, text, &err))
        return 1;
    lua_pushnil(L);
    lua_pushstring(L, err.text);
    return 2;
}

static int array(lua_State *L)
{
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    bool marked = codec_is_array(L, 1);
    if (!marked && lua_getmetatable(L, 1))
        return luaL_argerror(L, 1, "this table has a metatable; mark a plain one");
    if (!marked)
        codec_mark_array(L, 1);
    return 1;
}

int api_json_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"decode", decode}, {"array", array}, {NULL, NULL}};
    codec_open(L);
    luaL_newlib(L, functions);
    push_buffer(L);
    lua_pushcclosure(L, encode, 1);
    lua_setfield(L, -2, "encode");
    codec_push_null(L);
    lua_setfield(L, -2, "null");
    return 1;
}
