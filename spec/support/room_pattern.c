/* rule/pattern for specs. */
#include "rule/pattern.h"

#include <lauxlib.h>

static struct slice check_slice(lua_State *L, int at)
{
    struct slice s;
    s.at = luaL_checklstring(L, at, &s.len);
    return s;
}

static void push_slice(lua_State *L, struct slice s)
{
    lua_pushlstring(L, s.at != NULL ? s.at : "", s.len);
}

static struct pattern *check_pattern(lua_State *L, int at)
{
    return *(struct pattern **)luaL_checkudata(L, at, "room.pattern");
}

/* A pattern, or nil and the reason. */
static int new (lua_State *L)
{
    struct error err;
    struct slice text = check_slice(L, 1);
    struct pattern **p = lua_newuserdatauv(L, sizeof *p, 0);
    *p = NULL;
    luaL_setmetatable(L, "room.pattern");
    *p = pattern_compile(text, &err);
    if (*p != NULL)
        return 1;
    lua_pushnil(L);
    lua_pushstring(L, err.text);
    return 2;
}

/* The values in order in a table, or nil. */
static int match(lua_State *L)
{
    const struct slice *names;
    struct slice values[PATTERN_PARAMS_MAX];
    struct pattern *p = check_pattern(L, 1);
    if (!pattern_match(p, check_slice(L, 2), values))
        return 0;
    unsigned count = pattern_params(p, &names);
    lua_newtable(L);
    for (unsigned i = 0; i < count; i++) {
        push_slice(L, names[i]);
        push_slice(L, values[i]);
        lua_settable(L, -3);
    }
    return 1;
}

static int params(lua_State *L)
{
    const struct slice *names;
    unsigned count = pattern_params(check_pattern(L, 1), &names);
    lua_newtable(L);
    for (unsigned i = 0; i < count; i++) {
        push_slice(L, names[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

static int text(lua_State *L)
{
    push_slice(L, pattern_text(check_pattern(L, 1)));
    return 1;
}

static int compare(lua_State *L)
{
    lua_pushinteger(L, pattern_compare(check_pattern(L, 1), check_pattern(L, 2)));
    return 1;
}

static int overlaps(lua_State *L)
{
    lua_pushboolean(L, pattern_overlaps(check_pattern(L, 1), check_pattern(L, 2)));
    return 1;
}

static int finish(lua_State *L)
{
    struct pattern **p = luaL_checkudata(L, 1, "room.pattern");
    pattern_destroy(*p);
    *p = NULL;
    return 0;
}

static const luaL_Reg methods[] = {
    {"match", match},       {"params", params}, {"text", text}, {"compare", compare},
    {"overlaps", overlaps}, {"__gc", finish},   {NULL, NULL},
};

int luaopen_room_pattern(lua_State *L);
int luaopen_room_pattern(lua_State *L)
{
    luaL_newmetatable(L, "room.pattern");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, new);
    lua_setfield(L, -2, "new");
    return 1;
}
