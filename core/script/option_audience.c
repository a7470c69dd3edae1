#include "script/option_inside.h"

#include <ctype.h>

#include <lauxlib.h>

#include "base/memory.h"
#include "base/suggest.h"
#include "hub/history.h"
#include "script/option.h"

/* ---- latest ---- */

static void read_latest_key(lua_State *L, struct channel_type *type)
{
    struct error err;
    struct slice path = {NULL, 0};
    if (lua_type(L, -1) == LUA_TSTRING)
        path.at = lua_tolstring(L, -1, &path.len);
    if (path.at == NULL)
        option_refuse(L, type, "option `latest.key` is the path of a message's member (got %s)",
                      luaL_typename(L, -1));
    else if (!path_parse(&type->latest_key, path, &err))
        option_refuse(L, type, "option `latest`: %s", err.text);
}

void option_read_latest(lua_State *L, struct channel_type *type)
{
    type->latest_ttl_ms = HISTORY_TTL_DEFAULT_MS;
    if (lua_isboolean(L, -1)) {
        type->latest_ttl_ms = lua_toboolean(L, -1) ? HISTORY_TTL_DEFAULT_MS : 0;
    } else if (lua_type(L, -1) == LUA_TSTRING) {
        read_latest_key(L, type);
    } else if (lua_istable(L, -1)) {
        option_check_keys(L, type, "latest", (const char *const[]){"key", "ttl", NULL});
        if (lua_getfield(L, -1, "key") != LUA_TNIL)
            read_latest_key(L, type);
        lua_pop(L, 1);
        if (lua_getfield(L, -1, "ttl") != LUA_TNIL)
            type->latest_ttl_ms = option_read_duration(L, type, "latest.ttl");
        lua_pop(L, 1);
    } else {
        option_refuse(
            L, type,
            "option `latest` is true, the path of a key, or { key = \"name\", ttl = \"24h\" } "
            "(got %s)",
            luaL_typename(L, -1));
    }
}

/* ---- filter ---- */

static bool has_field(const struct channel_type *type, const struct filter_field *field)
{
    for (unsigned i = 0; i < type->field_count; i++)
        if (path_is_equal(&type->fields[i].path, &field->path))
            return true;
    return false;
}

static void read_field(lua_State *L, struct channel_type *type)
{
    struct error err;
    struct slice name = {NULL, 0};
    struct filter_field *field = &type->fields[type->field_count];
    if (lua_type(L, -1) == LUA_TSTRING)
        name.at = lua_tolstring(L, -1, &name.len);
    if (!filter_field_init(field, name, &err)) {
        option_refuse(L, type, "option `filter`: %s", err.text);
    } else if (has_field(type, field)) {
        option_refuse(L, type, "option `filter` has `%s` twice", field->name);
        filter_field_finish(field);
    } else {
        type->field_count++;
    }
}

void option_read_filter(lua_State *L, struct channel_type *type)
{
    lua_Integer count = lua_istable(L, -1) ? (lua_Integer)lua_rawlen(L, -1) : 0;
    if (count == 0 || count > FILTER_FIELDS_MAX) {
        option_refuse(L, type, "option `filter` is a list of 1 to %d fields, such as { \"name\" }",
                      FILTER_FIELDS_MAX);
        return;
    }
    type->fields = xcalloc((size_t)count, sizeof *type->fields);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, i);
        read_field(L, type);
        lua_pop(L, 1);
    }
}

/* ---- views ---- */

static void refuse_view_member(lua_State *L, const struct channel_type *type, struct slice name)
{
    static const char *const known[] = {"when", "where", "drop", "keep", NULL};
    const char *near = suggest(name, known);
    if (near != NULL)
        option_refuse(L, type, "option `views`: a view has no `%.*s`: did you mean `%s`?",
                      SLICE_ARGS(name), near);
    else
        option_refuse(
            L, type, "option `views`: a view has no `%.*s`, but `when`, `where`, `drop` and `keep`",
            SLICE_ARGS(name));
}

