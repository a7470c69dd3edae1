/* room.hub: generations made of what specs list. */
#include "hub_world.h"
#include "rollup_table.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/once.h"
#include "wire/json.h"

const char *const types_hooks[] = {"open",    "close",     "subscribe", "unsubscribe",
                                   "publish", "published", "upgrade", "call", "timer", "view", NULL};
const char *const types_server_hooks[] = {"connect", "disconnect", "message", "call", NULL};

static struct rule *get_rule(lua_State *L, int at, const char *name, const struct pattern *pattern,
                             enum rule_scope scope)
{
    struct error err;
    struct slice text = table_slice(L, at, name);
    struct rule_source source = {.text = text.at ? text : SLICE("anyone"), .scope = scope};
    source.param_count = pattern_params(pattern, &source.params);
    struct rule *rule = rule_compile(&source, &err);
    if (rule == NULL)
        luaL_error(L, "%s", err.text);
    return rule;
}

static void get_rates(lua_State *L, int at, struct channel_type *type)
{
    struct error err;
    if (lua_getfield(L, at, "rates") == LUA_TTABLE) {
        type->rates = xcalloc(RATES_MAX, sizeof *type->rates);
        for (lua_Integer i = 1; lua_rawgeti(L, -1, i) == LUA_TSTRING; i++) {
            if (!rate_parse(slice_of(lua_tostring(L, -1)), &type->rates[type->rate_count++], &err))
                luaL_error(L, "%s", err.text);
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static struct schema *get_schema(lua_State *L, int at, const char *name)
{
    struct error err;
    struct slice text = table_slice(L, at, name);
    struct schema *schema = text.at != NULL ? schema_compile(text, NULL, &err) : NULL;
    if (text.at != NULL && schema == NULL)
        luaL_error(L, "%s", err.text);
    return schema;
}

/* calls = { [method] = schema } */
static void get_call_schemas(lua_State *L, int at, struct channel_type *type)
{
    if (lua_getfield(L, at, "calls") == LUA_TTABLE) {
        type->call_schemas = xcalloc(8, sizeof *type->call_schemas);
        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
            const char *method = lua_tostring(L, -2);
            type->call_schemas[type->call_schema_count++] =
                (struct call_schema){xstrdup(method), get_schema(L, lua_gettop(L) - 2, method)};
        }
    }
    lua_pop(L, 1);
}

static void get_drops(lua_State *L, int at, struct view *view)
{
    struct error err;
    if (lua_getfield(L, at, "drop") == LUA_TTABLE) {
        view->mask = mask_create();
        for (lua_Integer i = 1; lua_rawgeti(L, -1, i) == LUA_TSTRING; i++) {
            if (!mask_add(view->mask, MASK_DROP, slice_of(lua_tostring(L, -1)), &err))
                luaL_error(L, "%s", err.text);
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* views = { { name =, when =, where =, drop = { paths } } } */
static void get_views(lua_State *L, int at, struct channel_type *type)
{
    if (lua_getfield(L, at, "views") == LUA_TTABLE) {
        type->views = xcalloc(VIEWS_MAX, sizeof *type->views);
        for (lua_Integer i = 1; lua_rawgeti(L, -1, i) == LUA_TTABLE; i++) {
            struct view *view = &type->views[type->view_count++];
            view->name = xslicedup(table_slice(L, lua_gettop(L), "name"));
            view->when = get_rule(L, lua_gettop(L), "when", type->pattern, RULE_OF_CLIENT);
            if (table_slice(L, lua_gettop(L), "where").at != NULL)
                view->where = get_rule(L, lua_gettop(L), "where", type->pattern, RULE_OF_MESSAGE);
            view->has_hook = table_bool(L, lua_gettop(L), "hook");
            get_drops(L, lua_gettop(L), view);
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void get_fields(lua_State *L, int at, struct channel_type *type)
{
    struct error err;
    if (lua_getfield(L, at, "filter") == LUA_TTABLE) {
        type->fields = xcalloc(FILTER_FIELDS_MAX, sizeof *type->fields);
        for (lua_Integer i = 1; lua_rawgeti(L, -1, i) == LUA_TSTRING; i++) {
            if (!filter_field_init(&type->fields[type->field_count++],
                                   slice_of(lua_tostring(L, -1)), &err))
                luaL_error(L, "%s", err.text);
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void get_rollup(lua_State *L, int at, struct channel_type *type)
{
    struct error err;
    const struct slice *params;
    unsigned count = pattern_params(type->pattern, &params);
    if (lua_getfield(L, at, "rollup") == LUA_TTABLE &&
        (type->rollup = rollup_of_table(L, lua_gettop(L), params, count, &err)) == NULL)
        luaL_error(L, "%s", err.text);
    lua_pop(L, 1);
}

static struct channel_type *make_type(lua_State *L, int at)
{
    struct error err;
    struct channel_type *type = xcalloc(1, sizeof *type);
    type->pattern = pattern_compile(table_slice(L, at, "pattern"), &err);
    if (type->pattern == NULL)
        luaL_error(L, "%s", err.text);
    type->subscribe = get_rule(L, at, "subscribe", type->pattern, RULE_OF_CLIENT);
    type->publish = get_rule(L, at, "publish", type->pattern, RULE_OF_CLIENT);
    type->call = get_rule(L, at, "call", type->pattern, RULE_OF_CLIENT);
    if (table_slice(L, at, "presence_read").at != NULL)
        type->presence_read = get_rule(L, at, "presence_read", type->pattern, RULE_OF_CLIENT);
    type->schema = get_schema(L, at, "schema");
    type->emits = get_schema(L, at, "emits");
    get_call_schemas(L, at, type);
    type->presence = table_bool(L, at, "presence");
    type->max_size = (size_t)table_integer(L, at, "max_size", MAX_SIZE_DEFAULT);
    type->history_size = (unsigned)table_integer(L, at, "history", 0);
    type->history_ttl_ms = table_integer(L, at, "ttl", 0);
    struct slice key = table_slice(L, at, "key");
    type->slow = (enum frame_slow)table_integer(L, at, "slow", FRAME_NEEDED);
    type->has_no_echo = table_bool(L, at, "has_no_echo");
    type->key = key.at != NULL ? xslicedup(key) : NULL;
    type->conflate_ms = table_integer(L, at, "conflate", 0);
    type->batch_size = (unsigned)table_integer(L, at, "batch", 0);
    type->batch_ms = table_integer(L, at, "batch_ms", 0);
    struct slice once = table_slice(L, at, "once");
    type->once = once.at != NULL ? json_path(once, &type->once_parts) : NULL;
    type->once_ms = table_integer(L, at, "once_ms", ONCE_MS_DEFAULT);
    get_rates(L, at, type);
    get_views(L, at, type);
    get_fields(L, at, type);
    get_rollup(L, at, type);
    type->latest_ttl_ms = table_integer(L, at, "latest", 0);
    struct slice path = table_slice(L, at, "latest_key");
    if (path.at != NULL && !path_parse(&type->latest_key, path, &err))
        luaL_error(L, "%s", err.text);
    type->hooks = table_bits(L, at, "hooks", types_hooks);
    type->file = xstrdup("rules.lua");
    type->line = 7;
    return type;
}

/* The table at `at` lists types, most specific first, and server_hooks. */
struct generation *types_create(lua_State *L, struct world *world, int at)
{
    struct generation *generation = xcalloc(1, sizeof *generation);
    luaL_argcheck(L, world->generation_count < GENERATIONS_MAX, at, "too many generations");
    generation->type_count = (unsigned)lua_rawlen(L, at);
    generation->types = xcalloc(generation->type_count + 1, sizeof *generation->types);
    generation->server_hooks = table_bits(L, at, "server_hooks", types_server_hooks);
    for (unsigned i = 0; i < generation->type_count; i++) {
        lua_rawgeti(L, at, (int)i + 1);
        generation->types[i] = make_type(L, lua_gettop(L));
        generation->types[i]->index = i;
        lua_settop(L, at);
    }
    world->generations[world->generation_count++] = generation;
    generation->number = world->generation_count;
    return generation;
}

void types_destroy(struct generation *generation)
{
    for (unsigned i = 0; i < generation->type_count; i++) {
        struct channel_type *type = generation->types[i];
        for (unsigned f = 0; f < type->field_count; f++)
            filter_field_finish(&type->fields[f]);
        free(type->fields);
        path_finish(&type->latest_key);
        rollup_destroy(type->rollup);
        views_destroy(type->views, type->view_count);
        pattern_destroy(type->pattern);
        rule_destroy(type->subscribe);
        rule_destroy(type->publish);
        rule_destroy(type->call);
        rule_destroy(type->presence_read);
        schema_destroy(type->schema);
        schema_destroy(type->emits);
        for (unsigned m = 0; m < type->call_schema_count; m++) {
            free(type->call_schemas[m].method);
            schema_destroy(type->call_schemas[m].schema);
        }
        free(type->call_schemas);
        for (unsigned r = 0; r < type->rate_count; r++)
            rate_finish(&type->rates[r]);
        free(type->rates);
        free(type->key);
        free(type->once);
        free(type->file);
        free(type);
    }
    free(generation->types);
    free(generation);
}
