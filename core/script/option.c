#include "script/option.h"

#include <string.h>

#include <lauxlib.h>

#include "base/suggest.h"
#include "script/declare.h"

enum { HISTORY_SIZE_MAX = 100000, MESSAGE_SIZE_MAX = 16 << 20 };

/* ---- durations ---- */

static const struct {
    const char *unit;
    int64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

bool duration_parse(struct slice text, int64_t *ms)
{
    size_t at = 0;
    int64_t n = 0;
    for (; at < text.len && at < 9 && text.at[at] >= '0' && text.at[at] <= '9'; at++)
        n = n * 10 + (text.at[at] - '0');
    if (at == 0)
        return false;
    struct slice unit = slice_make(text.at + at, text.len - at);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (slice_is(unit, units[i].unit)) {
            *ms = n * units[i].ms;
            return true;
        }
    return false;
}

/* ---- rows: each reads the value on top, which stays there ---- */

struct rule *option_rule(const struct channel_type *type, const char *text, struct error *err)
{
    const struct slice *params;
    unsigned count = pattern_params(type->pattern, &params);
    return rule_compile(slice_of(text), params, count, err);
}

static struct rule *read_rule(lua_State *L, const char *name, const struct channel_type *type)
{
    struct error err;
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "option `%s` wants a rule in a string, such as \"user\" (got %s)", name,
                   luaL_typename(L, -1));
    struct rule *rule = option_rule(type, lua_tostring(L, -1), &err);
    if (rule == NULL)
        luaL_error(L, "option `%s`: %s in \"%s\"", name, err.text, lua_tostring(L, -1));
    return rule;
}

static void read_subscribe(lua_State *L, struct channel_type *type)
{
    type->subscribe = read_rule(L, "subscribe", type);
}

static void read_publish(lua_State *L, struct channel_type *type)
{
    type->publish = read_rule(L, "publish", type);
}

static void read_call(lua_State *L, struct channel_type *type)
{
    type->call = read_rule(L, "call", type);
}

static void read_presence(lua_State *L, struct channel_type *type)
{
    if (lua_istable(L, -1))
        luaL_error(L,
                   "option `presence`: members with a state of their own are not available in this "
                   "version: write presence = true");
    if (!lua_isboolean(L, -1))
        luaL_error(L, "option `presence` is true or false (got %s)", luaL_typename(L, -1));
    type->presence = lua_toboolean(L, -1);
}

static lua_Integer read_count(lua_State *L, const char *name, lua_Integer min, lua_Integer max)
{
    if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) < min || lua_tointeger(L, -1) > max)
        luaL_error(L, "option `%s` is a whole number from %I to %I (got %s)", name,
                   (LUAI_UACINT)min, (LUAI_UACINT)max, luaL_tolstring(L, -1, NULL));
    return lua_tointeger(L, -1);
}

static void read_max_size(lua_State *L, struct channel_type *type)
{
    type->max_size = (size_t)read_count(L, "max_size", 1, MESSAGE_SIZE_MAX);
}

static void read_history_ttl(lua_State *L, struct channel_type *type)
{
    struct slice text = {NULL, 0};
    if (lua_type(L, -1) == LUA_TSTRING)
        text.at = lua_tolstring(L, -1, &text.len);
    if (text.at == NULL || !duration_parse(text, &type->history_ttl_ms) ||
        type->history_ttl_ms == 0)
        luaL_error(L,
                   "option `history.ttl` is a duration such as \"30s\", \"5m\", \"24h\" or \"7d\" "
                   "(got %s)",
                   luaL_tolstring(L, -1, NULL));
}

static void check_history_keys(lua_State *L)
{
    static const char *const names[] = {"size", "ttl", NULL};
    lua_pushnil(L);
    for (; lua_next(L, -2); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "[number]";
        if (strcmp(name, "size") != 0 && strcmp(name, "ttl") != 0) {
            const char *near = suggest(slice_of(name), names);
            luaL_error(L, "option `history` has no `%s`: did you mean `%s`?", name,
                       near ? near : "size` or `ttl");
        }
    }
}

static void read_history(lua_State *L, struct channel_type *type)
{
    if (!lua_istable(L, -1)) {
        type->history_size = (unsigned)read_count(L, "history", 0, HISTORY_SIZE_MAX);
        return;
    }
    check_history_keys(L);
    lua_getfield(L, -1, "size");
    type->history_size = (unsigned)read_count(L, "history.size", 0, HISTORY_SIZE_MAX);
    lua_pop(L, 1);
    if (lua_getfield(L, -1, "ttl") != LUA_TNIL)
        read_history_ttl(L, type);
    lua_pop(L, 1);
}

static const struct {
    const char *name;
    void (*read)(lua_State *L, struct channel_type *type);
} rows[] = {
    {"subscribe", read_subscribe}, {"publish", read_publish},   {"call", read_call},
    {"presence", read_presence},   {"max_size", read_max_size}, {"history", read_history},
};

/* All that there are and will be, for "did you mean". */
static const char *const names[] = {
    "subscribe",     "publish",      "call",        "presence", "max_size", "history",
    "presence_read", "history_read", "schema",      "emits",    "rate",     "durable",
    "latest",        "delta",        "conflate",    "batch",    "slow",     "views",
    "filter",        "rollup",       "once",        "echo",     "recheck",  "timeout",
    "cpu",           "memory",       "dead_letter", "ordered",  "linger",   NULL,
};

static int refuse_option(lua_State *L, const char *name)
{
    for (const char *const *known = names; *known != NULL; known++)
        if (strcmp(*known, name) == 0)
            return luaL_error(L, "option `%s` is not available in this version", name);
    const char *near = suggest(slice_of(name), names);
    if (near != NULL)
        return luaL_error(L, "unknown option `%s`: did you mean `%s`?", name, near);
    return luaL_error(L, "unknown option `%s`", name);
}

static void read_option(lua_State *L, const char *name, struct channel_type *type)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0) {
            rows[i].read(L, type);
            return;
        }
    refuse_option(L, name);
}

void options_read(lua_State *L, int index, struct channel_type *type)
{
    lua_pushnil(L);
    for (; lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "the options of channel() have names, such as { history = 50 }");
        read_option(L, lua_tostring(L, -2), type);
    }
}
