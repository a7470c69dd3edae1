/* config/config for specs: what is read from flags, an environment and a file. */
#include "config/address.h"
#include "config/config.h"

#include <lauxlib.h>
#include <stdlib.h>

static const char *field(lua_State *L, int at, const char *name)
{
    lua_getfield(L, at, name);
    const char *text = lua_tostring(L, -1);
    lua_pop(L, 1); /* the table keeps the string */
    return text;
}

/* { {"listen", "..."}, {"dev-anywhere"} } */
static struct flag *check_flags(lua_State *L, int at, unsigned *count)
{
    *count = (unsigned)luaL_len(L, at);
    struct flag *flags = lua_newuserdatauv(L, (*count + 1) * sizeof *flags, 0);
    for (unsigned i = 0; i < *count; i++) {
        lua_rawgeti(L, at, i + 1);
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        flags[i] = (struct flag){lua_tostring(L, -2), lua_tostring(L, -1)};
        lua_pop(L, 3);
    }
    return flags;
}

/* { "WEIR_LISTEN=..." } */
static char **check_environment(lua_State *L, int at)
{
    unsigned count = (unsigned)luaL_len(L, at);
    char **environment = lua_newuserdatauv(L, (count + 1) * sizeof *environment, 0);
    for (unsigned i = 0; i < count; i++) {
        lua_rawgeti(L, at, i + 1);
        environment[i] = (char *)lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    environment[count] = NULL;
    return environment;
}

static void push_printed(lua_State *L, const struct config *config, bool as_json)
{
    struct buf out = {0};
    config_put(config, &out, as_json);
    lua_pushlstring(L, out.at, out.len);
    buf_finish(&out);
}

static void push_config(lua_State *L, const struct config *config)
{
    lua_newtable(L);
    push_printed(L, config, false);
    lua_setfield(L, -2, "text");
    push_printed(L, config, true);
    lua_setfield(L, -2, "json");
    lua_pushstring(L, config->api_key);
    lua_setfield(L, -2, "api_key");
    lua_pushstring(L, config->listen);
    lua_setfield(L, -2, "listen");
    lua_pushinteger(L, (lua_Integer)config->workers);
    lua_setfield(L, -2, "workers");
    lua_pushboolean(L, config->dev_anywhere);
    lua_setfield(L, -2, "dev_anywhere");
}

static int push_error(lua_State *L, const struct error *err)
{
    lua_pushnil(L);
    lua_pushstring(L, err->text);
    lua_pushstring(L, error_code_name(err->code));
    return 3;
}

/* read { flags = ..., environment = ..., serving = "dev" or "serve" or nil }: a table, or nil,
 * reason, code */
static int read(lua_State *L)
{
    lua_settop(L, 1);
    const char *serving = field(L, 1, "serving");
    lua_getfield(L, 1, "flags");
    lua_getfield(L, 1, "environment");
    unsigned count;
    struct flag *flags = check_flags(L, 2, &count);
    char **environment = check_environment(L, 3);
    struct config config;
    struct error err;
    bool is_right = config_read(&config, flags, count, environment, &err);
    config.is_dev = serving != NULL && strcmp(serving, "dev") == 0;
    is_right = is_right && (serving == NULL || config_check_serving(&config, &err));
    if (is_right)
        push_config(L, &config);
    config_finish(&config);
    return is_right ? 1 : push_error(L, &err);
}

static int address(lua_State *L)
{
    struct slice text;
    struct address a;
    struct error err;
    text.at = luaL_checklstring(L, 1, &text.len);
    if (!address_parse(text, &a, &err))
        return push_error(L, &err);
    lua_pushstring(L, a.host);
    lua_pushinteger(L, a.port);
    lua_pushboolean(L, address_is_loopback(&a));
    lua_pushboolean(L, address_is_any(&a));
    return 4;
}

/* Name, kind and default of every option. */
static int options(lua_State *L)
{
    static const char *const kinds[] = {"text", "secret", "number", "flag"};
    lua_newtable(L);
    for (int id = 0; id < OPTION_COUNT; id++) {
        const char *const row[] = {option_rows[id].name, kinds[option_rows[id].kind],
                                   option_rows[id].value};
        lua_newtable(L);
        for (int i = 0; i < 3; i++) {
            lua_pushstring(L, row[i]);
            lua_rawseti(L, -2, i + 1);
        }
        lua_rawseti(L, -2, id + 1);
    }
    return 1;
}

static const luaL_Reg functions[] = {
    {"read", read}, {"address", address}, {"options", options}, {NULL, NULL}};

int luaopen_room_config(lua_State *L);
int luaopen_room_config(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
