#include "script/module.h"

#include <dlfcn.h>
#include <stdio.h>

#include <lauxlib.h>

#include "base/memory.h"
#include "base/suggest.h"
#include "script/program.h"
#include "script/sandbox.h"

static const char cache_key = 0, loading_key = 0;

void module_push_chunk(lua_State *L, const struct script *script)
{
    const char *source = script->source;
    size_t len = script->source_len;
    if (len >= 3 && memcmp(source, "\xEF\xBB\xBF", 3) == 0) {
        source += 3; /* a byte order mark, as some editors leave */
        len -= 3;
    }
    lua_pushfstring(L, "@%s", script->name);
    if (luaL_loadbufferx(L, source, len, lua_tostring(L, -1), "t") != LUA_OK)
        lua_error(L);
    lua_remove(L, -2);
    sandbox_push_env(L);
    lua_setupvalue(L, -2, 1);
}

/* ---- lua-cjson ---- */

/* Its C code asks malloc, not the VM, and loses what it holds when Lua raises under it. So it gets
 * what it can cope with: texts up to 1 MiB, room enough to decode any of them, and values whose
 * text has been measured before. Its settings stay out of reach: some of them end the process. */
enum { CJSON_TEXT_MAX = 1 << 20, CJSON_ROOM = 64 << 20, CJSON_DEPTH = 100 };

static void measure(lua_State *L, int index, unsigned depth, size_t *bytes);

static void measure_table(lua_State *L, int index, unsigned depth, size_t *bytes)
{
    if (depth >= CJSON_DEPTH)
        luaL_error(L, "cjson.encode: nested deeper than %d", CJSON_DEPTH);
    luaL_checkstack(L, 4, "cjson.encode");
    lua_pushnil(L);
    for (; lua_next(L, index); lua_pop(L, 1)) {
        measure(L, lua_gettop(L) - 1, depth + 1, bytes);
        measure(L, lua_gettop(L), depth + 1, bytes);
    }
}

static void measure(lua_State *L, int index, unsigned depth, size_t *bytes)
{
    *bytes += lua_type(L, index) == LUA_TSTRING ? lua_rawlen(L, index) * 6 + 4 : 32;
    if (*bytes > (size_t)CJSON_TEXT_MAX * 6)
        luaL_error(L, "cjson.encode: the text could be longer than %d bytes", CJSON_TEXT_MAX);
    if (lua_istable(L, index))
        measure_table(L, index, depth, bytes);
}

static int cjson_encode(lua_State *L)
{
    size_t bytes = 0;
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    measure(L, 1, 0, &bytes);
    vm_charge(L, bytes);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

static int cjson_decode(lua_State *L)
{
    size_t len;
    luaL_checklstring(L, 1, &len);
    if (len > CJSON_TEXT_MAX)
        return luaL_error(L, "cjson.decode: the text is longer than %d bytes", CJSON_TEXT_MAX);
    vm_charge(L, len * 8);
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    vm_lend(L, CJSON_ROOM);
    lua_call(L, 1, 1);
    vm_take_back(L);
    return 1;
}

static int close_library(lua_State *L)
{
    dlclose(*(void **)lua_touserdata(L, 1));
    return 0;
}

/* Closed with the VM, after everything that was made later. */
static lua_CFunction open_library(lua_State *L)
{
    static const char *const names[] = {"liblua5.4-cjson.so.0", "/usr/lib/lua/5.4/cjson.so",
                                        "/usr/local/lib/lua/5.4/cjson.so", NULL};
    void **handle = lua_newuserdatauv(L, sizeof *handle, 0);
    *handle = NULL;
    for (const char *const *name = names; *handle == NULL && *name != NULL; name++)
        *handle = dlopen(*name, RTLD_NOW | RTLD_LOCAL);
    if (*handle == NULL)
        luaL_error(L,
                   "require \"cjson\": lua-cjson is not installed (Debian: apt install lua-cjson)");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, close_library);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, open_library);
    lua_CFunction open;
    *(void **)&open = dlsym(*handle, "luaopen_cjson");
    ensure(open != NULL);
    return open;
}

