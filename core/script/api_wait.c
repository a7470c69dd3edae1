#include "script/api.h"

#include <lauxlib.h>

#include "base/duration.h"
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

static int sleep(lua_State *L)
{
    return task_wait_ms(L, "sleep", (uint64_t)api_check_duration(L, 1, "sleep"), slept);
}

void api_wait_open(lua_State *L)
{
    lua_pushcfunction(L, sleep);
    sandbox_add(L, "sleep", false);
}
