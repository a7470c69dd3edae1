/* wire/json for specs. Texts are copied to the exact byte first, so that a sanitizer sees a read
 * past their end. */
#include "base/memory.h"
#include "wire/json.h"

#include <lauxlib.h>
#include <stdlib.h>

static struct slice check_slice(lua_State *L, int at)
{
    struct slice s;
    s.at = luaL_checklstring(L, at, &s.len);
    return s;
}

static int push_buf(lua_State *L, struct buf *out)
{
    lua_pushlstring(L, out->len ? out->at : "", out->len);
    buf_finish(out);
    return 1;
}

/* check(text [, depth [, keys]]) -> true | false, offset, why */
static int check(lua_State *L)
{
    struct slice text = check_slice(L, 1);
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    limits.depth = (unsigned)luaL_optinteger(L, 2, limits.depth);
    limits.keys = (unsigned)luaL_optinteger(L, 3, limits.keys);
    char *exact = xmalloc(text.len);
    if (text.len > 0)
        memcpy(exact, text.at, text.len);
    struct json_fault fault;
    bool valid = json_check(slice_make(exact, text.len), &limits, &fault);
    free(exact);
    lua_pushboolean(L, valid);
    if (valid)
        return 1;
    lua_pushinteger(L, (lua_Integer)fault.at);
    lua_pushstring(L, fault.why);
    return 3;
}

static int kind(lua_State *L)
{
    lua_pushstring(L, json_kind_name(json_kind(check_slice(L, 1))));
    return 1;
}

static int push_slice(lua_State *L, struct slice s)
{
    lua_pushlstring(L, s.len ? s.at : "", s.len);
    return 1;
}

static int trim(lua_State *L)
{
    return push_slice(L, json_trim(check_slice(L, 1)));
}

/* items(array) -> { value, ... } */
static int items(lua_State *L)
{
    struct json_walk walk;
    struct slice value;
    json_walk_init(&walk, check_slice(L, 1));
    lua_newtable(L);
    for (lua_Integer i = 1; json_walk_item(&walk, &value); i++) {
        push_slice(L, value);
        lua_rawseti(L, -2, i);
    }
    return 1;
}

/* members(object) -> { key, value, key, value, ... } */
static int members(lua_State *L)
{
    struct json_walk walk;
    struct slice key, value;
    json_walk_init(&walk, check_slice(L, 1));
    lua_newtable(L);
    for (lua_Integer i = 1; json_walk_member(&walk, &key, &value); i += 2) {
        push_slice(L, key);
        lua_rawseti(L, -2, i);
        push_slice(L, value);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* tokens(text) -> { token, ... } */
static int tokens(lua_State *L)
{
    struct slice text = check_slice(L, 1), token;
    struct json_walk walk = {text.at, text.at + text.len};
    lua_newtable(L);
    for (lua_Integer i = 1; json_read(&walk, &token); i++) {
        push_slice(L, token);
        lua_rawseti(L, -2, i);
    }
    return 1;
}

static int key_is(lua_State *L)
{
    lua_pushboolean(L, json_key_is(check_slice(L, 1), luaL_checkstring(L, 2)));
    return 1;
}

static int find(lua_State *L)
{
    struct slice value;
    if (!json_find(check_slice(L, 1), luaL_checkstring(L, 2), &value))
        return 0;
    return push_slice(L, value);
}

static int unquote(lua_State *L)
{
    struct buf out = {0};
    json_unquote(&out, check_slice(L, 1));
    return push_buf(L, &out);
}

static int plain(lua_State *L)
{
    struct slice text;
    if (!json_plain(check_slice(L, 1), &text))
        return 0;
    return push_slice(L, text);
}

static int integer(lua_State *L)
{
    int64_t n;
    if (!json_integer(check_slice(L, 1), &n))
        return 0;
    lua_pushinteger(L, n);
    return 1;
}

/* unsigned(text) -> the number in decimal, since Lua has no such integers */
static int unsigned_(lua_State *L)
{
    uint64_t n;
    if (!json_unsigned(check_slice(L, 1), &n))
        return 0;
    struct buf out = {0};
    buf_add_unsigned(&out, n);
    return push_buf(L, &out);
}

static int quote(lua_State *L)
{
    struct buf out = {0};
    json_quote(&out, check_slice(L, 1));
    return push_buf(L, &out);
}

static int line(lua_State *L)
{
    struct buf out = {0};
    json_put_line(&out, check_slice(L, 1));
    return push_buf(L, &out);
}

static int is_utf8(lua_State *L)
{
    lua_pushboolean(L, utf8_is_valid(check_slice(L, 1)));
    return 1;
}

static const luaL_Reg functions[] = {
    {"check", check},     {"kind", kind},     {"trim", trim},       {"items", items},
    {"members", members}, {"tokens", tokens}, {"key_is", key_is},   {"find", find},
    {"unquote", unquote}, {"plain", plain},   {"integer", integer}, {"unsigned", unsigned_},
    {"quote", quote},     {"line", line},     {"is_utf8", is_utf8}, {NULL, NULL},
};

int luaopen_room_json(lua_State *L);
int luaopen_room_json(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