/* A path, or a list of them, on top. */
static void read_paths(lua_State *L, const struct channel_type *type, struct view *view,
                       const char *option, enum mask_side side)
{
    struct error err;
    lua_Integer count = lua_istable(L, -1) ? (lua_Integer)lua_rawlen(L, -1) : 0;
    if (count == 0)
        option_refuse(L, type,
                      "option `views`: `%s` of `%s` is a list of paths, such as { \"cost\" }",
                      option, view->name);
    if (view->mask == NULL)
        view->mask = mask_create();
    for (lua_Integer i = 1; i <= count; i++) {
        struct slice path = {NULL, 0};
        if (lua_rawgeti(L, -1, i) == LUA_TSTRING)
            path.at = lua_tolstring(L, -1, &path.len);
        bool is_added = mask_add(view->mask, side, path, &err);
        lua_pop(L, 1);
        if (!is_added) {
            option_refuse(L, type, "option `views`: `%s` of `%s`: %s", option, view->name,
                          err.text);
            return;
        }
    }
}

static void read_view_member(lua_State *L, struct channel_type *type, struct view *view,
                             struct slice name)
{
    if (slice_is(name, "when"))
        option_read_rule(L, "views.when", type, RULE_OF_CLIENT, &view->when);
    else if (slice_is(name, "where"))
        option_read_rule(L, "views.where", type, RULE_OF_MESSAGE, &view->where);
    else if (slice_is(name, "drop"))
        read_paths(L, type, view, "drop", MASK_DROP);
    else if (slice_is(name, "keep"))
        read_paths(L, type, view, "keep", MASK_KEEP);
    else
        refuse_view_member(L, type, name);
}

/* A word, so that it can be part of a function's name. */
static bool is_view_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!isalnum((unsigned char)name.at[i]) && name.at[i] != '_')
            return false;
    return name.len > 0 && name.len <= 64;
}

static bool has_view(const struct channel_type *type, struct slice name)
{
    for (unsigned i = 0; i < type->view_count; i++)
        if (slice_is(name, type->views[i].name))
            return true;
    return false;
}

/* Of the table on top, beside its name. */
static void read_view_members(lua_State *L, struct channel_type *type, struct view *view)
{
    lua_pushnil(L);
    for (; lua_next(L, -2); lua_pop(L, 1)) {
        struct slice name = SLICE("[number]");
        if (lua_type(L, -2) == LUA_TSTRING)
            name.at = lua_tolstring(L, -2, &name.len);
        else if (lua_isinteger(L, -2) && lua_tointeger(L, -2) == 1)
            continue;
        read_view_member(L, type, view, name);
    }
}

static void read_one_view(lua_State *L, struct channel_type *type)
{
    struct slice name = {NULL, 0};
    if (lua_istable(L, -1) && lua_rawgeti(L, -1, 1) == LUA_TSTRING)
        name.at = lua_tolstring(L, -1, &name.len);
    if (name.at == NULL || !is_view_name(name)) {
        option_refuse(
            L, type,
            "option `views`: a view is a table that begins with its name, a word, such as "
            "{ \"ops\", when = \"role.ops\" }");
        return;
    }
    if (has_view(type, name))
        option_refuse(L, type, "option `views`: two views are called `%.*s`", SLICE_ARGS(name));
    lua_pop(L, 1); /* the table keeps it */
    struct view *view = &type->views[type->view_count++];
    view->name = xslicedup(name);
    read_view_members(L, type, view);
    struct error err;
    if (view->when == NULL && type->pattern != NULL)
        view->when = option_rule(type, "anyone", RULE_OF_CLIENT, &err);
}

void option_read_views(lua_State *L, struct channel_type *type)
{
    int top = lua_gettop(L);
    lua_Integer count = lua_istable(L, -1) ? (lua_Integer)lua_rawlen(L, -1) : 0;
    if (count == 0 || count > VIEWS_MAX) {
        option_refuse(L, type,
                      "option `views` is a list of 1 to %d views, such as { { \"ops\", when = "
                      "\"role.ops\" } }",
                      VIEWS_MAX);
        return;
    }
    type->views = xcalloc((size_t)count, sizeof *type->views);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, i);
        read_one_view(L, type);
        lua_settop(L, top);
    }
}
