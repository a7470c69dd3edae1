#include "script/state.h"

#include <stdio.h>

#include <lauxlib.h>

#include "base/memory.h"
#include "script/codec.h"

enum { PATH_MAX_LEN = 200, COMPLAINTS_MAX = 10 };

struct copy {
    lua_State *to, *from;
    const struct log *log;
    struct slice channel;
    int seen; /* in `to`: table of `from` (its address) -> its copy */
    unsigned complaints;
    size_t len; /* of path */
    char path[PATH_MAX_LEN + 1];
};

static void complain(struct copy *copy, const char *what)
{
    char name[256];
    if (copy->complaints++ >= COMPLAINTS_MAX)
        return;
    snprintf(name, sizeof name, "%.*s", SLICE_ARGS(copy->channel));
    log_event(copy->log, LOG_WARN, "state_dropped", "channel", name, "at", copy->path, "reason",
              what, NULL);
}

/* The key at -2 of `from` onto the path; returns the length to go back to. */
static size_t extend_path(struct copy *copy)
{
    size_t before = copy->len, room = sizeof copy->path - before;
    char *end = copy->path + before;
    int type = lua_type(copy->from, -2);
    if (type == LUA_TSTRING)
        snprintf(end, room, ".%s", lua_tostring(copy->from, -2));
    else if (lua_isinteger(copy->from, -2))
        snprintf(end, room, "[%lld]", (long long)lua_tointeger(copy->from, -2));
    else
        snprintf(end, room, "[%s]", lua_typename(copy->from, type));
    copy->len += strlen(end);
    return before;
}

static void go_back(struct copy *copy, size_t len)
{
    copy->len = len;
    copy->path[len] = '\0';
}

/* Pushes a copy of the scalar at `index`; false for what is none. */
static bool push_scalar(struct copy *copy, int index)
{
    size_t len;
    const char *text;
    switch (lua_type(copy->from, index)) {
    case LUA_TBOOLEAN:
        lua_pushboolean(copy->to, lua_toboolean(copy->from, index));
        return true;
    case LUA_TNUMBER:
        if (lua_isinteger(copy->from, index))
            lua_pushinteger(copy->to, lua_tointeger(copy->from, index));
        else
            lua_pushnumber(copy->to, lua_tonumber(copy->from, index));
        return true;
    case LUA_TSTRING:
        text = lua_tolstring(copy->from, index, &len);
        lua_pushlstring(copy->to, text, len);
        return true;
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(copy->from, index) != NULL)
            return false;
        codec_push_null(copy->to);
        return true;
    default:
        return false;
    }
}

static bool push_value(struct copy *copy, int index, unsigned depth);

static void copy_member(struct copy *copy, unsigned depth)
{
    int value = lua_gettop(copy->from), key = value - 1;
    if (!push_scalar(copy, key)) {
        complain(copy, "a key that is no string, number or boolean");
        return;
    }
    if (push_value(copy, value, depth))
        lua_rawset(copy->to, -3);
    else
        lua_pop(copy->to, 1);
}

static void copy_members(struct copy *copy, int index, unsigned depth)
{
    lua_pushnil(copy->from);
    for (; lua_next(copy->from, index); lua_pop(copy->from, 1)) {
        size_t before = extend_path(copy);
        copy_member(copy, depth + 1);
        go_back(copy, before);
    }
}

static bool push_table(struct copy *copy, int index, unsigned depth)
{
    const void *address = lua_topointer(copy->from, index);
    if (lua_rawgetp(copy->to, copy->seen, address) == LUA_TTABLE)
        return true;
    lua_pop(copy->to, 1);
    if (depth > STATE_DEPTH_MAX || !lua_checkstack(copy->from, 8)) {
        complain(copy, "nested too deep");
        return false;
    }
    bool is_array = codec_is_array(copy->from, index);
    if (!is_array && lua_getmetatable(copy->from, index)) {
        lua_pop(copy->from, 1);
        complain(copy, "a metatable; the table itself is kept");
    }
    luaL_checkstack(copy->to, 8, "state");
    lua_newtable(copy->to);
    if (is_array)
        codec_mark_array(copy->to, lua_gettop(copy->to));
    lua_pushvalue(copy->to, -1);
    lua_rawsetp(copy->to, copy->seen, address);
    copy_members(copy, index, depth);
    return true;
}

/* Pushes onto `to`; false with nothing pushed for what cannot go over. */
static bool push_value(struct copy *copy, int index, unsigned depth)
{
    if (push_scalar(copy, index))
        return true;
    if (lua_istable(copy->from, index))
        return push_table(copy, index, depth);
    complain(copy, lua_typename(copy->from, lua_type(copy->from, index)));
    return false;
}

void state_copy(lua_State *to, lua_State *from, int index, const struct log *log,
                struct slice channel)
{
    struct copy copy = {.to = to, .from = from, .log = log, .channel = channel, .path = "state"};
    copy.len = strlen(copy.path);
    index = lua_absindex(from, index);
    lua_newtable(to);
    copy.seen = lua_gettop(to);
    if (!push_value(&copy, index, 0))
        lua_newtable(to);
    lua_replace(to, copy.seen);
}
