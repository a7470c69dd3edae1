#include "script/declare.h"

#include <stdlib.h>

#include <lauxlib.h>

#include "base/memory.h"
#include "base/suggest.h"
#include "script/api.h"
#include "script/option.h"
#include "script/problem.h"
#include "script/sandbox.h"

enum { CLASSES_MAX = 256 };

/* The last of each is NULL for suggest: a call is no method of that name, but any rpc_NAME. */
static const char *const hook_names[HOOK_COUNT] = {
    "on_open", "on_close", "on_subscribe", "on_unsubscribe", "on_publish", "on_published", NULL,
};
static const char *const server_hook_names[SERVER_HOOK_COUNT] = {"on_connect", "on_disconnect",
                                                                 "on_message", NULL};

const char *hook_name(enum hook hook)
{
    return hook == HOOK_CALL ? "rpc" : hook_names[hook];
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

static void note_place(lua_State *L, struct channel_type *type)
{
    lua_Debug at;
    at.currentline = 0;
    at.source = "@";
    if (lua_getstack(L, 1, &at))
        lua_getinfo(L, "Sl", &at);
    type->file = xstrdup(at.source + 1);
    type->line = at.currentline;
}

static void check_arguments(lua_State *L)
{
    if (program_of(L)->problems == NULL)
        luaL_error(L, "channel() works while the file loads, not in a hook");
    if (lua_type(L, 1) != LUA_TSTRING)
        luaL_error(L, "channel() wants a pattern, such as \"chat:{room}\" (got %s)",
                   luaL_typename(L, 1));
    if (!lua_isnoneornil(L, 2) && !lua_istable(L, 2))
        luaL_error(L, "channel() wants its options in a table, such as { history = 50 } (got %s)",
                   luaL_typename(L, 2));
    if (program_of(L)->class_count == CLASSES_MAX)
        luaL_error(L, "more than %d channels in one file", CLASSES_MAX);
    lua_settop(L, 2);
}

static int declare_channel(lua_State *L)
{
    struct error err;
    check_arguments(L);
    struct class class = {.type = draft_type(program_of(L))};
    note_place(L, class.type);
    struct slice text = {NULL, 0};
    text.at = lua_tolstring(L, 1, &text.len);
    class.type->pattern = pattern_compile(text, &err);
    if (class.type->pattern == NULL)
        return luaL_error(L, "pattern \"%s\": %s", text.at, err.text);
    if (lua_istable(L, 2))
        options_read(L, 2, class.type);
    api_channel_push_class(L, &class);
    add_class(program_of(L), &class);
    return 1;
}

/* ---- what the file defined ---- */

struct method {
    const char *name;
    const char *file;
    int line;
    bool is_function;
};

/* The member with its key at -2 and value at -1; where it is defined, else where `type` is
 * declared. */
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
    lua_getinfo(L, ">Su", &at);
    lua_pushvalue(L, -1);
    return (struct hook_function){
        .ref = luaL_ref(L, LUA_REGISTRYINDEX),
        .args = at.isvararg ? 255 : at.nparams,
        .line = strcmp(at.source + 1, program_of(L)->script->name) == 0 ? at.linedefined : 0,
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

static void collect_method(lua_State *L, struct program *program, struct class *class)
{
    struct method method = look_at(L, class->type->file, class->type->line);
    int hook = find_name(hook_names, HOOK_COUNT, method.name);
    if (is_prefixed(method.name, "view_") || strcmp(method.name, "on_upgrade") == 0) {
        problem_add(program->problems, program->set, method.file, method.line,
                    "`%s` is not available in this version", method.name);
    } else if (hook >= 0 && is_function(program, &method)) {
        class->hooks[hook] = keep_function(L);
        class->type->hooks |= 1u << hook;
    } else if (hook < 0 && is_prefixed(method.name, "on_")) {
        refuse(program, &method, "a channel", hook_names);
    } else if (is_prefixed(method.name, "rpc_") && is_function(program, &method)) {
        keep_method(L, class->methods, method.name + 4);
        class->type->hooks |= 1u << HOOK_CALL;
    } else if (api_channel_is_reserved(method.name)) {
        problem_add(program->problems, program->set, method.file, method.line,
                    "`%s` is what every channel has: choose another name", method.name);
    }
}

static void collect_class(lua_State *L, struct program *program, struct class *class)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, class->table);
    lua_pushnil(L);
    for (; lua_next(L, -2); lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING)
            collect_method(L, program, class);
    lua_pop(L, 1);
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
        if (!is_function(program, &method))
            return;
        program->server[hook] = keep_function(L);
        program->server_lines[hook] = method.line;
    } else if (is_prefixed(method.name, "rpc_")) {
        if (!is_function(program, &method))
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

void declare_open(lua_State *L)
{
    struct program *program = program_of(L);
    lua_newtable(L);
    program->server_methods = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    program->server_table = luaL_ref(L, LUA_REGISTRYINDEX);
    sandbox_add(L, "server", false);
    lua_pushcfunction(L, declare_channel);
    sandbox_add(L, "channel", false);
}
