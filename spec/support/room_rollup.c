/* rule/rollup for specs. */
#include "rollup_table.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "base/memory.h"
#include "wire/json.h"

/* ---- a rule ---- */

static struct slice get_slice(lua_State *L, int at)
{
    struct slice s;
    s.at = luaL_checklstring(L, at, &s.len);
    return s;
}

static bool get_path(lua_State *L, int at, const char *name, struct path *path, struct error *err)
{
    bool is_there = lua_getfield(L, at, name) == LUA_TSTRING;
    bool is_well = !is_there || path_parse(path, get_slice(L, -1), err);
    lua_pop(L, 1);
    return is_well;
}

static bool add_all(lua_State *L, int at, const char *name, struct rollup_rule *rule,
                    bool (*add)(struct rollup_rule *, struct slice, struct error *),
                    struct error *err)
{
    int top = lua_gettop(L);
    bool is_well = true;
    if (lua_getfield(L, at, name) == LUA_TTABLE)
        for (lua_Integer i = 1; is_well && lua_rawgeti(L, top + 1, i) == LUA_TSTRING; i++)
            is_well = add(rule, get_slice(L, -1), err);
    lua_settop(L, top);
    return is_well;
}

struct rollup_rule *rollup_of_table(lua_State *L, int at, const struct slice *params,
                                    unsigned param_count, struct error *err)
{
    struct rollup_rule *rule = xcalloc(1, sizeof *rule);
    lua_getfield(L, at, "every");
    rule->every_ms = luaL_optinteger(L, -1, 1000);
    lua_getfield(L, at, "into");
    bool is_well = rollup_set_into(rule, get_slice(L, -1), params, param_count, err) &&
                   get_path(L, at, "by", &rule->by, err) && get_path(L, at, "of", &rule->of, err) &&
                   add_all(L, at, "stats", rule, rollup_add_stat, err) &&
                   add_all(L, at, "keep", rule, rollup_add_keep, err) && rollup_check(rule, err);
    lua_pop(L, 2);
    if (is_well)
        return rule;
    rollup_destroy(rule);
    return NULL;
}

/* ---- one that sums up ---- */

struct summing {
    struct rollup_rule *rule;
    struct rollup_stretch stretch;
};

static const struct slice params[] = {{"host", 4}, {"app", 3}};

static struct summing *check(lua_State *L, int at)
{
    return luaL_checkudata(L, at, "room.rollup");
}

/* new(table) for a channel with the parameters host and app; or nil and the reason. */
static int new (lua_State *L)
{
    struct error err;
    luaL_checktype(L, 1, LUA_TTABLE);
    struct rollup_rule *rule = rollup_of_table(L, 1, params, 2, &err);
    if (rule == NULL) {
        lua_pushnil(L);
        lua_pushstring(L, err.text);
        return 2;
    }
    struct summing *summing = lua_newuserdatauv(L, sizeof *summing, 0);
    *summing = (struct summing){.rule = rule};
    luaL_setmetatable(L, "room.rollup");
    return 1;
}

/* add(text): "taken", "no number" or "no room"; the text is copied to the exact byte. */
static int add(lua_State *L)
{
    static const char *const words[] = {"taken", "no number", "no room"};
    struct summing *summing = check(L, 1);
    struct slice text = get_slice(L, 2);
    struct json_fault fault;
    luaL_argcheck(L, json_check(text, &JSON_LIMITS_DEFAULT, &fault), 2, "not JSON");
    char *exact = xslicedup(text);
    lua_pushstring(
        L, words[rollup_add(&summing->stretch, summing->rule, slice_make(exact, text.len))]);
    free(exact);
    return 1;
}

/* take(): the next figures, or nil. */
static int take(lua_State *L)
{
    struct summing *summing = check(L, 1);
    struct buf out = {0};
    if (rollup_take(&summing->stretch, summing->rule, &out))
        lua_pushlstring(L, out.at, out.len);
    else
        lua_pushnil(L);
    buf_finish(&out);
    return 1;
}

/* into(host, app) */
static int into(lua_State *L)
{
    struct slice values[] = {get_slice(L, 2), get_slice(L, 3)};
    struct buf out = {0};
    rollup_put_into(check(L, 1)->rule, params, values, 2, &out);
    lua_pushlstring(L, out.at, out.len);
    buf_finish(&out);
    return 1;
}

static int equals(lua_State *L)
{
    lua_pushboolean(L, rollup_is_equal(check(L, 1)->rule, check(L, 2)->rule));
    return 1;
}

static int bytes(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)check(L, 1)->stretch.bytes);
    return 1;
}

static int finish(lua_State *L)
{
    struct summing *summing = check(L, 1);
    rollup_finish(&summing->stretch);
    rollup_destroy(summing->rule);
    summing->rule = NULL;
    return 0;
}

static const luaL_Reg methods[] = {{"add", add},       {"take", take},   {"into", into},
                                   {"equals", equals}, {"bytes", bytes}, {"__gc", finish},
                                   {NULL, NULL}};
static const luaL_Reg functions[] = {{"new", new}, {NULL, NULL}};

int luaopen_room_rollup(lua_State *L);
int luaopen_room_rollup(lua_State *L)
{
    luaL_newmetatable(L, "room.rollup");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}