static void take(lua_State *L, int from, const char *name, lua_CFunction guard)
{
    lua_getfield(L, from, name);
    if (guard != NULL)
        lua_pushcclosure(L, guard, 1);
    lua_setfield(L, -2, name);
}

static void push_cjson(lua_State *L)
{
    lua_CFunction open = open_library(L);
    lua_pushcfunction(L, open);
    lua_call(L, 0, 1);
    int stock = lua_gettop(L);
    lua_createtable(L, 0, 4);
    take(L, stock, "encode", cjson_encode);
    take(L, stock, "decode", cjson_decode);
    take(L, stock, "null", NULL);
    take(L, stock, "_VERSION", NULL);
    sandbox_seal(L, "cjson");
    lua_replace(L, stock);
}

/* ---- lib/ ---- */

static const struct script *find_library(const struct script_set *set, const char *name)
{
    char path[256];
    size_t len = (size_t)snprintf(path, sizeof path, "lib/%s.lua", name);
    if (len >= sizeof path)
        return NULL;
    for (size_t i = 4; i + 4 < len; i++)
        if (path[i] == '.')
            path[i] = '/';
    for (unsigned i = 0; i < set->library_count; i++)
        if (strcmp(set->libraries[i].name, path) == 0)
            return &set->libraries[i];
    return NULL;
}

/* "lib/words.lua" of the set that looks most like lib/NAME.lua, without "lib/" and ".lua". */
static int refuse_unknown(lua_State *L, const struct script_set *set, const char *name)
{
    const char **names = lua_newuserdatauv(L, (set->library_count + 2) * sizeof *names, 0);
    luaL_checkstack(L, (int)set->library_count + 4, "require");
    for (unsigned i = 0; i < set->library_count; i++) {
        const char *path = set->libraries[i].name + 4;
        names[i] = lua_pushlstring(L, path, strlen(path) - 4);
    }
    names[set->library_count] = "cjson";
    names[set->library_count + 1] = NULL;
    const char *near = suggest(slice_of(name), names);
    if (near != NULL)
        return luaL_error(L, "there is no lib/%s.lua: did you mean `%s`?", name, near);
    return luaL_error(L, "there is no lib/%s.lua in the scripts folder", name);
}

/* 1 name, 2 cache, 3 loading, 4 what the module returned */
static int keep_module(lua_State *L)
{
    if (lua_isnil(L, 4)) {
        lua_pushboolean(L, 1);
        lua_replace(L, 4);
    }
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 4);
    lua_rawset(L, 2);
    return 1;
}

static void mark(lua_State *L, bool is_loading)
{
    lua_pushvalue(L, 1);
    lua_pushboolean(L, is_loading);
    lua_rawset(L, 3);
}

/* Caught only to take the mark away. */
static int end_module(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    mark(L, false);
    if (status == LUA_OK || status == LUA_YIELD)
        return keep_module(L);
    vm_uncatch(L);
    return lua_error(L);
}

static int load_module(lua_State *L, const struct script *library)
{
    lua_pushvalue(L, 1);
    lua_rawget(L, 3);
    if (lua_toboolean(L, -1))
        return luaL_error(L,
                          "%s is required while it loads: modules require each other in a circle",
                          library->name);
    lua_pop(L, 1);
    module_push_chunk(L, library);
    mark(L, true);
    return end_module(L, lua_pcallk(L, 0, 1, 0, 0, end_module), 0);
}

static int require(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const struct script_set *set = program_of(L)->set;
    lua_settop(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &cache_key);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &loading_key);
    lua_pushvalue(L, 1);
    if (lua_rawget(L, 2) != LUA_TNIL)
        return 1;
    lua_pop(L, 1);
    const struct script *library = find_library(set, name);
    if (library != NULL)
        return load_module(L, library);
    if (strcmp(name, "cjson") != 0)
        return refuse_unknown(L, set, name);
    push_cjson(L);
    return keep_module(L);
}

void module_open(lua_State *L)
{
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &cache_key);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &loading_key);
    lua_pushcfunction(L, require);
    sandbox_add(L, "require", false);
}
