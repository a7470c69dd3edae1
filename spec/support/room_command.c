/* dialect/command for specs. */
#include "dialect/command.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "base/memory.h"

static void set_slice(lua_State *L, const char *name, struct slice s)
{
    if (s.at == NULL)
        return;
    lua_pushlstring(L, s.at, s.len);
    lua_setfield(L, -2, name);
}

static void set_bool(lua_State *L, const char *name, bool is)
{
    if (!is)
        return;
    lua_pushboolean(L, true);
    lua_setfield(L, -2, name);
}

/* parse(line) -> a table of what was sent, or nil and why not. The line is copied to the exact byte. */
static int parse(lua_State *L)
{
    static const char *const kinds[] = {"connect",  "subscribe",      "unsubscribe", "publish",
                                        "presence", "presence_stats", "history",     "rpc",
                                        "send",     "refresh",        "sub_refresh", "none"};
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    char *exact = xmalloc(len ? len : 1);
    memcpy(exact, text, len);
    struct buf scratch = {0};
    struct command command;
    struct error err;
    bool is_command = command_parse(slice_make(exact, len), &scratch, &command, &err);
    if (is_command) {
        lua_newtable(L);
        set_slice(L, "kind", slice_of(kinds[command.kind]));
        lua_pushinteger(L, command.id);
        lua_setfield(L, -2, "id");
        set_slice(L, "channel", command.channel);
        set_slice(L, "token", command.token);
        set_slice(L, "method", command.method);
        set_slice(L, "data", command.data);
        set_bool(L, "has_delta", command.has_delta);
        set_bool(L, "is_delta_known", command.is_delta_known);
        set_slice(L, "tags_filter", command.tags_filter);
        set_slice(L, "filter", command.filter);
        lua_pushinteger(L, command.type);
        lua_setfield(L, -2, "type");
    }
    buf_finish(&scratch);
    free(exact);
    if (is_command)
        return 1;
    lua_pushnil(L);
    lua_pushstring(L, err.text);
    return 2;
}

static const luaL_Reg functions[] = {{"parse", parse}, {NULL, NULL}};

int luaopen_room_command(lua_State *L);
int luaopen_room_command(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
