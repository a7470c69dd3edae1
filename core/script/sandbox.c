#include "script/sandbox.h"

#include <string.h>

#include <lauxlib.h>

#include "base/memory.h"
#include "base/suggest.h"
#include "script/library.h"

/* Every name a script can use without a `local`; NULL-terminated for suggest. */
static const char *const documented[] = {
    "assert", "breaker", "cache", "channel", "env", "error", "getmetatable", "http", "ipairs",
    "json", "kick", "log", "math", "next", "now", "os", "pairs", "pcall", "publish", "rawequal",
    "rawget", "rawlen", "rawset", "reject", "require", "select", "server", "setmetatable",
    "shape", "sleep", "store", "string", "table", "tonumber", "tostring", "type", "utf8", "uuid",
    "xpcall", NULL,
};

static const char *const planned[] = {
    "call", "coroutine", "latest", "metrics", "re", "stream", NULL,
};

/* What people know from elsewhere and will not find. */
static const struct {
    const char *name, *hint;
} hints[] = {
    {"print", "use log(text)"},
    {"load", "code is only taken from the files of the scripts folder"},
    {"loadstring", "code is only taken from the files of the scripts folder"},
    {"dofile", "put a module into lib/ and use require"},
    {"loadfile", "put a module into lib/ and use require"},
    {"io", "scripts cannot reach files"},
    {"debug", "it would open the sandbox"},
    {"package", "require finds lib/NAME.lua and \"cjson\""},
    {"collectgarbage", "memory is looked after"},
    {"_G", "globals are fixed; keep values in locals or in self.state"},
    {"unpack", "it is table.unpack"},
    {"self", "inside a hook, define it with a colon: function chat:on_publish(msg, from)"},
};

static const char globals_key = 0, env_key = 0, sealed_key = 0;

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static const char *find_hint(const char *name)
{
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (strcmp(hints[i].name, name) == 0)
            return hints[i].hint;
    return NULL;
}

/* ---- the strict environment ---- */

static int read_undefined(lua_State *L)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
    const char *hint = find_hint(name), *near = suggest(slice_of(name), documented);
    if (is_one_of(name, planned))
        return luaL_error(L, "`%s` is not available in this version", name);
    if (hint != NULL)
        return luaL_error(L, "`%s` is not available: %s", name, hint);
    if (near != NULL)
        return luaL_error(L, "`%s` is not defined: did you mean `%s`?", name, near);
    return luaL_error(L, "`%s` is not defined", name);
}

static int assign_global(lua_State *L)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
    if (is_one_of(name, documented))
        return luaL_error(L, "`%s` is part of the environment and stays as it is: write `local %s`",
                          name, name);
    if (lua_isfunction(L, 3))
        return luaL_error(L, "`%s` would be a global: write `local function %s`", name, name);
    return luaL_error(L, "`%s` would be a global: write `local %s`", name, name);
}

static void open_env(lua_State *L)
{
    lua_createtable(L, 0, 0); /* env: stays empty */
    lua_createtable(L, 0, 4);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &globals_key);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, assign_global);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushboolean(L, 1);
    lua_rawsetp(L, -2, &sealed_key);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &env_key);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}

static void open_globals(lua_State *L)
{
    lua_createtable(L, 0, 40);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, read_undefined);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &globals_key);
}

void sandbox_open(lua_State *L)
{
    open_globals(L);
    library_open(L);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        const char *name = lua_tostring(L, -2);
        sandbox_add(L, name, lua_istable(L, -1));
    }
    lua_pop(L, 1);
    open_env(L);
}

void sandbox_add(lua_State *L, const char *name, bool is_sealed)
{
    if (is_sealed)
        sandbox_seal(L, name);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &globals_key);
    lua_insert(L, -2);
    lua_pushstring(L, name);
    lua_insert(L, -2);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

void sandbox_check(lua_State *L)
{
    size_t count = 0, expected = sizeof documented / sizeof *documented - 1;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &globals_key);
    lua_pushnil(L);
    for (; lua_next(L, -2); lua_pop(L, 1), count++) {
        ensure(lua_type(L, -2) == LUA_TSTRING);
        ensure(is_one_of(lua_tostring(L, -2), documented));
        ensure(!lua_istable(L, -1) || sandbox_is_sealed(L, -1) ||
               strcmp(lua_tostring(L, -2), "server") == 0);
    }
    ensure(count == expected);
    lua_pop(L, 1);
}

void sandbox_push_env(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &env_key);
}

/* ---- read-only views ---- */

static int assign_sealed(lua_State *L)
{
    return luaL_error(L, "`%s` is read-only", lua_tostring(L, lua_upvalueindex(1)));
}

/* pairs over a copy, since the table itself is not given away. */
static int iterate_sealed(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &globals_key);
    lua_getfield(L, -1, "next");
    lua_replace(L, -2);
    lua_newtable(L);
    lua_pushnil(L);
    while (lua_next(L, lua_upvalueindex(1))) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
    return 2;
}

void sandbox_seal(lua_State *L, const char *what)
{
    lua_createtable(L, 0, 0);
    lua_createtable(L, 0, 6);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, what);
    lua_pushcclosure(L, assign_sealed, 1);
    lua_setfield(L, -2, "__newindex");
    lua_pushvalue(L, -3);
    lua_pushcclosure(L, iterate_sealed, 1);
    lua_setfield(L, -2, "__pairs");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    if (lua_getmetatable(L, -3)) { /* a callable table stays callable */
        lua_getfield(L, -1, "__call");
        lua_setfield(L, -3, "__call");
        lua_pop(L, 1);
    }
    lua_pushboolean(L, 1);
    lua_rawsetp(L, -2, &sealed_key);
    lua_setmetatable(L, -2);
    lua_replace(L, -2);
}

bool sandbox_is_sealed(lua_State *L, int index)
{
    if (!lua_getmetatable(L, index))
        return false;
    bool is_sealed = lua_rawgetp(L, -1, &sealed_key) != LUA_TNIL;
    lua_pop(L, 2);
    return is_sealed;
}
