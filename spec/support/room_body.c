/* wire/body for specs: a body that is fed piece by piece. */
#include "base/memory.h"
#include "wire/body.h"

#include <lauxlib.h>
#include <stdlib.h>

static int push_step(lua_State *L, enum http_step step, size_t used,
                     const struct http_refusal *refusal)
{
    lua_pushstring(L, step == HTTP_DONE ? "done" : step == HTTP_MORE ? "more" : "bad");
    lua_pushinteger(L, (lua_Integer)used);
    if (step != HTTP_BAD)
        return 2;
    lua_pushinteger(L, refusal->status);
    lua_pushstring(L, refusal->why);
    return 4;
}

struct reading {
    struct http_body body;
    struct buf out;
};

/* new(length or "chunked" or nil, limit) -> a reading, or nil, status, why */
static int new (lua_State *L)
{
    struct http_head head = {0};
    struct http_refusal refusal = {0};
    head.has_length = lua_isinteger(L, 1);
    if (head.has_length)
        head.length = (uint64_t)lua_tointeger(L, 1);
    else
        head.is_chunked = lua_isstring(L, 1);
    struct reading *r = lua_newuserdatauv(L, sizeof *r, 0);
    *r = (struct reading){0};
    luaL_setmetatable(L, "room.body");
    if (http_body_init(&r->body, &head, (uint64_t)luaL_checkinteger(L, 2), &refusal))
        return 1;
    lua_pushnil(L);
    lua_pushinteger(L, refusal.status);
    lua_pushstring(L, refusal.why);
    return 3;
}

/* r:read(bytes) -> step, used, status, why */
static int read_piece(lua_State *L)
{
    struct reading *r = luaL_checkudata(L, 1, "room.body");
    size_t len, used;
    const char *text = luaL_checklstring(L, 2, &len);
    char *bytes = xmalloc(len ? len : 1);
    memcpy(bytes, text, len);
    struct http_refusal refusal = {0};
    enum http_step step =
        http_body_read(&r->body, slice_make(bytes, len), &used, &r->out, &refusal);
    free(bytes);
    ensure(used <= len && (step != HTTP_MORE || used == len));
    ensure(r->body.total == r->out.len);
    return push_step(L, step, used, &refusal);
}

static int decoded(lua_State *L)
{
    struct reading *r = luaL_checkudata(L, 1, "room.body");
    lua_pushlstring(L, buf_text(&r->out), r->out.len);
    return 1;
}

static int finish(lua_State *L)
{
    struct reading *r = luaL_checkudata(L, 1, "room.body");
    buf_finish(&r->out);
    return 0;
}

static const luaL_Reg methods[] = {
    {"read", read_piece}, {"decoded", decoded}, {"__gc", finish}, {NULL, NULL}};

int luaopen_room_body(lua_State *L);
int luaopen_room_body(lua_State *L)
{
    luaL_newmetatable(L, "room.body");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, new);
    lua_setfield(L, -2, "new");
    return 1;
}
