/* rule/shape for specs. */
#include "rule/shape.h"

#include <lauxlib.h>

static struct slice check_slice(lua_State *L, int at)
{
    struct slice s;
    s.at = luaL_checklstring(L, at, &s.len);
    return s;
}

static int push_failure(lua_State *L, const struct error *err)
{
    lua_pushnil(L);
    lua_pushstring(L, err->text);
    return 2;
}

/* field(text): the schema and whether the field may be left out; or nil and the reason. */
static int field(lua_State *L)
{
    struct slice text = check_slice(L, 1);
    struct buf out = {0};
    struct error err = {0};
    bool is_optional;
    if (!shape_field(text, &out, &is_optional, &err)) {
        bool is_clean = out.len == 0;
        buf_finish(&out);
        return is_clean ? push_failure(L, &err) : luaL_error(L, "left something behind");
    }
    lua_pushlstring(L, out.at, out.len);
    lua_pushboolean(L, is_optional);
    buf_finish(&out);
    return 2;
}

/* Adds a { name, text } or { name, schema = json, optional = bool }. */
static bool add(lua_State *L, struct shape *shape, struct error *err)
{
    lua_getfield(L, -1, "optional");
    lua_getfield(L, -2, "schema");
    lua_rawgeti(L, -3, 2);
    lua_rawgeti(L, -4, 1);
    struct slice name = check_slice(L, -1);
    bool is_good = true;
    if (lua_isnil(L, -3))
        is_good = shape_add(shape, name, check_slice(L, -2), err);
    else
        shape_add_schema(shape, name, check_slice(L, -3), lua_toboolean(L, -4));
    lua_pop(L, 4);
    return is_good;
}

/* object({ field, ... }): the schema, or nil and the reason. */
static int object(lua_State *L)
{
    struct shape shape = {.properties = {0}};
    struct error err = {0};
    struct buf out = {0};
    bool is_good = true;
    for (lua_Integer i = 1; is_good && lua_rawgeti(L, 1, i) == LUA_TTABLE; i++) {
        is_good = add(L, &shape, &err);
        lua_pop(L, 1);
    }
    shape_encode(&shape, &out);
    shape_finish(&shape);
    if (is_good)
        lua_pushlstring(L, out.at, out.len);
    buf_finish(&out);
    return is_good ? 1 : push_failure(L, &err);
}

static const luaL_Reg functions[] = {{"field", field}, {"object", object}, {NULL, NULL}};

int luaopen_room_shape(lua_State *L);
int luaopen_room_shape(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
