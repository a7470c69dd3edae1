#include "script/api.h"

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "script/sandbox.h"

/* Whether a list with commas has the name. */
static bool is_listed(const char *list, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = list; at != NULL && *at != '\0';) {
        at += strspn(at, ", ");
        size_t word = strcspn(at, ", ");
        if (word == len && memcmp(at, name, len) == 0)
            return true;
        at += word;
    }
    return false;
}

static int read_variable(lua_State *L)
{
    const char *name = luaL_checkstring(L, 2);
    if (!is_listed(program_of(L)->limits.env, name))
        return luaL_error(L, "env.%s is not for scripts: start weir with --script-env %s", name,
                          name);
    lua_pushstring(L, getenv(name));
    return 1;
}

void api_env_open(lua_State *L)
{
    lua_createtable(L, 0, 0);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, read_variable);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    sandbox_add(L, "env", true);
}
