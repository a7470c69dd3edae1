#include "script/option.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "base/duration.h"
#include "base/memory.h"
#include "base/suggest.h"
#include "hub/once.h"
#include "script/codec.h"
#include "script/declare.h"
#include "script/option_inside.h"
#include "script/problem.h"
#include "wire/json.h"

enum { HISTORY_SIZE_MAX = 100000, MESSAGE_SIZE_MAX = 16 << 20, BATCH_SIZE_MAX = 10000 };
enum { WRONG_MAX = 8 }; /* unknown names of one table: enough to see what is wrong */

/* ---- rows: each reads the value on top, which stays there ---- */

/* All that is wrong with a file is told at once, so this does not raise. */
void option_refuse(lua_State *L, const struct channel_type *type, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct program *program = program_of(L);
    problem_add(program->problems, program->set, type->file, type->line, "%s", text);
}

struct rule *option_rule(const struct channel_type *type, const char *text, enum rule_scope scope,
                         struct error *err)
{
    struct rule_source source = {.text = slice_of(text), .scope = scope};
    source.param_count = pattern_params(type->pattern, &source.params);
    return rule_compile(&source, err);
}

void option_read_rule(lua_State *L, const char *name, const struct channel_type *type,
                      enum rule_scope scope, struct rule **rule)
{
    struct error err;
    if (lua_type(L, -1) != LUA_TSTRING)
        option_refuse(L, type, "option `%s` wants a rule in a string, such as \"user\" (got %s)",
                      name, luaL_typename(L, -1));
    else if (type->pattern != NULL && /* else nobody knows its parameters */
             (*rule = option_rule(type, lua_tostring(L, -1), scope, &err)) == NULL)
        option_refuse(L, type, "option `%s`: %s in \"%s\"", name, err.text, lua_tostring(L, -1));
}

static void read_rule(lua_State *L, const char *name, const struct channel_type *type,
                      struct rule **rule)
{
    option_read_rule(L, name, type, RULE_OF_CLIENT, rule);
}

static void read_subscribe(lua_State *L, struct channel_type *type)
{
    read_rule(L, "subscribe", type, &type->subscribe);
}

static void read_publish(lua_State *L, struct channel_type *type)
{
    read_rule(L, "publish", type, &type->publish);
}

static void read_call(lua_State *L, struct channel_type *type)
{
    read_rule(L, "call", type, &type->call);
}

static void read_presence(lua_State *L, struct channel_type *type)
{
    if (lua_istable(L, -1))
        option_refuse(
            L, type,
            "option `presence`: members with a state of their own are not available in this "
            "version: write presence = true");
    else if (!lua_isboolean(L, -1))
        option_refuse(L, type, "option `presence` is true or false (got %s)", luaL_typename(L, -1));
    type->presence = lua_toboolean(L, -1);
}

/* `min` after it has said what is wrong. */
static lua_Integer read_count(lua_State *L, const struct channel_type *type, const char *name,
                              lua_Integer min, lua_Integer max)
{
    if (lua_isinteger(L, -1) && lua_tointeger(L, -1) >= min && lua_tointeger(L, -1) <= max)
        return lua_tointeger(L, -1);
    option_refuse(L, type, "option `%s` is a whole number from %lld to %lld (got %s)", name,
                  (long long)min, (long long)max, luaL_tolstring(L, -1, NULL));
    lua_pop(L, 1);
    return min;
}

static void read_max_size(lua_State *L, struct channel_type *type)
{
    type->max_size = (size_t)read_count(L, type, "max_size", 1, MESSAGE_SIZE_MAX);
}

