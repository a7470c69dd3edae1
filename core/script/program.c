#include "script/program.h"

#include <stdlib.h>

#include <lauxlib.h>

#include "base/memory.h"
#include "script/api.h"
#include "script/codec.h"
#include "script/declare.h"
#include "script/module.h"
#include "script/problem.h"
#include "script/sandbox.h"

void channel_type_destroy(struct channel_type *type)
{
    if (type == NULL)
        return;
    views_destroy(type->views, type->view_count);
    pattern_destroy(type->pattern);
    rule_destroy(type->subscribe);
    rule_destroy(type->publish);
    rule_destroy(type->call);
    rule_destroy(type->presence_read);
    for (unsigned i = 0; i < type->rate_count; i++)
        rate_finish(&type->rates[i]);
    free(type->rates);
    schema_destroy(type->schema);
    schema_destroy(type->emits);
    for (unsigned i = 0; i < type->call_schema_count; i++) {
        free(type->call_schemas[i].method);
        schema_destroy(type->call_schemas[i].schema);
    }
    free(type->call_schemas);
    for (unsigned i = 0; i < type->field_count; i++)
        filter_field_finish(&type->fields[i]);
    free(type->fields);
    path_finish(&type->latest_key);
    rollup_destroy(type->rollup);
    free(type->key);
    free(type->once);
    free(type->file);
    free(type);
}

static void program_destroy(struct program *program)
{
    vm_destroy(program->vm);
    for (unsigned i = 0; i < program->class_count; i++)
        channel_type_destroy(program->classes[i].type);
    for (unsigned i = 0; i < program->rpc_count; i++) {
        free(program->rpcs[i].name);
        free(program->rpcs[i].file);
    }
    channel_type_destroy(program->draft);
    free(program->classes);
    free(program->rpcs);
    free(program);
}

struct program *program_ref(struct program *program)
{
    program->refs++;
    return program;
}

void program_unref(struct program *program)
{
    if (program != NULL && --program->refs == 0)
        program_destroy(program);
}

static void forget_set(struct program *program)
{
    program->set = NULL;
    program->script = NULL;
}

void program_retire(struct program *program)
{
    program->is_retired = true;
    if (program->waits == 0)
        forget_set(program);
}

void program_enter(struct program *program, const struct script_set *set,
                   const struct script *script)
{
    program->is_retired = false;
    program->set = set;
    program->script = script;
}

void program_begin_wait(struct program *program)
{
    program_ref(program);
    program->waits++;
}

void program_end_wait(struct program *program)
{
    if (--program->waits == 0 && program->is_retired)
        forget_set(program);
    program_unref(program);
}

static void meter_methods(const struct program *program, int methods)
{
    lua_State *L = vm_state(program->vm);
    lua_rawgeti(L, LUA_REGISTRYINDEX, methods);
    lua_pushnil(L);
    for (; lua_next(L, -2); lua_pop(L, 1))
        meter_add_method(program->row, lua_tostring(L, -2));
    lua_pop(L, 1);
}

void program_meter(struct program *program, struct meter_row *row)
{
    program->row = row;
    for (unsigned i = 0; i < program->class_count; i++)
        meter_methods(program, program->classes[i].methods);
    meter_methods(program, program->server_methods);
}

struct program *program_of(lua_State *L)
{
    return vm_owner(L);
}

struct running *program_running(lua_State *L, const char *name)
{
    struct running *running = program_of(L)->running;
    if (running == NULL)
        luaL_error(L, "%s() works in hooks only, not while the file loads", name);
    return running;
}

static void open_environment(lua_State *L)
{
    codec_open(L);
    sandbox_open(L);
    module_open(L);
    declare_open(L);
    api_global_open(L);
    api_channel_open(L);
    api_client_open(L);
    sandbox_check(L);
}

static int end_load(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    declare_collect(L, program_of(L));
    return 0;
}

static int load(lua_State *L)
{
    struct program *program = lua_touserdata(L, 1);
    open_environment(L);
    module_push_chunk(L, program->script);
    lua_callk(L, 0, 0, 0, end_load);
    return end_load(L, LUA_OK, 0);
}

/* Of a file that stopped with an error: what it had defined may be wrong too. */
static int collect(lua_State *L)
{
    declare_collect(L, lua_touserdata(L, 1));
    return 0;
}

static bool is_loaded(struct program *program, struct problems *problems)
{
    struct vm_outcome outcome;
    struct problems mine = {0}; /* what others have found already counts here as well */
    program->problems = &mine;
    vm_run(program->vm, load, program, &outcome);
    if (outcome.end == VM_FAILED)
        vm_run(program->vm, collect, program, &(struct vm_outcome){0});
    program->problems = NULL;
    if (outcome.end != VM_DONE)
        problem_add(&mine, program->set, outcome.file[0] ? outcome.file : program->script->name,
                    outcome.line, "%s", outcome.text);
    bool is_good = mine.count == 0;
    for (unsigned i = 0; i < mine.count; i++)
        problem_add(problems, program->set, mine.all[i].file, mine.all[i].line, "%s",
                    mine.all[i].reason);
    problems_finish(&mine);
    return is_good;
}

struct program *program_create(const struct script_set *set, const struct script *script,
                               const struct script_limits *limits, const struct log *log,
                               struct problems *problems)
{
    struct program *program = xcalloc(1, sizeof *program);
    program->set = set;
    program->script = script;
    program->limits = *limits;
    program->log = log;
    program->refs = 1;
    program->vm = vm_create(&(struct vm_limits){limits->memory, limits->cpu_ms, limits->watcher});
    vm_set_owner(program->vm, program);
    if (!is_loaded(program, problems)) {
        program_destroy(program);
        return NULL;
    }
    vm_settle(program->vm);
    return program;
}

static int compile(lua_State *L)
{
    const struct script *library = lua_touserdata(L, 1);
    sandbox_open(L);
    module_push_chunk(L, library);
    return 0;
}

void program_check_library(const struct script_set *set, const struct script *library,
                           const struct script_limits *limits, struct problems *problems)
{
    struct vm_outcome outcome;
    struct vm *vm = vm_create(&(struct vm_limits){limits->memory, limits->cpu_ms, limits->watcher});
    vm_run(vm, compile, (void *)library, &outcome);
    if (outcome.end != VM_DONE)
        problem_add(problems, set, outcome.file[0] ? outcome.file : library->name, outcome.line,
                    "%s", outcome.text);
    vm_destroy(vm);
}
