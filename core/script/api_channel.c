#include "script/api.h"

#include <string.h>

#include <lauxlib.h>

#include "base/suggest.h"
#include "script/codec.h"
#include "script/declare.h"
#include "script/sandbox.h"

/* Registry keys: the methods that every channel has, and the metatable of classes. */
static const char methods_key = 0, class_key = 0;

static const char *const members[] = {"name",  "params", "state",  "publish", "kick",
                                      "every", "after",  "cancel", "latest",  NULL};
static const char *const planned[] = {"offset", "history", "snapshot", "presence", "members", NULL};

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

bool api_channel_is_reserved(const char *name)
{
    return is_one_of(name, members) || is_one_of(name, planned);
}

/* Strict as the environment: what is not there is a typing mistake, more often than not. */
static int read_missing(lua_State *L)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
    if (is_one_of(name, planned))
        return luaL_error(L, "`self.%s` is not available in this version", name);
    const char *near = suggest(slice_of(name), members);
    if (near != NULL)
        return luaL_error(L, "a channel has no `%s`: did you mean `%s`?", name, near);
    return luaL_error(L, "a channel has no `%s`: what is to be kept belongs in self.state", name);
}

static int assign_member(lua_State *L)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
    if (strcmp(name, "state") != 0)
        return luaL_error(L, "`self.%s` would be lost at a reload: write self.state.%s", name,
                          name);
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_rawset(L, 1);
    return 0;
}

/* self:publish(data) is publish(self.name, data), whatever became of self. */
const struct channel *api_channel_check_self(lua_State *L, struct running *running, const char *name)
{
    if (luaL_getmetafield(L, 1, "__name") != LUA_TSTRING ||
        strcmp(lua_tostring(L, -1), "channel") != 0)
        luaL_error(L, "write self:%s(...), with a colon", name);
    lua_pop(L, 1);
    if (running->channel == NULL)
        luaL_error(L, "self:%s() works in a channel's hook only", name);
    return running->channel;
}

static int channel_publish(lua_State *L)
{
    struct running *running = program_running(L, "publish");
    const struct channel *channel = api_channel_check_self(L, running, "publish");
    luaL_checkany(L, 2);
    struct slice data = api_encode(L, 2, "publish");
    api_wish_publish(L, running, channel->name, data);
    return 0;
}

static int channel_kick(lua_State *L)
{
    struct running *running = program_running(L, "kick");
    const struct channel *channel = api_channel_check_self(L, running, "kick");
    lua_settop(L, 2);
    lua_getglobal(L, "kick"); /* ours: scripts cannot write to the environment */
    lua_pushlstring(L, channel->name.at, channel->name.len);
    lua_pushvalue(L, 2);
    lua_call(L, 2, 1);
    return 1;
}

/* self:latest([key]): the home of a channel is where its hooks run, so it is at hand. */
static int channel_latest(lua_State *L)
{
    struct running *running = program_running(L, "latest");
    const struct channel *channel = api_channel_check_self(L, running, "latest");
    struct slice key = {NULL, 0}, said;
    struct error err;
    if (channel->type->latest_ttl_ms == 0)
        luaL_error(L, "latest: this channel keeps none; write latest = true among its options");
    if (!lua_isnoneornil(L, 2))
        key = api_encode(L, 2, "latest");
    said = latest_find(channel, key);
    if (said.at == NULL)
        return 0;
    vm_charge(L, said.len);
    return codec_push(L, said, &err) ? 1 : luaL_error(L, "latest: %s", err.text);
}

void api_channel_open(lua_State *L)
{
    lua_createtable(L, 0, 6);
    lua_pushcfunction(L, channel_publish);
    lua_setfield(L, -2, "publish");
    lua_pushcfunction(L, channel_kick);
    lua_setfield(L, -2, "kick");
    lua_pushcfunction(L, channel_latest);
    lua_setfield(L, -2, "latest");
    api_timer_add(L);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, read_missing);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_createtable(L, 0, 3);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "__index");
    declare_push_assign(L, false);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &class_key);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &methods_key);
}

void api_channel_push_table(lua_State *L)
{
    lua_newtable(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &class_key);
    lua_setmetatable(L, -2);
}

void api_channel_push_class(lua_State *L, struct class *class)
{
    api_channel_push_table(L);
    lua_createtable(L, 0, 4);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, assign_member);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushliteral(L, "channel");
    lua_setfield(L, -2, "__name");
    class->instances = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    class->methods = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushvalue(L, -1);
    class->table = luaL_ref(L, LUA_REGISTRYINDEX);
}

static void push_params(lua_State *L, const struct channel *channel)
{
    const struct slice *names;
    unsigned count = pattern_params(channel->type->pattern, &names);
    lua_createtable(L, 0, (int)count);
    for (unsigned i = 0; i < count; i++) {
        lua_pushlstring(L, names[i].at, names[i].len);
        lua_pushlstring(L, channel->params[i].at, channel->params[i].len);
        lua_rawset(L, -3);
    }
}

void api_channel_push_instance(lua_State *L, const struct class *class,
                               const struct channel *channel)
{
    lua_createtable(L, 0, 3);
    lua_insert(L, -2);
    lua_setfield(L, -2, "state");
    lua_pushlstring(L, channel->name.at, channel->name.len);
    lua_setfield(L, -2, "name");
    push_params(L, channel);
    lua_setfield(L, -2, "params");
    lua_rawgeti(L, LUA_REGISTRYINDEX, class->instances);
    lua_setmetatable(L, -2);
}
