#include "script/declare.h"

#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>

#include "base/memory.h"
#include "base/suggest.h"
#include "script/api.h"
#include "script/option.h"
#include "script/problem.h"
#include "script/sandbox.h"

enum { CLASSES_MAX = 256 };

/* The last of each is NULL for suggest: a call is no method of that name, but any rpc_NAME; a timer's is any. */
static const char *const hook_names[HOOK_COUNT] = {
    "on_open", "on_close", "on_subscribe", "on_unsubscribe", "on_publish", "on_published", "on_upgrade", NULL,
};
static const char *const server_hook_names[SERVER_HOOK_COUNT] = {"on_connect", "on_disconnect",
                                                                 "on_message", NULL};

const char *hook_name(enum hook hook)
{
    static const char *const of_many[HOOK_COUNT] = {
        [HOOK_CALL] = "rpc", [HOOK_TIMER] = "timer", [HOOK_VIEW] = "view"};
    return of_many[hook] != NULL ? of_many[hook] : hook_names[hook];
}

const char *server_hook_name(enum server_hook hook)
{
    return hook == SERVER_CALL ? "rpc" : server_hook_names[hook];
}

/* ---- channel(pattern, options) ---- */

/* Kept by the program from the start, because everything that follows may raise. */
static struct channel_type *draft_type(struct program *program)
{
    channel_type_destroy(program->draft);
    program->draft = xcalloc(1, sizeof *program->draft);
    program->draft->index = program->class_count;
    program->draft->max_size = MAX_SIZE_DEFAULT;
    return program->draft;
}

static void add_class(struct program *program, const struct class *class)
{
    program->classes =
        xrealloc(program->classes, (program->class_count + 1) * sizeof *program->classes);
    program->classes[program->class_count++] = *class;
    program->draft = NULL;
}

struct place {
    const char *file; /* its function keeps it */
    int line;
};

/* The line of Lua that runs, past C functions such as pcall. */
static struct place find_place(lua_State *L)
{
    lua_Debug at;
    for (int level = 1; lua_getstack(L, level, &at); level++) {
        lua_getinfo(L, "Sl", &at);
        if (at.source[0] == '@' && at.currentline > 0)
            return (struct place){at.source + 1, at.currentline};
    }
    return (struct place){program_of(L)->script->name, 0};
}

static void check_twice(struct program *program, const struct channel_type *type)
{
    struct slice text = pattern_text(type->pattern);
    for (unsigned i = 0; i < program->class_count; i++) {
        const struct channel_type *other = program->classes[i].type;
        if (other->pattern == NULL || !slice_is_equal(pattern_text(other->pattern), text))
            continue;
        problem_add(program->problems, program->set, type->file, type->line,
                    "channel \"%.*s\" is declared twice, in %s:%d already", SLICE_ARGS(text),
                    other->file, other->line);
        return;
    }
}

/* What is wrong becomes a problem, and the file goes on: there may be more. */
static void read_pattern(struct program *program, struct slice text, struct channel_type *type)
{
    struct error err;
    type->pattern = pattern_compile(text, &err);
    if (type->pattern != NULL)
        check_twice(program, type);
    else
        problem_add(program->problems, program->set, type->file, type->line, "pattern \"%.*s\": %s",
                    SLICE_ARGS(text), err.text);
}

/* What is of the wrong kind is told, and the rest is read. */
static void read_arguments(lua_State *L, struct program *program, struct channel_type *type)
{
    struct slice text = {NULL, 0};
    if (lua_type(L, 1) == LUA_TSTRING) {
        text.at = lua_tolstring(L, 1, &text.len);
        read_pattern(program, text, type);
    } else {
        problem_add(program->problems, program->set, type->file, type->line,
                    "channel() wants a pattern, such as \"chat:{room}\" (got %s)",
                    luaL_typename(L, 1));
    }
    if (lua_istable(L, 2))
        options_read(L, 2, type);
    else if (!lua_isnoneornil(L, 2))
        problem_add(program->problems, program->set, type->file, type->line,
                    "channel() wants its options in a table, such as { history = 50 } (got %s)",
                    luaL_typename(L, 2));
}