/* 0 after it has said what is wrong. */
int64_t option_read_duration(lua_State *L, const struct channel_type *type, const char *name)
{
    struct slice text = {NULL, 0};
    int64_t ms;
    if (lua_type(L, -1) == LUA_TSTRING)
        text.at = lua_tolstring(L, -1, &text.len);
    if (text.at != NULL && duration_parse(text, &ms) && ms > 0)
        return ms;
    option_refuse(L, type,
                  "option `%s` is a duration such as \"30s\", \"5m\", \"24h\" or \"7d\" (got %s)",
                  name, luaL_tolstring(L, -1, NULL));
    lua_pop(L, 1);
    return 0;
}

static void read_timeout(lua_State *L, struct channel_type *type)
{
    type->timeout_ms = option_read_duration(L, type, "timeout");
}

/* The table on top has members of these two names alone. */
void option_check_keys(lua_State *L, const struct channel_type *type, const char *option,
                       const char *const two[3])
{
    int top = lua_gettop(L);
    lua_pushnil(L);
    for (int wrong = 0; wrong < WRONG_MAX && lua_next(L, -2); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "[number]";
        if (strcmp(name, two[0]) == 0 || strcmp(name, two[1]) == 0)
            continue;
        const char *near = suggest(slice_of(name), two);
        if (near != NULL)
            option_refuse(L, type, "option `%s` has no `%s`: did you mean `%s`?", option, name,
                          near);
        else
            option_refuse(L, type, "option `%s` has no `%s`: did you mean `%s` or `%s`?", option,
                          name, two[0], two[1]);
        wrong++;
    }
    lua_settop(L, top);
}

static void read_history(lua_State *L, struct channel_type *type)
{
    if (!lua_istable(L, -1)) {
        type->history_size = (unsigned)read_count(L, type, "history", 0, HISTORY_SIZE_MAX);
        return;
    }
    option_check_keys(L, type, "history", (const char *const[]){"size", "ttl", NULL});
    lua_getfield(L, -1, "size");
    type->history_size = (unsigned)read_count(L, type, "history.size", 0, HISTORY_SIZE_MAX);
    lua_pop(L, 1);
    if (lua_getfield(L, -1, "ttl") != LUA_TNIL)
        type->history_ttl_ms = option_read_duration(L, type, "history.ttl");
    lua_pop(L, 1);
}

static void read_presence_read(lua_State *L, struct channel_type *type)
{
    read_rule(L, "presence_read", type, &type->presence_read);
}

/* ---- schemas ---- */

/* NULL after it has said what is wrong; `whose` is said before that. */
static struct schema *compile_schema(lua_State *L, const struct channel_type *type,
                                     const char *option, const char *whose, struct slice json)
{
    struct error err;
    struct schema *schema = schema_compile(json, NULL, &err);
    if (schema == NULL)
        option_refuse(L, type, "option `%s`: %s%s", option, whose, err.text);
    return schema;
}

static void refuse_file(lua_State *L, const struct channel_type *type, const char *option,
                        const char *name)
{
    const struct script_set *set = program_of(L)->set;
    const char **names = xcalloc(set->schema_count + 1, sizeof *names);
    for (unsigned i = 0; i < set->schema_count; i++)
        names[i] = set->schemas[i].name;
    const char *near = suggest(slice_of(name), names);
    free(names);
    if (strncmp(name, SCHEMA_FOLDER, strlen(SCHEMA_FOLDER)) != 0)
        option_refuse(
            L, type,
            "option `%s`: \"%s\" is no schema's file: they are in schemas/ of the scripts folder "
            "and end in .json, such as \"schemas/order.json\"",
            option, name);
    else if (near != NULL)
        option_refuse(L, type, "option `%s`: there is no %s in the scripts folder: did you mean %s?",
               option, name, near);
    else
        option_refuse(L, type, "option `%s`: there is no %s in the scripts folder", option, name);
}

/* Of a file in the set, so that it is the same bytes for all workers. */
static struct schema *read_schema_file(lua_State *L, const struct channel_type *type,
                                       const char *option)
{
    const char *name = lua_tostring(L, -1);
    const struct script *file = script_set_find_schema(program_of(L)->set, name);
    struct buf whose = {0};
    struct schema *schema = NULL;
    buf_printf(&whose, "%s: ", name);
    if (file != NULL)
        schema = compile_schema(L, type, option, buf_text(&whose),
                                slice_make(file->source, file->source_len));
    else
        refuse_file(L, type, option, name);
    buf_finish(&whose);
    return schema;
}

