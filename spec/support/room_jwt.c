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

/* verify(token, secret, now, leeway): a table, or nil, the reason and the code. */
static int verify(lua_State *L)
{
    struct jwt jwt;
    struct error err;
    struct jwt_keys keys = {.leeway_s = (int)luaL_optinteger(L, 4, 0)};
    struct slice token = check_slice(L, 1);
    if (!lua_isnil(L, 2))
        keys.hmac_secret = check_slice(L, 2);
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

static const luaL_Reg functions[] = {{"verify", verify}, {"sign", sign}, {NULL, NULL}};

int luaopen_room_jwt(lua_State *L);
int luaopen_room_jwt(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
