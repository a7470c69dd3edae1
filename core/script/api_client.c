#include "script/api.h"

#include <string.h>

#include <lauxlib.h>

#include "base/suggest.h"
#include "script/codec.h"

static const char meta_key = 0;

/* Holds one reference to the identity, so that a script may keep a client as long as it likes. User
 * value 1 is a table of what has been decoded. */
struct client {
    const struct identity *who; /* NULL: the server itself */
};

static const char *const members[] = {"id", "user", "roles", "claims", "info",
                                      "ip", "send", "close", NULL};
static const char *const planned[] = {"data", "subscribe", "unsubscribe", NULL};

static struct client *check_client(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &meta_key);
    if (lua_type(L, 1) != LUA_TUSERDATA || !lua_getmetatable(L, 1) || !lua_rawequal(L, -1, -2))
        luaL_error(L, "write client:send(...), with a colon");
    lua_pop(L, 2);
    return lua_touserdata(L, 1);
}

static int collect(lua_State *L)
{
    struct client *client = lua_touserdata(L, 1);
    identity_unref(client->who);
    client->who = NULL;
    return 0;
}

/* ---- methods ---- */

static struct client *check_connected(lua_State *L, const char *name)
{
    struct client *client = check_client(L);
    if (client->who == NULL)
        luaL_error(L, "client:%s(): this comes from the server itself, there is no connection",
                   name);
    return client;
}

static int client_send(lua_State *L)
{
    struct client *client = check_connected(L, "send");
    struct running *running = program_running(L, "send");
    luaL_checkany(L, 2);
    struct slice data = api_encode(L, 2, "send");
    api_wish(
        L, running,
        &(struct effect){.kind = EFFECT_SEND, .client = client->who->facts.client, .data = data});
    return 0;
}

static int client_close(lua_State *L)
{
    struct client *client = check_connected(L, "close");
    struct running *running = program_running(L, "close");
    struct slice reason = SLICE("");
    lua_Integer code = luaL_optinteger(L, 2, CLOSE_FORCED);
    if (code < 3000 || code > 4999)
        return luaL_error(L, "client:close(): a code is from 3000 to 4999 (got %I)",
                          (LUAI_UACINT)code);
    reason.at = luaL_optlstring(L, 3, close_code_text((int)code), &reason.len);
    if (reason.len > 123)
        return luaL_error(L, "client:close(): a reason has at most 123 bytes");
    api_wish(L, running,
             &(struct effect){.kind = EFFECT_CLOSE,
                              .client = client->who->facts.client,
                              .code = (int)code,
                              .reason = reason});
    return 0;
}

/* ---- fields ---- */

static int push_text(lua_State *L, struct slice text)
{
    lua_pushlstring(L, text.len > 0 ? text.at : "", text.len);
    return 1;
}

/* Decoded when first looked at; most hooks look at `user` only. `otherwise`: JSON too, or absent
 * for nil. */
static int push_decoded(lua_State *L, struct slice json, const char *name, struct slice otherwise)
{
    struct error err;
    if (lua_getiuservalue(L, 1, 1) != LUA_TTABLE) {
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, 1, 1);
        lua_replace(L, -2);
    }
    if (lua_getfield(L, -1, name) != LUA_TNIL)
        return 1;
    if (json.at == NULL)
        json = otherwise;
    if (json.at == NULL)
        return 1;
    if (!codec_push(L, json, &err))
        return luaL_error(L, "client.%s: %s", name, err.text);
    lua_pushvalue(L, -1);
    lua_setfield(L, -4, name);
    return 1;
}

static int refuse_member(lua_State *L, const char *name)
{
    for (const char *const *known = planned; *known != NULL; known++)
        if (strcmp(*known, name) == 0)
            return luaL_error(L, "`client.%s` is not available in this version", name);
    const char *near = suggest(slice_of(name), members);
    if (near != NULL)
        return luaL_error(L, "a client has no `%s`: did you mean `%s`?", name, near);
    return luaL_error(L, "a client has no `%s`", name);
}

static int read_member(lua_State *L)
{
    static const struct identity_facts nobody;
    const struct client *client = lua_touserdata(L, 1);
    const struct identity_facts *facts = client->who ? &client->who->facts : &nobody;
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
    if (strcmp(name, "user") == 0)
        return push_text(L, facts->user);
    if (strcmp(name, "id") == 0)
        return push_text(L, facts->client);
    if (strcmp(name, "ip") == 0)
        return push_text(L, facts->ip);
    if (strcmp(name, "claims") == 0)
        return push_decoded(L, facts->claims, name, SLICE("{}"));
    if (strcmp(name, "roles") == 0)
        return push_decoded(L, facts->roles, name, SLICE("[]"));
    if (strcmp(name, "info") == 0)
        return push_decoded(L, facts->info, name, (struct slice){0});
    lua_rawgetp(L, LUA_REGISTRYINDEX, &meta_key);
    if (lua_getfield(L, -1, name) == LUA_TFUNCTION && strncmp(name, "__", 2) != 0)
        return 1;
    return refuse_member(L, name);
}

static int assign_member(lua_State *L)
{
    return luaL_error(L, "a client is read-only: keep your own notes in self.state");
}

void api_client_open(lua_State *L)
{
    static const luaL_Reg all[] = {{"__index", read_member}, {"__newindex", assign_member},
                                   {"__gc", collect},        {"send", client_send},
                                   {"close", client_close},  {NULL, NULL}};
    lua_createtable(L, 0, 8);
    luaL_setfuncs(L, all, 0);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushliteral(L, "client");
    lua_setfield(L, -2, "__name");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &meta_key);
}

void api_client_push(lua_State *L, const struct identity *who)
{
    struct client *client = lua_newuserdatauv(L, sizeof *client, 1);
    client->who = NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &meta_key);
    lua_setmetatable(L, -2);
    client->who = identity_ref(who);
}
