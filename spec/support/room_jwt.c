/* auth/jwt for specs. */
#include "auth/jwt.h"

#include <lauxlib.h>

static struct slice check_slice(lua_State *L, int at)
{
    struct slice s;
    s.at = luaL_checklstring(L, at, &s.len);
    return s;
}

static void set_slice(lua_State *L, const char *name, struct slice s)
{
    if (s.at == NULL)
        return;
    lua_pushlstring(L, s.at, s.len);
    lua_setfield(L, -2, name);
}

static void push_jwt(lua_State *L, const struct jwt *jwt)
{
    lua_newtable(L);
    set_slice(L, "sub", jwt->sub);
    set_slice(L, "info", jwt->info);
    set_slice(L, "roles", jwt->roles);
    set_slice(L, "claims", buf_slice(&jwt->claims));
    set_slice(L, "payload", buf_slice(&jwt->payload));
    lua_pushinteger(L, jwt->expires);
    lua_setfield(L, -2, "expires");
}

static const char ring_type[] = "keyring";

/* keyring(files): one, or nil and the reason. */
static int load(lua_State *L)
{
    struct error err;
    struct keyring **ring = lua_newuserdatauv(L, sizeof *ring, 0);
    *ring = keyring_load(luaL_checkstring(L, 1), &err);
    if (*ring == NULL) {
        lua_pushnil(L);
        lua_pushstring(L, err.text);
        return 2;
    }
    luaL_setmetatable(L, ring_type);
    return 1;
}

static int drop(lua_State *L)
{
    keyring_destroy(*(struct keyring **)luaL_checkudata(L, 1, ring_type));
    return 0;
}

static const char *option(lua_State *L, const char *name)
{
    lua_getfield(L, 6, name);
    return lua_tostring(L, -1); /* which the table keeps */
}

static void read_options(lua_State *L, struct jwt_keys *keys)
{
    struct error err;
    keys->audience = option(L, "audience");
    keys->issuer = option(L, "issuer");
    const char *algs = option(L, "algs");
    if (algs != NULL && !algs_parse(algs, &keys->algs, &err))
        luaL_error(L, "%s", err.text);
}

/* verify(token, secret, now, leeway, keyring, { audience, issuer, algs }): a table, or nil, the
 * reason and the code. */
static int verify(lua_State *L)
{
    struct jwt jwt;
    struct error err;
    struct jwt_keys keys = {.leeway_s = (int)luaL_optinteger(L, 4, 0)};
    struct slice token = check_slice(L, 1);
    if (!lua_isnil(L, 2))
        keys.hmac_secret = check_slice(L, 2);
    if (!lua_isnoneornil(L, 5))
        keys.ring = *(struct keyring **)luaL_checkudata(L, 5, ring_type);
    if (lua_istable(L, 6))
        read_options(L, &keys);
    if (jwt_verify(token, &keys, luaL_checkinteger(L, 3), &jwt, &err)) {
        push_jwt(L, &jwt);
        jwt_finish(&jwt);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, err.text);
    lua_pushinteger(L, err.code);
    return 3;
}

static int sign(lua_State *L)
{
    struct buf out = {0};
    jwt_sign(&out, check_slice(L, 1), check_slice(L, 2));
    lua_pushlstring(L, out.at, out.len);
    buf_finish(&out);
    return 1;
}

static const luaL_Reg functions[] = {
    {"verify", verify}, {"keyring", load}, {"sign", sign}, {NULL, NULL}};

int luaopen_room_jwt(lua_State *L);
int luaopen_room_jwt(lua_State *L)
{
    luaL_newmetatable(L, ring_type);
    lua_pushcfunction(L, drop);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
