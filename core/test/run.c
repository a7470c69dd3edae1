#include "test/run.h"

#include <lauxlib.h>
#include <lualib.h>

#include "base/asset.h"
#include "base/memory.h"
#include "test/binding.h"

static void load_asset(lua_State *L, const char *path, const char *name)
{
    struct slice source = asset_find(path);
    ensure(source.at != NULL);
    ensure(luaL_loadbufferx(L, source.at, source.len, name, "t") == LUA_OK);
}

static void set_text(lua_State *L, const char *name, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void push_options(lua_State *L, const struct test_plan *plan)
{
    lua_createtable(L, 0, 5);
    set_text(L, "folder", plan->config->scripts);
    set_text(L, "filter", plan->filter);
    lua_pushboolean(L, plan->as_json);
    lua_setfield(L, -2, "as_json");
    lua_pushboolean(L, plan->may_be_empty);
    lua_setfield(L, -2, "may_be_empty");
    if (plan->with_coverage) {
        load_asset(L, "lua/active_lines.lua", "@weir test");
        lua_setfield(L, -2, "active_lines");
    }
    lua_createtable(L, 0, 5);
    set_text(L, "bad", plan->bad);
    set_text(L, "good", plan->good);
    set_text(L, "bold", plan->bold);
    set_text(L, "dim", plan->dim);
    set_text(L, "plain", plan->plain);
    lua_setfield(L, -2, "tones");
}

static int traceback(lua_State *L)
{
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

/* Specs are the user's own programs: unlike scripts they may do whatever Lua can. */
static int run(lua_State *L)
{
    const struct test_plan *plan = lua_touserdata(L, 1);
    struct coverage *coverage = lua_touserdata(L, 2);
    struct slice module = asset_find("lua/weir_test.lua");
    luaL_openlibs(L);
    load_asset(L, "lua/test_run.lua", "@weir test");
    binding_push(L, plan->config, plan->with_coverage ? coverage : NULL);
    lua_pushlstring(L, module.at, module.len);
    push_options(L, plan);
    lua_call(L, 3, 2);
    return 2;
}

bool test_run(const struct test_plan *plan, bool *passed, struct error *err)
{
    struct coverage coverage = {0};
    lua_State *L = luaL_newstate();
    ensure(L != NULL);
    lua_pushcfunction(L, traceback);
    lua_pushcfunction(L, run);
    lua_pushlightuserdata(L, (void *)plan);
    lua_pushlightuserdata(L, &coverage);
    bool could_run = lua_pcall(L, 2, 2, 1) == LUA_OK && !lua_isnil(L, -2);
    if (could_run)
        *passed = lua_toboolean(L, -2);
    else
        fail(err, ERROR_SYSTEM, "%s", lua_tostring(L, -1));
    lua_close(L);
    coverage_finish(&coverage);
    return could_run;
}