/* The value on top: a table, or a file's name. */
static struct schema *read_one_schema(lua_State *L, const struct channel_type *type,
                                      const char *option)
{
    struct buf json = {0};
    struct error err;
    struct schema *schema = NULL;
    if (lua_type(L, -1) == LUA_TSTRING)
        return read_schema_file(L, type, option);
    if (!lua_istable(L, -1))
        option_refuse(L, type,
               "option `%s` is shape{...}, a JSON Schema in a table, or a file such as "
               "\"schemas/order.json\" (got %s)",
               option, luaL_typename(L, -1));
    else if (!codec_encode(L, -1, option, &CODEC_LIMITS_DEFAULT, &json, &err))
        option_refuse(L, type, "option `%s`: %s", option, err.text);
    else
        schema = compile_schema(L, type, option, "", buf_slice(&json));
    buf_finish(&json);
    return schema;
}

static const char RPC[] = "rpc_";

/* One for each method: no word of JSON Schema is `publish`, or begins with rpc_. */
static bool is_by_method(lua_State *L)
{
    bool is = false;
    if (!lua_istable(L, -1))
        return false;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        is |= strcmp(name, "publish") == 0 || strncmp(name, RPC, strlen(RPC)) == 0;
    }
    return is;
}

static void add_call_schema(struct channel_type *type, const char *method, struct schema *schema)
{
    type->call_schemas =
        xrealloc(type->call_schemas, (type->call_schema_count + 1) * sizeof *type->call_schemas);
    type->call_schemas[type->call_schema_count++] = (struct call_schema){xstrdup(method), schema};
}

/* Name at -2, value on top. */
static void read_method_schema(lua_State *L, struct channel_type *type)
{
    char option[128];
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "[number]";
    bool is_publish = strcmp(name, "publish") == 0, is_call = strncmp(name, RPC, strlen(RPC)) == 0;
    if (!is_publish && !is_call) {
        option_refuse(L, type,
               "option `schema`: `%s` is neither `publish` nor the name of a call such as `rpc_%s`",
               name, name);
        return;
    }
    snprintf(option, sizeof option, "schema.%s", name);
    struct schema *schema = read_one_schema(L, type, option);
    if (is_publish)
        type->schema = schema;
    else if (schema != NULL)
        add_call_schema(type, name + strlen(RPC), schema);
}

static void read_schema(lua_State *L, struct channel_type *type)
{
    if (!is_by_method(L)) {
        type->schema = read_one_schema(L, type, "schema");
        return;
    }
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        read_method_schema(L, type);
}

static void read_emits(lua_State *L, struct channel_type *type)
{
    type->emits = read_one_schema(L, type, "emits");
}

/* ---- once ---- */

static void read_once_key(lua_State *L, struct channel_type *type)
{
    struct slice path = {NULL, 0};
    if (lua_type(L, -1) == LUA_TSTRING)
        path.at = lua_tolstring(L, -1, &path.len);
    type->once = path.at != NULL && memchr(path.at, '\0', path.len) == NULL
                     ? json_path(path, &type->once_parts)
                     : NULL;
    if (type->once != NULL)
        return;
    option_refuse(L, type,
           "option `once` is the path of a member that is the same whenever a command is repeated, "
           "such as \"id\" or \"order.id\" (got %s)",
           luaL_tolstring(L, -1, NULL));
    lua_pop(L, 1);
}

