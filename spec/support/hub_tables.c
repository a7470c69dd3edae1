/* room.hub: reading and writing the tables of specs. */
#include "hub_world.h"

#include <string.h>

struct slice table_slice(lua_State *L, int at, const char *name)
{
    struct slice s = {NULL, 0};
    if (lua_getfield(L, at, name) == LUA_TSTRING)
        s.at = lua_tolstring(L, -1, &s.len);
    lua_pop(L, 1); /* the table keeps it */
    return s;
}

struct slice table_text(lua_State *L, int at, const char *name)
{
    struct slice s = table_slice(L, at, name);
    return s.at ? s : SLICE("");
}

lua_Integer table_integer(lua_State *L, int at, const char *name, lua_Integer otherwise)
{
    lua_getfield(L, at, name);
    lua_Integer n = luaL_optinteger(L, -1, otherwise);
    lua_pop(L, 1);
    return n;
}

bool table_bool(lua_State *L, int at, const char *name)
{
    lua_getfield(L, at, name);
    bool is = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return is;
}

int table_name(const char *name, const char *const *names)
{
    for (int i = 0; names[i] != NULL; i++)
        if (name != NULL && strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

/* The bits of a list of names. */
unsigned table_bits(lua_State *L, int at, const char *name, const char *const *names)
{
    unsigned bits = 0;
    if (lua_getfield(L, at, name) == LUA_TTABLE)
        for (int i = 1; lua_rawgeti(L, -1, i) == LUA_TSTRING; i++, lua_pop(L, 1)) {
            int bit = table_name(lua_tostring(L, -1), names);
            luaL_argcheck(L, bit >= 0, at, "no such hook");
            bits |= 1u << bit;
        }
    lua_settop(L, at);
    return bits;
}

void table_set_slice(lua_State *L, const char *name, struct slice s)
{
    if (s.at == NULL)
        return;
    lua_pushlstring(L, s.at, s.len);
    lua_setfield(L, -2, name);
}

void table_set_integer(lua_State *L, const char *name, lua_Integer n)
{
    lua_pushinteger(L, n);
    lua_setfield(L, -2, name);
}

void table_push_facts(lua_State *L, const struct identity_facts *facts)
{
    lua_newtable(L);
    table_set_slice(L, "client", facts->client);
    table_set_slice(L, "user", facts->user);
    table_set_slice(L, "roles", facts->roles);
    table_set_slice(L, "claims", facts->claims);
    table_set_slice(L, "info", facts->info);
    table_set_slice(L, "ip", facts->ip);
    table_set_integer(L, "expires", facts->expires);
}