/* Told once; what such a channel would be is still looked at, but its functions are not. */
static void refuse_class(struct program *program, const struct channel_type *type)
{
    if (!program->is_over_full)
        problem_add(program->problems, program->set, type->file, type->line,
                    "more than %d channels in one file: put the others in another, or let one "
                    "pattern such as \"room:{id}\" stand for many",
                    CLASSES_MAX);
    program->is_over_full = true;
}

static int declare_channel(lua_State *L)
{
    struct program *program = program_of(L);
    if (program->problems == NULL)
        luaL_error(L, "channel() works while the file loads, not in a hook");
    struct place place = find_place(L);
    struct class class = {.type = draft_type(program)};
    class.type->file = xstrdup(place.file);
    class.type->line = place.line;
    read_arguments(L, program, class.type);
    if (program->class_count < CLASSES_MAX) {
        api_channel_push_class(L, &class);
        add_class(program, &class);
    } else {
        api_channel_push_table(L);
        refuse_class(program, class.type);
    }
    return 1;
}

/* ---- what the file defined ---- */

struct method {
    const char *name;
    const char *file;
    int line;
    bool is_function;
};

/* The member with its key at -2 and value at -1; where it is defined, else where its
 * table is. */
static struct method look_at(lua_State *L, const char *file, int line)
{
    struct method method = {lua_tostring(L, -2), file, line, lua_isfunction(L, -1)};
    lua_Debug at;
    if (!method.is_function)
        return method;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">S", &at);
    if (at.source[0] == '@') {
        method.file = at.source + 1; /* the function keeps it */
        method.line = at.linedefined;
    }
    return method;
}

static struct hook_function keep_function(lua_State *L)
{
    lua_Debug at;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">u", &at);
    lua_pushvalue(L, -1);
    return (struct hook_function){
        .ref = luaL_ref(L, LUA_REGISTRYINDEX),
        .args = at.isvararg ? 255 : at.nparams,
    };
}

static void refuse(struct program *program, const struct method *method, const char *what,
                   const char *const *names)
{
    const char *near = suggest(slice_of(method->name), names);
    if (near != NULL)
        problem_add(program->problems, program->set, method->file, method->line,
                    "%s has no hook `%s`: did you mean `%s`?", what, method->name, near);
    else
        problem_add(program->problems, program->set, method->file, method->line,
                    "%s has no hook `%s`", what, method->name);
}

static bool is_function(struct program *program, const struct method *method)
{
    if (!method->is_function)
        problem_add(program->problems, program->set, method->file, method->line,
                    "`%s` is a hook's name and has to be a function", method->name);
    return method->is_function;
}

/* ---- dot and colon ---- */

/* The name of a parameter of the function on top; NULL: it has none there. */
static const char *param_name(lua_State *L, int n)
{
    lua_Debug at;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">u", &at);
    return n <= at.nparams ? lua_getlocal(L, NULL, n) : NULL;
}

/* "(msg, from)", of the parameters from the `first` on. */
static void put_params(lua_State *L, int first, char *text, size_t room)
{
    const char *name;
    size_t len = (size_t)snprintf(text, room, "(");
    for (int n = first; len < room && (name = param_name(L, n)) != NULL; n++)
        len += (size_t)snprintf(text + len, room - len, n > first ? ", %s" : "%s", name);
    if (len < room)
        snprintf(text + len, room - len, ")");
}

/* The function on top, which is called with the channel first. */
static bool is_with_colon(lua_State *L, struct program *program, const struct method *method)
{
    char params[128];
    const char *first = param_name(L, 1);
    if (first == NULL || strcmp(first, "self") == 0)
        return true;
    put_params(L, 1, params, sizeof params);
    problem_add(program->problems, program->set, method->file, method->line,
                "%s is defined with a dot; write function c:%s%s", method->name, method->name,
                params);
    return false;
}

/* The function on top, of the server, which has no `self`. */
static bool is_with_dot(lua_State *L, struct program *program, const struct method *method)
{
    char params[128];
    const char *first = param_name(L, 1);
    if (first == NULL || strcmp(first, "self") != 0)
        return true;
    put_params(L, 2, params, sizeof params);
    problem_add(program->problems, program->set, method->file, method->line,
                "%s is defined with a colon; write function server.%s%s", method->name,
                method->name, params);
    return false;
}

