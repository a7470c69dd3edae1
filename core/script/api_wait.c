#include "script/api.h"

#include <string.h>

#include <lauxlib.h>

#include "base/duration.h"
#include "base/suggest.h"
#include "script/sandbox.h"
#include "script/task.h"

static int slept(lua_State *L, int status, lua_KContext context)
{
    (void)L;
    (void)status;
    (void)context;
    return 0;
}

int64_t api_check_duration(lua_State *L, int index, const char *what)
{
    int64_t ms;
    struct slice text = {NULL, 0};
    if (lua_type(L, index) == LUA_TSTRING)
        text.at = lua_tolstring(L, index, &text.len);
    if (text.at == NULL || !duration_parse(text, &ms))
        luaL_error(L, "%s: it takes a duration such as \"200ms\" or \"1s\" (got %s)", what,
                   luaL_tolstring(L, index, NULL));
    return ms;
}

int64_t api_get_duration(lua_State *L, int index, const char *what, const char *name, int64_t otherwise)
{
    int64_t ms = otherwise;
    if (!lua_istable(L, index))
        return ms;
    if (lua_getfield(L, index, name) != LUA_TNIL)
        ms = api_check_duration(L, lua_gettop(L), what);
    lua_pop(L, 1);
    return ms;
}

void api_check_names(lua_State *L, int index, const char *what, const char *const *names)
{
    if (lua_isnoneornil(L, index))
        return;
    luaL_checktype(L, index, LUA_TTABLE);
    lua_pushnil(L);
    for (; lua_next(L, index); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "[number]";
        const char *const *known = names;
        while (*known != NULL && strcmp(*known, name) != 0)
            known++;
        if (*known != NULL)
            continue;
        const char *near = suggest(slice_of(name), names);
        luaL_error(L, near ? "%s: unknown `%s`: did you mean `%s`?" : "%s: unknown `%s`", what, name, near);
    }
}

static int sleep(lua_State *L)
{
    return task_wait_ms(L, "sleep", (uint64_t)api_check_duration(L, 1, "sleep"), slept);
}

void api_wait_open(lua_State *L)
{
    lua_pushcfunction(L, sleep);
    sandbox_add(L, "sleep", false);
}
