/* script/catalogue for specs: what a folder declares, as tables. */
#include "script/advice.h"

#include <lauxlib.h>

static void set_text(lua_State *L, const char *name, struct slice s)
{
    lua_pushlstring(L, s.at ? s.at : "", s.len);
    lua_setfield(L, -2, name);
}

static void set_integer(lua_State *L, const char *name, lua_Integer n)
{
    lua_pushinteger(L, n);
    lua_setfield(L, -2, name);
}

/* Who a rule lets in: "anyone", "user", "mod" (a user with that role) or "nobody". */
static const char *lets_in(const struct rule *rule)
{
    struct rule_facts facts = {.user = SLICE(""), .roles = SLICE("[]"), .claims = SLICE("{}")};
    if (rule_allows(rule, &facts, NULL))
        return "anyone";
    facts.user = SLICE("ann");
    if (rule_allows(rule, &facts, NULL))
        return "user";
    facts.roles = SLICE("[\"mod\"]");
    return rule_allows(rule, &facts, NULL) ? "mod" : "nobody";
}

static void push_hooks(lua_State *L, unsigned bits)
{
    static const char *const names[HOOK_TIMER] = {
        "open", "close", "subscribe", "unsubscribe", "publish", "published", "upgrade", "call"};
    lua_newtable(L);
    for (int i = 0; i < HOOK_TIMER; i++) { /* which follows from the others */
        lua_pushboolean(L, bits >> i & 1);
        lua_setfield(L, -2, names[i]);
    }
}

static void push_type(lua_State *L, const struct channel_type *type)
{
    lua_newtable(L);
    set_text(L, "pattern", pattern_text(type->pattern));
    set_text(L, "subscribe", slice_of(lets_in(type->subscribe)));
    set_text(L, "publish", slice_of(lets_in(type->publish)));
    set_text(L, "call", slice_of(lets_in(type->call)));
    set_text(L, "file", slice_of(type->file));
    set_integer(L, "line", type->line);
    set_integer(L, "max_size", (lua_Integer)type->max_size);
    set_integer(L, "history", type->history_size);
    set_integer(L, "ttl", type->history_ttl_ms);
    set_integer(L, "slow", type->slow);
    set_integer(L, "conflate", type->conflate_ms);
    set_integer(L, "batch", type->batch_size);
    set_integer(L, "batch_ms", type->batch_ms);
    lua_pushstring(L, type->key);
    lua_setfield(L, -2, "key");
    lua_pushboolean(L, type->presence);
    lua_setfield(L, -2, "presence");
    push_hooks(L, type->hooks);
    lua_setfield(L, -2, "hooks");
}

static void push_set(lua_State *L, const struct script_set *set)
{
    lua_newtable(L);
    for (unsigned i = 0; i < set->generation.type_count; i++) {
        push_type(L, set->generation.types[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    set_integer(L, "number", set->generation.number);
    set_integer(L, "server_hooks", set->generation.server_hooks);
    lua_newtable(L);
    for (unsigned i = 0; i < set->script_count; i++) {
        lua_pushstring(L, set->scripts[i].name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "scripts");
}

static void push_problems(lua_State *L, const struct problems *problems)
{
    lua_newtable(L);
    for (unsigned i = 0; i < problems->count; i++) {
        struct buf json = {0};
        lua_newtable(L);
        set_text(L, "file", slice_of(problems->all[i].file));
        set_text(L, "source", slice_of(problems->all[i].source));
        set_text(L, "reason", slice_of(problems->all[i].reason));
        set_integer(L, "line", problems->all[i].line);
        problem_put_json(&json, &problems->all[i]);
        set_text(L, "json", buf_slice(&json));
        buf_finish(&json);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* load(folder, is_dev, source_bytes, memory) -> set or nil, problems; set is a table with the
 * handle in [0]
 */
static int load(lua_State *L)
{
    struct problems problems = {0};
    struct catalogue_options options = {
        .folder = luaL_checkstring(L, 1),
        .is_dev = lua_toboolean(L, 2),
        .limits = SCRIPT_LIMITS_DEFAULT,
    };
    options.limits.source_bytes = (size_t)luaL_optinteger(L, 3, 256 << 10);
    options.limits.memory = (size_t)luaL_optinteger(L, 4, 16 << 20);
    struct script_set *set = catalogue_load(&options, 1, &problems);
    if (set == NULL) {
        lua_pushnil(L);
        push_problems(L, &problems);
        problems_finish(&problems);
        return 2;
    }
    push_set(L, set);
    struct script_set **handle = lua_newuserdatauv(L, sizeof *handle, 0);
    *handle = set;
    luaL_setmetatable(L, "room.set");
    lua_rawseti(L, -2, 0);
    return 1;
}

static struct script_set *get_set(lua_State *L, int at)
{
    if (lua_isnil(L, at))
        return NULL;
    lua_rawgeti(L, at, 0);
    return *(struct script_set **)luaL_checkudata(L, -1, "room.set");
}

static int changes(lua_State *L)
{
    struct buf out = {0};
    catalogue_changes(get_set(L, 1), get_set(L, 2), &out);
    lua_pushlstring(L, out.at, out.len);
    buf_finish(&out);
    return 1;
}

/* warnings(set): as problems are told. */
static int warnings(lua_State *L)
{
    struct problems found = {0};
    advise(get_set(L, 1), &found);
    push_problems(L, &found);
    problems_finish(&found);
    return 1;
}

static int is_same(lua_State *L)
{
    lua_pushboolean(L, catalogue_is_same(get_set(L, 1), get_set(L, 2)));
    return 1;
}

static int destroy(lua_State *L)
{
    script_set_destroy(*(struct script_set **)luaL_checkudata(L, 1, "room.set"));
    return 0;
}

int luaopen_room_catalogue(lua_State *L);
int luaopen_room_catalogue(lua_State *L)
{
    luaL_newmetatable(L, "room.set");
    lua_pushcfunction(L, destroy);
    lua_setfield(L, -2, "__gc");
    lua_createtable(L, 0, 4);
    lua_pushcfunction(L, load);
    lua_setfield(L, -2, "load");
    lua_pushcfunction(L, changes);
    lua_setfield(L, -2, "changes");
    lua_pushcfunction(L, warnings);
    lua_setfield(L, -2, "warnings");
    lua_pushcfunction(L, is_same);
    lua_setfield(L, -2, "is_same");
    return 1;
}