static bool is_channel_function(lua_State *L, struct program *program, const struct method *method)
{
    return is_function(program, method) && is_with_colon(L, program, method);
}

static bool is_server_function(lua_State *L, struct program *program, const struct method *method)
{
    return is_function(program, method) && is_with_dot(L, program, method);
}

/* ---- collecting ---- */

static int find_name(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (names[i] != NULL && strcmp(names[i], name) == 0)
            return i;
    return -1;
}

/* name -> function on top, into the table of that reference. */
static void keep_method(lua_State *L, int ref, const char *name)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

static bool is_prefixed(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

static const char VIEW[] = "view_";

static int find_view(const struct channel_type *type, const char *name)
{
    for (unsigned i = 0; i < type->view_count; i++)
        if (strcmp(type->views[i].name, name) == 0)
            return (int)i;
    return -1;
}

static void refuse_view(struct program *program, const struct method *method,
                        const struct channel_type *type)
{
    const char *names[VIEWS_MAX + 1] = {NULL};
    for (unsigned i = 0; i < type->view_count; i++)
        names[i] = type->views[i].name;
    const char *near = suggest(slice_of(method->name + strlen(VIEW)), names);
    if (near != NULL)
        problem_add(program->problems, program->set, method->file, method->line,
                    "`%s` is for no view of this channel: did you mean `view_%s`?", method->name,
                    near);
    else
        problem_add(program->problems, program->set, method->file, method->line,
                    "`%s` is for no view of this channel: option `views` has none of that name",
                    method->name);
}

static void collect_view(lua_State *L, struct program *program, struct class *class,
                         const struct method *method)
{
    int view = find_view(class->type, method->name + strlen(VIEW));
    if (view < 0) {
        refuse_view(program, method, class->type);
    } else if (is_channel_function(L, program, method)) {
        class->views[view] = keep_function(L);
        class->type->views[view].has_hook = true;
        class->type->hooks |= 1u << HOOK_VIEW;
    }
}

static void collect_method(lua_State *L, struct program *program, struct class *class)
{
    struct method method = look_at(L, class->type->file, class->type->line);
    int hook = find_name(hook_names, HOOK_COUNT, method.name);
    if (is_prefixed(method.name, VIEW)) {
        collect_view(L, program, class, &method);
    } else if (hook >= 0 && is_channel_function(L, program, &method)) {
        class->hooks[hook] = keep_function(L);
        class->type->hooks |= 1u << hook;
    } else if (hook < 0 && is_prefixed(method.name, "on_")) {
        refuse(program, &method, "a channel", hook_names);
    } else if (is_prefixed(method.name, "rpc_") && is_channel_function(L, program, &method)) {
        keep_method(L, class->methods, method.name + 4);
        class->type->hooks |= 1u << HOOK_CALL;
    } else if (api_channel_is_reserved(method.name)) {
        problem_add(program->problems, program->set, method.file, method.line,
                    "`%s` is what every channel has: choose another name", method.name);
    }
}

/* The names of the table's members on top, for suggest(); they are the table's. */
static void list_names(lua_State *L, const char **names, int max)
{
    int count = 0;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pop(L, 1);
        if (count < max)
            names[count++] = lua_tostring(L, -1);
    }
    names[count] = NULL;
}

/* A schema for what nobody can call is a slip of the pen. */
static void check_call_schemas(lua_State *L, struct program *program, const struct class *class)
{
    const char *names[65];
    const struct channel_type *type = class->type;
    lua_rawgeti(L, LUA_REGISTRYINDEX, class->methods);
    list_names(L, names, 64);
    for (unsigned i = 0; i < type->call_schema_count; i++) {
        const char *method = type->call_schemas[i].method;
        bool is_there = lua_getfield(L, -1, method) != LUA_TNIL;
        const char *near = is_there ? NULL : suggest(slice_of(method), names);
        lua_pop(L, 1);
        if (near != NULL)
            problem_add(program->problems, program->set, type->file, type->line,
                        "option `schema`: the channel has no `rpc_%s`: did you mean `rpc_%s`?",
                        method, near);
        else if (!is_there)
            problem_add(program->problems, program->set, type->file, type->line,
                        "option `schema`: the channel has no `rpc_%s`", method);
    }
    lua_pop(L, 1);
}

