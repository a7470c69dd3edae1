/* base/breaker for specs. */
#include "base/breaker.h"

#include <lauxlib.h>

static struct breaker *check_breaker(lua_State *L)
{
    return luaL_checkudata(L, 1, "room.breaker");
}

static uint64_t check_ms(lua_State *L, int at)
{
    return (uint64_t)luaL_checkinteger(L, at);
}

/* new(failures, window_ms, open_ms) */
static int new (lua_State *L)
{
    struct breaker *breaker = lua_newuserdatauv(L, sizeof *breaker, 0);
    breaker_init(breaker, (unsigned)luaL_checkinteger(L, 1), check_ms(L, 2), check_ms(L, 3));
    luaL_setmetatable(L, "room.breaker");
    return 1;
}

/* enter(now) -> a pass, or nil */
static int enter(lua_State *L)
{
    uint64_t pass = breaker_enter(check_breaker(L), check_ms(L, 2));
    if (pass == 0)
        return 0;
    lua_pushinteger(L, (lua_Integer)pass);
    return 1;
}

/* leave(pass, "fine" | "failed" | "unknown", now) */
static int leave(lua_State *L)
{
    static const char *const verdicts[] = {"fine", "failed", "unknown", NULL};
    breaker_leave(check_breaker(L), check_ms(L, 2),
                  (enum breaker_verdict)luaL_checkoption(L, 3, NULL, verdicts), check_ms(L, 4));
    return 0;
}

/* state(now) -> name, ms to wait */
static int state(lua_State *L)
{
    const struct breaker *breaker = check_breaker(L);
    lua_pushstring(L, breaker_state_name(breaker_state(breaker, check_ms(L, 2))));
    lua_pushinteger(L, (lua_Integer)breaker_wait_ms(breaker, check_ms(L, 2)));
    return 2;
}

/* -> opened, refused */
static int counts(lua_State *L)
{
    const struct breaker *breaker = check_breaker(L);
    lua_pushinteger(L, (lua_Integer)breaker->opened);
    lua_pushinteger(L, (lua_Integer)breaker->refused);
    return 2;
}

static int finish(lua_State *L)
{
    breaker_finish(check_breaker(L));
    return 0;
}

static const luaL_Reg methods[] = {{"enter", enter},   {"leave", leave}, {"state", state},
                                   {"counts", counts}, {"__gc", finish}, {NULL, NULL}};

int luaopen_room_breaker(lua_State *L);
int luaopen_room_breaker(lua_State *L)
{
    luaL_newmetatable(L, "room.breaker");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, new);
    lua_setfield(L, -2, "new");
    return 1;
}
