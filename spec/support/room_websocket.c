/* wire/websocket for specs: a decoder that is fed pieces, and a slow, plain way to mask. */
#include "base/memory.h"
#include "wire/deflate.h"

#include <lauxlib.h>
#include <stdlib.h>

/* new{message =, fragments =, deflate =} */
static int new (lua_State *L)
{
    struct ws_limits limits = {0};
    lua_getfield(L, 1, "deflate");
    lua_getfield(L, 1, "message");
    lua_getfield(L, 1, "fragments");
    limits.message = (size_t)luaL_checkinteger(L, -2);
    limits.fragments = (unsigned)luaL_checkinteger(L, -1);
    if (lua_toboolean(L, -3))
        limits.inflater = inflater_create();
    struct ws_decoder *d = lua_newuserdatauv(L, sizeof *d, 0);
    ws_decoder_init(d, &limits);
    luaL_setmetatable(L, "room.websocket");
    return 1;
}

static void push_broken(lua_State *L, const struct ws_decoder *d)
{
    lua_newtable(L);
    lua_pushstring(L, "broken");
    lua_setfield(L, -2, "kind");
    lua_pushinteger(L, d->close_code);
    lua_setfield(L, -2, "code");
    lua_pushstring(L, d->why);
    lua_setfield(L, -2, "why");
    if (d->limits.inflater != NULL) {
        lua_pushboolean(L, d->is_inflating_broken);
        lua_setfield(L, -2, "is_inflating");
    }
}

static void push_given(lua_State *L, enum ws_step step, enum ws_opcode opcode, struct slice payload)
{
    lua_newtable(L);
    lua_pushstring(L, step == WS_MESSAGE ? "message" : "control");
    lua_setfield(L, -2, "kind");
    lua_pushinteger(L, opcode);
    lua_setfield(L, -2, "opcode");
    lua_pushlstring(L, payload.at, payload.len);
    lua_setfield(L, -2, "payload");
}

/* d:decode(bytes) -> a list of events. The bytes lie in memory of exactly their size. */
static int decode(lua_State *L)
{
    struct ws_decoder *d = luaL_checkudata(L, 1, "room.websocket");
    size_t len;
    const char *text = luaL_checklstring(L, 2, &len);
    char *bytes = xmalloc(len ? len : 1);
    memcpy(bytes, text, len);
    lua_newtable(L);
    enum ws_step step;
    lua_Integer count = 0;
    for (size_t at = 0, used;; at += used) {
        enum ws_opcode opcode;
        struct slice payload = {0};
        step = ws_decode(d, bytes + at, len - at, &used, &opcode, &payload);
        ensure(used <= len - at && (step != WS_NEED_MORE || used == len - at));
        if (step == WS_NEED_MORE)
            break;
        if (step == WS_BROKEN)
            push_broken(L, d);
        else
            push_given(L, step, opcode, payload);
        lua_pushboolean(L, payload.at >= bytes && payload.at <= bytes + len);
        lua_setfield(L, -2, "is_in_place");
        lua_rawseti(L, -2, ++count);
        if (step == WS_BROKEN)
            break;
    }
    free(bytes);
    return 1;
}

static int owned(lua_State *L)
{
    struct ws_decoder *d = luaL_checkudata(L, 1, "room.websocket");
    lua_pushinteger(L, (lua_Integer)(d->message.room + d->control.room));
    return 1;
}

static int finish(lua_State *L)
{
    struct ws_decoder *d = luaL_checkudata(L, 1, "room.websocket");
    ws_decoder_finish(d);
    inflater_destroy(d->limits.inflater);
    return 0;
}

/* mask(bytes, key) -> bytes */
static int mask(lua_State *L)
{
    size_t len, key_len;
    const char *bytes = luaL_checklstring(L, 1, &len), *key = luaL_checklstring(L, 2, &key_len);
    luaL_argcheck(L, key_len == 4, 2, "four bytes");
    luaL_Buffer out;
    char *at = luaL_buffinitsize(L, &out, len);
    for (size_t i = 0; i < len; i++)
        at[i] = (char)(bytes[i] ^ key[i % 4]);
    luaL_pushresultsize(&out, len);
    return 1;
}

/* head(opcode, length) -> bytes */
static int head(lua_State *L)
{
    unsigned char bytes[WS_HEAD_MAX];
    size_t len =
        ws_head(bytes, (enum ws_opcode)luaL_checkinteger(L, 1), (uint64_t)luaL_checkinteger(L, 2));
    lua_pushlstring(L, (const char *)bytes, len);
    return 1;
}

/* close(code, reason) -> a frame */
static int put_close(lua_State *L)
{
    struct buf out = {0};
    ws_put_close(&out, (int)luaL_checkinteger(L, 1), luaL_checkstring(L, 2));
    lua_pushlstring(L, out.at, out.len);
    buf_finish(&out);
    return 1;
}

static int close_code(lua_State *L)
{
    struct slice payload;
    payload.at = luaL_checklstring(L, 1, &payload.len);
    lua_pushinteger(L, ws_close_code(payload));
    return 1;
}

static const luaL_Reg methods[] = {
    {"decode", decode}, {"owned", owned}, {"__gc", finish}, {NULL, NULL}};
static const luaL_Reg functions[] = {
    {"new", new}, {"mask", mask}, {"head", head}, {"close", put_close}, {"close_code", close_code},
    {NULL, NULL}};

int luaopen_room_websocket(lua_State *L);
int luaopen_room_websocket(lua_State *L)
{
    luaL_newmetatable(L, "room.websocket");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}
