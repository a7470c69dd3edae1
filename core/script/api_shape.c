#include "script/api.h"

#include <lauxlib.h>

#include "rule/shape.h"
#include "script/codec.h"
#include "script/sandbox.h"

/* A field's value is a word, as rule/shape.h has it, or a schema: that of another shape, say.
 * Raises nothing, for the shape is ours. */
static bool add_field(lua_State *L, struct shape *shape, struct error *err)
{
    struct slice name = {NULL, 0}, text = {NULL, 0};
    if (lua_type(L, -2) != LUA_TSTRING)
        return fail(err, ERROR_SCRIPT, "fields have names, such as { text = \"string 1..500\" }");
    name.at = lua_tolstring(L, -2, &name.len);
    if (lua_type(L, -1) == LUA_TSTRING) {
        text.at = lua_tolstring(L, -1, &text.len);
        return shape_add(shape, name, text, err);
    }
    if (!lua_istable(L, -1))
        return fail(err, ERROR_SCRIPT, "%s: a text such as \"string 1..500\", or a table (got %s)",
                    name.at, luaL_typename(L, -1));
    struct buf schema = {0};
    bool is_json = codec_encode(L, -1, name.at, &CODEC_LIMITS_DEFAULT, &schema, err);
    if (is_json)
        shape_add_schema(shape, name, buf_slice(&schema), false);
    buf_finish(&schema);
    return is_json;
}

/* shape{ NAME = "string 1..500", ... } -> a JSON Schema as a table */
static int shape(lua_State *L)
{
    struct shape fields = {0};
    struct error err;
    struct buf *scratch = vm_scratch(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_checkstack(L, 8, NULL);
    lua_pushnil(L);
    bool is_fine = true;
    while (is_fine && lua_next(L, 1)) {
        is_fine = add_field(L, &fields, &err);
        lua_pop(L, 1);
    }
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
