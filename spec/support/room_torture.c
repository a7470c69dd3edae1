/* What `weir test` has of the core, for spec/proof/torture.lua: the table that core/test/binding.h makes. */
#include <lauxlib.h>
#include <stdlib.h>

#include "config/config.h"
#include "test/binding.h"

static int finish(lua_State *L)
{
    config_finish(lua_touserdata(L, 1));
    return 0;
}

int luaopen_room_torture(lua_State *L);
int luaopen_room_torture(lua_State *L)
{
    struct error err;
    struct config *config = lua_newuserdatauv(L, sizeof *config, 0);
    char *environment[] = {NULL};
    if (!config_read(config, NULL, 0, environment, &err))
        return luaL_error(L, "%s", err.text);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, finish);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_setfield(L, LUA_REGISTRYINDEX, "room.torture");
    binding_push(L, config, NULL);
    return 1;
}
