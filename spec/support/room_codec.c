/* script/codec and script/api_json for specs, and a VM whose allocations can be made to fail. */
#include "base/memory.h"
#include "script/api_json.h"
#include "script/codec.h"
#include "wire/json.h"

#include <lauxlib.h>
#include <stdlib.h>

/* decode(text) -> value | nil, message, code. The text is copied to the exact byte. */
static int decode(lua_State *L)
{
    struct slice text;
    text.at = luaL_checklstring(L, 1, &text.len);
    struct json_limits limits = {.depth = 1024, .keys = 1 << 20};
    luaL_argcheck(L, json_check(text, &limits, NULL), 1, "not JSON");
    char *exact = lua_newuserdatauv(L, text.len, 0);
    memcpy(exact, text.at, text.len);
    struct error err;
    int top = lua_gettop(L);
    if (codec_push(L, slice_make(exact, text.len), &err)) {
        ensure(lua_gettop(L) == top + 1);
        return 1;
    }
    ensure(lua_gettop(L) == top);
    lua_pushnil(L);
    lua_pushstring(L, err.text);
    lua_pushinteger(L, err.code);
    return 3;
}

/* encode(value [, depth [, bytes]]) -> text | nil, message, code */
static int encode(lua_State *L)
{
    struct codec_limits limits = CODEC_LIMITS_DEFAULT;
    limits.depth = (unsigned)luaL_optinteger(L, 2, limits.depth);
    limits.bytes = (size_t)luaL_optinteger(L, 3, (lua_Integer)limits.bytes);
    struct buf out = {0};
    struct error err;
    int top = lua_gettop(L);
    buf_add_text(&out, "kept");
    bool written = codec_encode(L, 1, "data", &limits, &out, &err);
    ensure(lua_gettop(L) == top);
    ensure(written || out.len == 4);
    if (written) {
        lua_pushlstring(L, out.at + 4, out.len - 4);
        buf_finish(&out);
        return 1;
    }
    buf_finish(&out);
    lua_pushnil(L);
    lua_pushstring(L, err.text);
    lua_pushinteger(L, err.code);
    return 3;
}

static int is_array(lua_State *L)
{
    lua_pushboolean(L, codec_is_array(L, 1));
    return 1;
}

struct heap {
    size_t live;        /* blocks */
    long left;          /* allocations until one fails */
    bool keeps_failing; /* all later ones too, or just that one */
    bool armed;
};

static void *allocate(void *data, void *old, size_t old_size, size_t size)
{
    struct heap *heap = data;
    if (size == 0) {
        heap->live -= old != NULL;
        free(old);
        return NULL;
    }
    bool grows = old == NULL || size > old_size;
    if (heap->armed && grows && --heap->left <= 0 && (heap->left == 0 || heap->keeps_failing))
        return NULL;
    heap->live += old == NULL;
    return xrealloc(old, size);
}

/* In the VM under torture: opens the module, decodes, marks, encodes. */
static int work(lua_State *L)
{
    const struct slice *text = lua_touserdata(L, 1);
    struct error err;
    luaL_checkstack(L, 20, NULL);
    api_json_open(L);
    lua_getfield(L, -1, "encode");
    if (!codec_push(L, *text, &err))
        return luaL_error(L, "%s", err.text);
    lua_call(L, 1, 1);
    lua_getfield(L, -2, "decode");
    lua_insert(L, -2);
    lua_call(L, 1, 1);
    struct buf out = {0};
    bool written = codec_encode(L, -1, "data", &CODEC_LIMITS_DEFAULT, &out, &err);
    buf_finish(&out);
    return written ? 0 : luaL_error(L, "%s", err.text);
}

/* Whether the work was done although the n-th allocation failed; raises when something leaked or
 * the failure was not one of memory. */
static bool survives(lua_State *L, struct slice *text, long n, bool keeps_failing)
{
    struct heap heap = {.left = n, .keeps_failing = keeps_failing};
    lua_State *vm = lua_newstate(allocate, &heap);
    ensure(vm != NULL);
    lua_pushcfunction(vm, work);
    lua_pushlightuserdata(vm, text);
    heap.armed = true;
    int status = lua_pcall(vm, 1, 0, 0);
    heap.armed = false;
    bool spent = heap.left <= 0;
    lua_settop(vm, 0);
    lua_close(vm);
    if (heap.live != 0)
        luaL_error(L, "allocation %d: %d blocks leaked", (int)n, (int)heap.live);
    if (status != LUA_OK && !spent)
        luaL_error(L, "allocation %d: failed with all memory there", (int)n);
    return !spent;
}

/* torture(text, keeps_failing) -> how many allocations the work takes, after failing each of them
 */
static int torture(lua_State *L)
{
    struct slice text;
    text.at = luaL_checklstring(L, 1, &text.len);
    long n = 1;
    while (!survives(L, &text, n, lua_toboolean(L, 2)))
        n++;
    lua_pushinteger(L, n - 1);
    return 1;
}

/* encode_starved(text) -> text | nil, message. Encodes in a VM that gets no memory any more and
 * outside any protected call: an error raised would end the process. */
static int encode_starved(lua_State *L)
{
    struct slice text;
    text.at = luaL_checklstring(L, 1, &text.len);
    struct heap heap = {.left = 1, .keeps_failing = true};
    lua_State *vm = lua_newstate(allocate, &heap);
    struct buf out = {0};
    struct error err;
    codec_open(vm);
    ensure(codec_push(vm, text, &err));
    lua_gc(vm, LUA_GCCOLLECT);
    heap.armed = true;
    bool written = codec_encode(vm, 1, "data", &CODEC_LIMITS_DEFAULT, &out, &err);
    ensure(lua_gettop(vm) == 1);
    heap.armed = false;
    lua_close(vm);
    if (!written)
        lua_pushnil(L);
    lua_pushlstring(L, written ? out.at : err.text, written ? out.len : strlen(err.text));
    buf_finish(&out);
    return written ? 1 : 2;
}

static const luaL_Reg functions[] = {
    {"decode", decode},
    {"encode", encode},
    {"is_array", is_array},
    {"torture", torture},
    {"encode_starved", encode_starved},
    {NULL, NULL},
};

int luaopen_room_codec(lua_State *L);
int luaopen_room_codec(lua_State *L)
{
    codec_open(L);
    luaL_newlib(L, functions);
    api_json_open(L);
    lua_setfield(L, -2, "json");
    return 1;
}