static void collect_class(lua_State *L, struct program *program, struct class *class)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, class->table);
    lua_pushnil(L);
    for (; lua_next(L, -2); lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING)
            collect_method(L, program, class);
    lua_pop(L, 1);
    if (class->type->hooks != 0) /* a timer can only be set by one */
        class->type->hooks |= 1u << HOOK_TIMER;
    check_call_schemas(L, program, class);
}

static void add_rpc(struct program *program, const struct method *method)
{
    program->rpcs = xrealloc(program->rpcs, (program->rpc_count + 1) * sizeof *program->rpcs);
    program->rpcs[program->rpc_count++] =
        (struct server_rpc){xstrdup(method->name + 4), xstrdup(method->file), method->line};
}

static void collect_server_member(lua_State *L, struct program *program)
{
    struct method method = look_at(L, program->script->name, 0);
    int hook = find_name(server_hook_names, SERVER_HOOK_COUNT, method.name);
    if (hook >= 0) {
        if (!is_server_function(L, program, &method))
            return;
        program->server[hook] = keep_function(L);
        program->server_lines[hook] = method.line;
    } else if (is_prefixed(method.name, "rpc_")) {
        if (!is_server_function(L, program, &method))
            return;
        keep_method(L, program->server_methods, method.name + 4);
        add_rpc(program, &method);
    } else {
        refuse(program, &method, "server", server_hook_names);
    }
}

static void collect_server(lua_State *L, struct program *program)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, program->server_table);
    lua_pushnil(L);
    for (; lua_next(L, -2); lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING)
            collect_server_member(L, program);
    lua_pop(L, 1);
}

void declare_collect(lua_State *L, struct program *program)
{
    luaL_checkstack(L, 20, NULL);
    for (unsigned i = 0; i < program->class_count; i++)
        collect_class(L, program, &program->classes[i]);
    collect_server(L, program);
}

/* ---- what is assigned ---- */

/* What is no function has no line of its own: it is told where it is assigned. */
static bool is_told(struct program *program, const struct method *method, bool is_server)
{
    const char *const *names = is_server ? server_hook_names : hook_names;
    int count = is_server ? SERVER_HOOK_COUNT : HOOK_COUNT;
    bool is_hook = find_name(names, count, method->name) >= 0 || is_prefixed(method->name, "rpc_");
    if (is_hook || (!is_server && is_prefixed(method->name, VIEW)))
        is_function(program, method);
    else if (is_server || is_prefixed(method->name, "on_"))
        refuse(program, method, is_server ? "server" : "a channel", names);
    else
        return false;
    return true;
}

/* table, name, value; upvalue 1: whether the table is `server`. */
static int assign(lua_State *L)
{
    struct program *program = program_of(L);
    bool is_value = !lua_isfunction(L, 3) && !lua_isnil(L, 3);
    if (program->problems != NULL && is_value && lua_type(L, 2) == LUA_TSTRING) {
        struct place place = find_place(L);
        struct method method = {lua_tostring(L, 2), place.file, place.line, false};
        if (is_told(program, &method, lua_toboolean(L, lua_upvalueindex(1))))
            return 0;
    }
    lua_settop(L, 3);
    lua_rawset(L, 1);
    return 0;
}

void declare_push_assign(lua_State *L, bool is_server)
{
    lua_pushboolean(L, is_server);
    lua_pushcclosure(L, assign, 1);
}

static void guard_server(lua_State *L)
{
    lua_createtable(L, 0, 2);
    declare_push_assign(L, true);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

void declare_open(lua_State *L)
{
    struct program *program = program_of(L);
    lua_newtable(L);
    program->server_methods = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    guard_server(L);
    lua_pushvalue(L, -1);
    program->server_table = luaL_ref(L, LUA_REGISTRYINDEX);
    sandbox_add(L, "server", false);
    lua_pushcfunction(L, declare_channel);
    sandbox_add(L, "channel", false);
}
