#include "script/option_inside.h"

#include <lauxlib.h>

#include "base/memory.h"
#include "base/suggest.h"

/* False after it has said what is wrong. */
static bool read_text(lua_State *L, const struct channel_type *type, const char *member,
                      const char *such_as, struct slice *text)
{
    if (lua_type(L, -1) == LUA_TSTRING) {
        text->at = lua_tolstring(L, -1, &text->len);
        return true;
    }
    option_refuse(L, type, "option `rollup.%s` is %s (got %s)", member, such_as,
                  luaL_typename(L, -1));
    return false;
}

static void read_into(lua_State *L, struct channel_type *type)
{
    struct error err;
    struct slice text;
    const struct slice *params;
    if (!read_text(L, type, "into", "the name of a channel, such as \"dash:{host}\"", &text) ||
        type->pattern == NULL)
        return;
    unsigned count = pattern_params(type->pattern, &params);
    if (slice_is_equal(text, pattern_text(type->pattern)))
        option_refuse(L, type, "option `rollup.into` is the channel itself");
    else if (!rollup_set_into(type->rollup, text, params, count, &err))
        option_refuse(L, type, "option `rollup.into`: %s", err.text);
}

static void read_every(lua_State *L, struct channel_type *type)
{
    int64_t ms = option_read_duration(L, type, "rollup.every");
    if (ms > 0 && ms < ROLLUP_EVERY_MS_MIN)
        option_refuse(L, type, "option `rollup.every` is %d ms at least", ROLLUP_EVERY_MS_MIN);
    type->rollup->every_ms = ms;
}

static void read_path(lua_State *L, struct channel_type *type, const char *member,
                      struct path *path)
{
    struct error err;
    struct slice text;
    if (read_text(L, type, member, "the path of a message's member", &text) &&
        !path_parse(path, text, &err))
        option_refuse(L, type, "option `rollup.%s`: %s", member, err.text);
}

static void read_by(lua_State *L, struct channel_type *type)
{
    read_path(L, type, "by", &type->rollup->by);
}

static void read_of(lua_State *L, struct channel_type *type)
{
    read_path(L, type, "of", &type->rollup->of);
}

static void read_list(lua_State *L, struct channel_type *type, const char *member,
                      bool (*add)(struct rollup_rule *, struct slice, struct error *))
{
    struct error err;
    struct slice text;
    lua_Integer count = lua_istable(L, -1) ? (lua_Integer)lua_rawlen(L, -1) : 0;
    if (count == 0)
        option_refuse(L, type, "option `rollup.%s` is a list of names", member);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, i);
        bool is_well = read_text(L, type, member, "a list of names", &text);
        if (is_well && !add(type->rollup, text, &err)) {
            option_refuse(L, type, "option `rollup.%s`: %s", member, err.text);
            is_well = false;
        }
        lua_pop(L, 1);
        if (!is_well)
            return;
    }
}

static void read_stats(lua_State *L, struct channel_type *type)
{
    read_list(L, type, "stats", rollup_add_stat);
}

static void read_keep(lua_State *L, struct channel_type *type)
{
    read_list(L, type, "keep", rollup_add_keep);
}

static const struct {
    const char *name;
    void (*read)(lua_State *L, struct channel_type *type);
} members[] = {{"into", read_into}, {"every", read_every}, {"by", read_by},
               {"of", read_of},     {"stats", read_stats}, {"keep", read_keep}};

static void refuse_member(lua_State *L, const struct channel_type *type, struct slice name)
{
    static const char *const known[] = {"into", "every", "by", "of", "stats", "keep", NULL};
    const char *near = suggest(name, known);
    if (near != NULL)
        option_refuse(L, type, "option `rollup` has no `%.*s`: did you mean `%s`?",
                      SLICE_ARGS(name), near);
    else
        option_refuse(L, type,
                      "option `rollup` has no `%.*s`, but `into`, `every`, `by`, `of`, `stats` and "
                      "`keep`",
                      SLICE_ARGS(name));
}

/* Name at -2, value on top. */
static void read_member(lua_State *L, struct channel_type *type)
{
    struct slice name = SLICE("[number]");
    if (lua_type(L, -2) == LUA_TSTRING)
        name.at = lua_tolstring(L, -2, &name.len);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (slice_is(name, members[i].name)) {
            members[i].read(L, type);
            return;
        }
    refuse_member(L, type, name);
}

void option_read_rollup(lua_State *L, struct channel_type *type)
{
    struct error err;
    if (!lua_istable(L, -1)) {
        option_refuse(
            L, type,
            "option `rollup` is a table such as { into = \"dash:{host}\", every = \"1s\", "
            "by = \"name\", of = \"value\", stats = { \"count\", \"avg\" } } (got %s)",
            luaL_typename(L, -1));
        return;
    }
    struct rollup_rule *rollup = type->rollup = xcalloc(1, sizeof *rollup);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        read_member(L, type);
    lua_getfield(L, -1, "into");
    lua_getfield(L, -2, "every");
    lua_getfield(L, -3, "stats");
    if (lua_isnil(L, -3) || lua_isnil(L, -2) || lua_isnil(L, -1))
        option_refuse(L, type, "option `rollup` wants `into`, `every` and `stats`");
    else if (!rollup_check(rollup, &err))
        option_refuse(L, type, "option `rollup`: %s", err.text);
    lua_pop(L, 3);
}
