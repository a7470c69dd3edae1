/* wire/deflate and wire/extension for specs, and zlib itself to make what other peers send. */
#include "wire/deflate.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/memory.h"
#include "wire/extension.h"

static struct slice check_slice(lua_State *L, int at)
{
    struct slice s;
    s.at = luaL_checklstring(L, at, &s.len);
    return s;
}

static void **new_box(lua_State *L, const char *name, void *value)
{
    void **box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = value;
    luaL_setmetatable(L, name);
    return box;
}

static void *check_box(lua_State *L, int at, const char *name)
{
    return *(void **)luaL_checkudata(L, at, name);
}

/* deflater(least) */
static int new_deflater(lua_State *L)
{
    new_box(L, "room.deflater", deflater_create((size_t)luaL_checkinteger(L, 1)));
    return 1;
}

static int destroy_deflater(lua_State *L)
{
    deflater_destroy(check_box(L, 1, "room.deflater"));
    return 0;
}

/* d:frame(opcode, payload) -> its payload, whether it is compressed, all its bytes */
static int make_frame(lua_State *L)
{
    struct frame *frame =
        deflater_frame(check_box(L, 1, "room.deflater"), (enum ws_opcode)luaL_checkinteger(L, 2),
                       check_slice(L, 3));
    lua_pushlstring(L, frame_payload(frame), frame->len - frame->head_len);
    lua_pushboolean(L, frame_is_deflated(frame));
    lua_pushlstring(L, frame->bytes, frame->len);
    ensure(frame->messages == 1 && !frame->is_last);
    frame_unref(frame);
    return 3;
}

static int new_inflater(lua_State *L)
{
    new_box(L, "room.inflater", inflater_create());
    return 1;
}

static int destroy_inflater(lua_State *L)
{
    inflater_destroy(check_box(L, 1, "room.inflater"));
    return 0;
}

/* i:take(bytes, limit) -> text or nil, why, and the memory that was used for it. The bytes lie in
 * memory of their size. */
static int take(lua_State *L)
{
    static const char *const why[] = {NULL, "too large", "damaged"};
    struct inflater *i = check_box(L, 1, "room.inflater");
    struct slice in = check_slice(L, 2);
    char *copy = xmalloc(in.len ? in.len : 1);
    memcpy(copy, in.at, in.len);
    struct buf out = {0};
    enum inflated result =
        inflater_take(i, slice_make(copy, in.len), (size_t)luaL_checkinteger(L, 3), &out);
    free(copy);
    if (result == INFLATED)
        lua_pushlstring(L, out.at ? out.at : "", out.len);
    else
        lua_pushnil(L);
    lua_pushstring(L, why[result]);
    lua_pushinteger(L, (lua_Integer)out.room);
    buf_finish(&out);
    return 3;
}

static int get_option(lua_State *L, const char *name, int otherwise)
{
    lua_getfield(L, 2, name);
    int value = lua_isnil(L, -1) ? otherwise : (int)luaL_checkinteger(L, -1);
    lua_pop(L, 1);
    return value;
}

/* raw(payload, {level =, bits =, strategy =, flush =}) -> a raw deflate stream, ended by that flush
 * (4: with BFINAL) */
static int raw(lua_State *L)
{
    struct slice in = check_slice(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    z_stream z = {0};
    ensure(deflateInit2(&z, get_option(L, "level", 6), Z_DEFLATED, -get_option(L, "bits", 15), 8,
                        get_option(L, "strategy", 0)) == Z_OK);
    size_t room = deflateBound(&z, in.len) + 64;
    char *out = xmalloc(room);
    z.next_in = (unsigned char *)in.at;
    z.avail_in = (unsigned)in.len;
    z.next_out = (unsigned char *)out;
    z.avail_out = (unsigned)room;
    deflate(&z, get_option(L, "flush", Z_SYNC_FLUSH));
    ensure(z.avail_in == 0 && z.avail_out > 0);
    lua_pushlstring(L, out, room - z.avail_out);
    deflateEnd(&z);
    free(out);
    return 1;
}

/* negotiate{line, ...} -> the answer's line ("" for none), or nil where the field is not well made
 */
static int negotiate(lua_State *L)
{
    struct http_head head = {0};
    struct extension_terms terms;
    struct buf out = {0};
    luaL_checktype(L, 1, LUA_TTABLE);
    for (lua_Integer n = luaL_len(L, 1); head.field_count < n; head.field_count++) {
        lua_rawgeti(L, 1, head.field_count + 1);
        head.fields[head.field_count].name = SLICE("Sec-WebSocket-EXTENSIONS");
        head.fields[head.field_count].value = check_slice(L, -1);
    }
    if (!extension_read(&head, &terms)) {
        lua_pushnil(L);
        return 1;
    }
    extension_put(&out, &terms);
    lua_pushlstring(L, out.at ? out.at : "", out.len);
    buf_finish(&out);
    return 1;
}

static void add_class(lua_State *L, const char *name, const luaL_Reg *methods)
{
    luaL_newmetatable(L, name);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

static const luaL_Reg deflater_methods[] = {
    {"frame", make_frame}, {"__gc", destroy_deflater}, {NULL, NULL}};
static const luaL_Reg inflater_methods[] = {
    {"take", take}, {"__gc", destroy_inflater}, {NULL, NULL}};
static const luaL_Reg functions[] = {{"deflater", new_deflater},
                                     {"inflater", new_inflater},
                                     {"raw", raw},
                                     {"negotiate", negotiate},
                                     {NULL, NULL}};

int luaopen_room_deflate(lua_State *L);
int luaopen_room_deflate(lua_State *L)
{
    add_class(L, "room.deflater", deflater_methods);
    add_class(L, "room.inflater", inflater_methods);
    luaL_newlib(L, functions);
    return 1;
}
