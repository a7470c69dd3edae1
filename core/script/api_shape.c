#include "script/api.h"

#include <stdlib.h>

#include <lauxlib.h>

#include "base/utf8.h"
#include "rule/shape.h"
#include "script/codec.h"
#include "script/sandbox.h"

/* One of the table's keys, and its place in the list of them. */
struct key {
    struct slice name;
    lua_Integer place;
};

static int compare_keys(const void *a, const void *b)
{
    struct slice left = ((const struct key *)a)->name, right = ((const struct key *)b)->name;
    size_t len = left.len < right.len ? left.len : right.len;
    int order = memcmp(left.at, right.at, len);
    return order != 0 ? order : (left.len > right.len) - (left.len < right.len);
}

/* Pushes the list of the names in the table at 1, which keeps them, and their order by bytes: so
 * one shape is one schema, whatever order the table has them in. */
static struct key *push_keys(lua_State *L, size_t *count)
{
    *count = 0;
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "shape: fields have names, such as { text = \"string 1..500\" }");
        lua_pushvalue(L, -2);
        lua_rawseti(L, 2, (lua_Integer)++ * count);
    }
    vm_charge(L, *count * sizeof(struct key));
    struct key *keys = lua_newuserdatauv(L, *count * sizeof *keys + 1, 0);
    for (size_t i = 0; i < *count; i++) {
        keys[i].place = (lua_Integer)i + 1;
        lua_rawgeti(L, 2, keys[i].place);
        keys[i].name.at = lua_tolstring(L, -1, &keys[i].name.len);
        lua_pop(L, 1);
    }
    qsort(keys, *count, sizeof *keys, compare_keys);
    return keys;
}

static bool is_twice(const struct key *keys, size_t count, struct slice bare)
{
    struct key key = {.name = bare};
    return bsearch(&key, keys, count, sizeof key, compare_keys) != NULL;
}

/* A field's value, on top, is a word, as rule/shape.h has it, or a schema: that of another shape,
 * say. Raises nothing, for the shape is ours. */
static bool add_field(lua_State *L, struct shape *shape, struct slice name, struct error *err)
{
    struct slice text = {NULL, 0}, bare = name;
    if (lua_type(L, -1) == LUA_TSTRING) {
        text.at = lua_tolstring(L, -1, &text.len);
        return shape_add(shape, name, text, err);
    }
    if (!lua_istable(L, -1))
        return fail(err, ERROR_SCRIPT, "%s: a text such as \"string 1..500\", or a table (got %s)",
                    name.at, luaL_typename(L, -1));
    if (!utf8_is_valid(name))
        return fail(err, ERROR_SCRIPT, "a field's name is not UTF-8");
    bool is_optional = shape_name(&bare);
    struct buf schema = {0};
    bool is_json = codec_encode(L, -1, name.at, &CODEC_LIMITS_DEFAULT, &schema, err);
    if (is_json)
        shape_add_schema(shape, bare, buf_slice(&schema), is_optional);
    buf_finish(&schema);
    return is_json;
}

static bool add_fields(lua_State *L, struct shape *shape, const struct key *keys, size_t count,
                       struct error *err)
{
    bool is_fine = true;
    for (size_t i = 0; is_fine && i < count; i++) {
        struct slice bare = keys[i].name;
        if (shape_name(&bare) && is_twice(keys, count, bare))
            return fail(err, ERROR_SCRIPT, "`%.*s` is there twice, with a ? and without",
                        SLICE_ARGS(bare));
        lua_rawgeti(L, 2, keys[i].place);
        lua_rawget(L, 1);
        is_fine = add_field(L, shape, keys[i].name, err);
        lua_pop(L, 1);
    }
    return is_fine;
}

/* shape{ NAME = "string 1..500", ["NAME?"] = shape{...}, ... } -> a JSON Schema as a table */
static int shape(lua_State *L)
{
    struct shape fields = {0};
    struct error err;
    struct buf *scratch = vm_scratch(L);
    size_t count;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_checkstack(L, 8, NULL);
    const struct key *keys = push_keys(L, &count);
    bool is_fine = add_fields(L, &fields, keys, count, &err);
    if (is_fine)
        shape_encode(&fields, scratch);
    shape_finish(&fields);
    if (!is_fine || !codec_push(L, buf_slice(scratch), &err))
        return luaL_error(L, "shape: %s", err.text);
    return 1;
}

void api_shape_open(lua_State *L)
{
    lua_pushcfunction(L, shape);
    sandbox_add(L, "shape", false);
}