static void read_once(lua_State *L, struct channel_type *type)
{
    type->once_ms = ONCE_MS_DEFAULT;
    if (!lua_istable(L, -1)) {
        read_once_key(L, type);
        return;
    }
    option_check_keys(L, type, "once", (const char *const[]){"key", "ttl", NULL});
    lua_getfield(L, -1, "key");
    read_once_key(L, type);
    lua_pop(L, 1);
    if (lua_getfield(L, -1, "ttl") != LUA_TNIL)
        type->once_ms = option_read_duration(L, type, "once.ttl");
    lua_pop(L, 1);
    if (type->once_ms > ONCE_MS_MAX)
        option_refuse(L, type, "option `once.ttl` is 24h at most: what was done is kept in memory");
}

/* ---- rates ---- */

static void read_one_rate(lua_State *L, struct channel_type *type)
{
    struct error err;
    if (lua_type(L, -1) != LUA_TSTRING)
        option_refuse(
            L, type,
            "option `rate` is a text such as \"5/10s per user\", or a list of them (got %s)",
            luaL_typename(L, -1));
    else if (type->rate_count == RATES_MAX)
        option_refuse(L, type, "option `rate` has at most %d rates", RATES_MAX);
    else if (rate_parse(slice_of(lua_tostring(L, -1)), &type->rates[type->rate_count], &err))
        type->rate_count++;
    else
        option_refuse(L, type, "option `rate`: %s in \"%s\"", err.text, lua_tostring(L, -1));
}

static void read_rate(lua_State *L, struct channel_type *type)
{
    if (type->rates == NULL)
        type->rates = xcalloc(RATES_MAX, sizeof *type->rates);
    if (!lua_istable(L, -1)) {
        read_one_rate(L, type);
        return;
    }
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1), members = 0;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        members++;
    if (count == 0 || members > count)
        option_refuse(L, type,
               "option `rate` is a text such as \"5/10s per user\", or a list of them (got %s)",
               members > 0 ? "a table with names" : "an empty table");
    for (lua_Integer i = 1; i <= count && i <= RATES_MAX + 1; i++) {
        lua_rawgeti(L, -1, i);
        read_one_rate(L, type);
        lua_pop(L, 1);
    }
}

/* ---- delivery ---- */

static void read_echo(lua_State *L, struct channel_type *type)
{
    if (!lua_isboolean(L, -1))
        option_refuse(L, type, "option `echo` is true or false (got %s)", luaL_typename(L, -1));
    type->has_no_echo = !lua_toboolean(L, -1);
}

static void read_slow(lua_State *L, struct channel_type *type)
{
    static const char *const policies[] = {[FRAME_NEEDED] = "disconnect",
                                           [FRAME_DROPPED] = "drop_oldest",
                                           [FRAME_CONFLATED] = "conflate",
                                           NULL};
    const char *given = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    for (int i = 0; given != NULL && policies[i] != NULL; i++)
        if (strcmp(given, policies[i]) == 0) {
            type->slow = (enum frame_slow)i;
            return;
        }
    option_refuse(L, type,
                  "option `slow` is \"disconnect\", \"drop_oldest\" or \"conflate\" (got %s)",
                  luaL_tolstring(L, -1, NULL));
    lua_pop(L, 1);
}

static void read_key(lua_State *L, struct channel_type *type)
{
    if (lua_type(L, -1) != LUA_TSTRING)
        option_refuse(L, type, "option `conflate.key` is the name of a message's member (got %s)",
                      luaL_typename(L, -1));
    else
        type->key = xstrdup(lua_tostring(L, -1));
}

static void read_conflate(lua_State *L, struct channel_type *type)
{
    if (!lua_istable(L, -1)) {
        type->conflate_ms = option_read_duration(L, type, "conflate");
        return;
    }
    option_check_keys(L, type, "conflate", (const char *const[]){"every", "key", NULL});
    if (lua_getfield(L, -1, "every") != LUA_TNIL)
        type->conflate_ms = option_read_duration(L, type, "conflate.every");
    lua_pop(L, 1);
    if (lua_getfield(L, -1, "key") != LUA_TNIL)
        read_key(L, type);
    lua_pop(L, 1);
}

