/* rule/rate and base/duration for specs. */
#include "rule/rate.h"

#include <lauxlib.h>

#include "base/duration.h"

static struct slice check_slice(lua_State *L, int at)
{
    struct slice s;
    s.at = luaL_checklstring(L, at, &s.len);
    return s;
}

static struct rate check_rate(lua_State *L)
{
    struct rate rate;
    struct error err;
    if (!rate_parse(check_slice(L, 1), &rate, &err))
        luaL_error(L, "%s", err.text);
    return rate;
}

/* Its path as it was written, or nil. */
static void push_claim(lua_State *L, const struct rate *rate)
{
    const char *name = rate->claim;
    if (name == NULL) {
        lua_pushnil(L);
        return;
    }
    lua_pushliteral(L, "");
    for (unsigned i = 0; i < rate->claim_parts; i++, name += strlen(name) + 1) {
        lua_pushfstring(L, i > 0 ? ".%s" : "%s", name);
        lua_concat(L, 2);
    }
}

/* parse(text) -> count, ms, scope, claim or nil; or nil and the reason */
static int parse(lua_State *L)
{
    static const char *const scopes[] = {"user", "ip", "connection", "channel", "claim"};
    struct rate rate;
    struct error err;
    if (!rate_parse(check_slice(L, 1), &rate, &err)) {
        lua_pushnil(L);
        lua_pushstring(L, err.text);
        return 2;
    }
    lua_pushinteger(L, rate.count);
    lua_pushinteger(L, (lua_Integer)rate.ms);
    lua_pushstring(L, scopes[rate.scope]);
    push_claim(L, &rate);
    rate_finish(&rate);
    return 4;
}

/* try(text, due, now_ms) -> ms to wait (0: done), the new due */
static int try(lua_State *L)
{
    struct rate rate = check_rate(L);
    uint64_t due = (uint64_t)luaL_checkinteger(L, 2), now = (uint64_t)luaL_checkinteger(L, 3);
    uint64_t wait = rate_check(&rate, due, now);
    lua_pushinteger(L, (lua_Integer)wait);
    lua_pushinteger(L, (lua_Integer)(wait == 0 ? rate_take(&rate, due, now) : due));
    rate_finish(&rate);
    return 2;
}

/* duration(text) -> ms or nil */
static int duration(lua_State *L)
{
    int64_t ms;
    if (!duration_parse(check_slice(L, 1), &ms))
        return 0;
    lua_pushinteger(L, ms);
    return 1;
}

static const luaL_Reg functions[] = {
    {"parse", parse}, {"try", try}, {"duration", duration}, {NULL, NULL}};

int luaopen_room_rate(lua_State *L);
int luaopen_room_rate(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