static void read_batch(lua_State *L, struct channel_type *type)
{
    if (!lua_istable(L, -1)) {
        option_refuse(L, type,
                      "option `batch` is a table such as { size = 50, delay = \"20ms\" } (got %s)",
                      luaL_typename(L, -1));
        return;
    }
    option_check_keys(L, type, "batch", (const char *const[]){"size", "delay", NULL});
    lua_getfield(L, -1, "size");
    type->batch_size = (unsigned)read_count(L, type, "batch.size", 2, BATCH_SIZE_MAX);
    lua_pop(L, 1);
    lua_getfield(L, -1, "delay");
    type->batch_ms = option_read_duration(L, type, "batch.delay");
    lua_pop(L, 1);
}

/* What fits no single option. */
static void check_delivery(lua_State *L, const struct channel_type *type)
{
    if (type->conflate_ms > 0 && type->batch_size > 0)
        option_refuse(
            L, type,
            "options `conflate` and `batch` exclude each other: what `conflate` holds goes out "
            "together");
    if (type->key != NULL && type->conflate_ms == 0 && type->slow != FRAME_CONFLATED)
        option_refuse(
            L, type,
            "option `conflate.key` does nothing without `conflate.every` or `slow = \"conflate\"`");
}

static const struct {
    const char *name;
    void (*read)(lua_State *L, struct channel_type *type);
} rows[] = {
    {"subscribe", read_subscribe},
    {"publish", read_publish},
    {"call", read_call},
    {"presence", read_presence},
    {"presence_read", read_presence_read},
    {"max_size", read_max_size},
    {"history", read_history},
    {"schema", read_schema},
    {"emits", read_emits},
    {"rate", read_rate},
    {"once", read_once},
    {"slow", read_slow},
    {"conflate", read_conflate},
    {"batch", read_batch},
    {"timeout", read_timeout},
    {"echo", read_echo},
    {"views", option_read_views},
    {"latest", option_read_latest},
    {"filter", option_read_filter},
    {"rollup", option_read_rollup},
};

/* All that there are and will be, for "did you mean". */
static const char *const names[] = {
    "subscribe",     "publish",      "call",        "presence", "max_size", "history",
    "presence_read", "history_read", "schema",      "emits",    "rate",     "durable",
    "latest",        "delta",        "conflate",    "batch",    "slow",     "views",
    "filter",        "rollup",       "once",        "echo",     "recheck",  "timeout",
    "cpu",           "memory",       "dead_letter", "ordered",  "linger",   NULL,
};

static void refuse_option(lua_State *L, struct slice name, const struct channel_type *type)
{
    for (const char *const *known = names; *known != NULL; known++)
        if (slice_is(name, *known)) {
            option_refuse(L, type, "option `%s` is not available in this version", *known);
            return;
        }
    const char *near = suggest(name, names);
    if (near != NULL)
        option_refuse(L, type, "unknown option `%.*s`: did you mean `%s`?", SLICE_ARGS(name), near);
    else
        option_refuse(L, type, "unknown option `%.*s`", SLICE_ARGS(name));
}

/* The name is all of the key: so each option is read once. */
static bool read_option(lua_State *L, struct slice name, struct channel_type *type)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (slice_is(name, rows[i].name)) {
            rows[i].read(L, type);
            return true;
        }
    refuse_option(L, name, type);
    return false;
}

void options_read(lua_State *L, int index, struct channel_type *type)
{
    lua_pushnil(L);
    for (int wrong = 0; wrong < WRONG_MAX && lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING) {
            struct slice name;
            name.at = lua_tolstring(L, -2, &name.len);
            wrong += !read_option(L, name, type);
        } else {
            option_refuse(L, type, "the options of channel() have names, such as { history = 50 }");
            wrong++;
        }
    }
    lua_settop(L, index);
    check_delivery(L, type);
}
