#include "script/hook.h"

#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>

#include "base/memory.h"
#include "base/suggest.h"
#include "script/api.h"
#include "script/codec.h"
#include "script/declare.h"
#include "script/state.h"

/* ---- instances ---- */

struct birth {
    const struct program *program;
    const struct channel *channel;
    const struct instance *old;
    int self;
};

/* The old state is looked up raw in a VM that does not run: nothing there can raise. */
static void push_old_state(lua_State *L, const struct birth *birth)
{
    struct program *home = birth->old->program;
    lua_State *from = vm_state(home->vm);
    int top = lua_gettop(from);
    lua_rawgeti(from, LUA_REGISTRYINDEX, birth->old->self);
    lua_pushliteral(from, "state");
    lua_rawget(from, -2);
    state_copy(L, from, -1, birth->program->log, birth->channel->name);
    lua_settop(from, top);
}

static int bear(lua_State *L)
{
    struct birth *birth = lua_touserdata(L, 1);
    if (birth->old != NULL) {
        /* What fitted there has to find room here: the limit is for what comes afterwards. */
        vm_lend(L, vm_bytes(birth->old->program->vm));
        push_old_state(L, birth);
    } else {
        lua_newtable(L);
    }
    api_channel_push_instance(L, &birth->program->classes[birth->channel->type->index],
                              birth->channel);
    birth->self = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

struct instance *instance_create(struct program *program, const struct channel *channel,
                                 const struct instance *old, struct vm_outcome *outcome)
{
    struct birth birth = {program, channel, old, LUA_NOREF};
    lua_State *from = old ? vm_state(old->program->vm) : NULL;
    int top = from ? lua_gettop(from) : 0;
    vm_run(program->vm, bear, &birth, outcome);
    if (from != NULL)
        lua_settop(from, top); /* when the copy was broken off */
    if (outcome->end != VM_DONE)
        return NULL;
    struct instance *instance = xmalloc(sizeof *instance);
    *instance = (struct instance){program_ref(program), channel->type->index, birth.self};
    return instance;
}

void instance_destroy(struct instance *instance)
{
    if (instance == NULL)
        return;
    luaL_unref(vm_state(instance->program->vm), LUA_REGISTRYINDEX, instance->self);
    program_unref(instance->program);
    free(instance);
}

/* ---- the question ---- */

struct ask {
    struct task task; /* first: this is freed as one */
    struct call *call;
    const struct instance *instance; /* NULL: of the server */
    struct hook_function function;   /* what is called; args: what is made for it */
    int methods;                     /* of a call or a timer: registry reference of name -> function */
    void (*push)(lua_State *L, const struct ask *ask);
    void (*take)(lua_State *L, struct ask *ask);
};

/* Nobody is told of an argument that nobody looks at. */
static bool wants(const struct ask *ask, int argument)
{
    return ask->function.args >= argument;
}

static int refuse(lua_State *L, struct ask *ask, int code, const char *text)
{
    fail(ask->task.running.error, code, "%s", text);
    return vm_leave(L);
}

static void push_json(lua_State *L, const struct ask *ask, struct slice json)
{
    struct error err;
    if (json.at == NULL) {
        lua_pushnil(L);
        return;
    }
    vm_charge(L, json.len);
    if (!codec_push(L, json, &err)) {
        fail(ask->task.running.error, ERROR_BAD_REQUEST, "%s", err.text);
        vm_leave(L);
    }
}

static void push_size(lua_State *L, const struct ask *ask)
{
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, (lua_Integer)ask->call->data.len);
    lua_setfield(L, -2, "size");
}

static void push_nothing(lua_State *L, const struct ask *ask)
{
    (void)L;
    (void)ask;
}

static void push_subscribe(lua_State *L, const struct ask *ask)
{
    api_client_push(L, ask->call->who);
    if (wants(ask, 3))
        push_json(L, ask, ask->call->data);
}

static void push_unsubscribe(lua_State *L, const struct ask *ask)
{
    api_client_push(L, ask->call->who);
    lua_pushlstring(L, ask->call->reason.len ? ask->call->reason.at : "", ask->call->reason.len);
    lua_pushinteger(L, ask->call->code);
}

static void push_publish(lua_State *L, const struct ask *ask)
{
    push_json(L, ask, ask->call->data);
    if (wants(ask, 3))
        api_client_push(L, ask->call->who);
    if (wants(ask, 4))
        push_size(L, ask);
}

static void push_published(lua_State *L, const struct ask *ask)
{
    push_json(L, ask, ask->call->data);
    if (!wants(ask, 3))
        return;
    push_size(L, ask);
    lua_pushinteger(L, (lua_Integer)ask->call->offset);
    lua_setfield(L, -2, "offset");
}

static void push_view(lua_State *L, const struct ask *ask)
{
    push_json(L, ask, ask->call->data);
}

static void push_upgrade(lua_State *L, const struct ask *ask)
{
    lua_pushinteger(L, (lua_Integer)ask->call->offset);
}

static void push_call(lua_State *L, const struct ask *ask)
{
    push_json(L, ask, ask->call->data);
    api_client_push(L, ask->call->who);
}

/* ---- the answer, on top ---- */

static void take_json(lua_State *L, struct ask *ask)
{
    struct error err;
    buf_clear(&ask->call->out);
    if (!codec_encode(L, -1, "what it returned", &CODEC_LIMITS_DEFAULT, &ask->call->out, &err))
        luaL_error(L, "%s", err.text);
}

static void take_nothing(lua_State *L, struct ask *ask)
{
    (void)L;
    ask->call->verdict = VERDICT_ACCEPT;
}

static void take_subscribe(lua_State *L, struct ask *ask)
{
    if (!lua_toboolean(L, -1)) {
        refuse(L, ask, ERROR_PERMISSION_DENIED, error_code_text(ERROR_PERMISSION_DENIED));
        return;
    }
    ask->call->verdict = VERDICT_ACCEPT;
    if (lua_istable(L, -1)) {
        take_json(L, ask);
        ask->call->verdict = VERDICT_REPLACE;
    }
}

static void take_publish(lua_State *L, struct ask *ask)
{
    if (lua_istable(L, -1)) {
        take_json(L, ask);
        ask->call->verdict = VERDICT_REPLACE;
    } else if (!lua_toboolean(L, -1)) {
        ask->call->verdict = VERDICT_DROP;
    } else if (lua_isboolean(L, -1)) {
        ask->call->verdict = VERDICT_ACCEPT;
    } else {
        luaL_error(L, "on_publish returns true, a table or nothing (got %s)", luaL_typename(L, -1));
    }
}

static void take_view(lua_State *L, struct ask *ask)
{
    if (lua_istable(L, -1)) {
        take_json(L, ask);
        ask->call->verdict = VERDICT_REPLACE;
    } else if (!lua_toboolean(L, -1)) {
        ask->call->verdict = VERDICT_DROP;
    } else if (lua_isboolean(L, -1)) {
        ask->call->verdict = VERDICT_ACCEPT;
    } else {
        luaL_error(L, "view_%s returns a table, true or nothing (got %s)", ask->call->method.at,
                   luaL_typename(L, -1));
    }
}

static void take_call(lua_State *L, struct ask *ask)
{
    ask->call->verdict = VERDICT_ACCEPT;
    if (!lua_isnil(L, -1))
        take_json(L, ask);
}

/* ---- asking ---- */

static int end_hook(lua_State *L, int status, lua_KContext context)
{
    struct ask *ask = (struct ask *)context;
    (void)status;
    ask->take(L, ask);
    return 0;
}

static int end_timer(lua_State *L, int status, lua_KContext context)
{
    struct ask *ask = (struct ask *)context;
    (void)status;
    take_nothing(L, ask);
    return 0;
}

static int run_hook(lua_State *L)
{
    struct ask *ask = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, ask->function.ref);
    if (ask->instance != NULL)
        lua_rawgeti(L, LUA_REGISTRYINDEX, ask->instance->self);
    ask->push(L, ask);
    lua_callk(L, lua_gettop(L) - 2, 1, (lua_KContext)ask, end_hook);
    return end_hook(L, LUA_OK, (lua_KContext)ask);
}

static int refuse_method(lua_State *L, struct ask *ask)
{
    char text[200];
    const char *names[65], *near = NULL;
    int count = 0;
    lua_settop(L, 2);
    luaL_checkstack(L, 70, NULL);
    lua_pushnil(L);
    for (; count < 64 && lua_next(L, 2); count++) {
        lua_pop(L, 1);
        names[count] = lua_tostring(L, -1);
    }
    names[count] = NULL;
    if (ask->task.running.program->explains)
        near = suggest(ask->call->method, names);
    snprintf(text, sizeof text, near ? "method not found: did you mean `%s`?" : "method not found",
             near);
    return refuse(L, ask, ERROR_METHOD_NOT_FOUND, text);
}

static int run_call(lua_State *L)
{
    struct ask *ask = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, ask->methods);
    lua_pushlstring(L, ask->call->method.len ? ask->call->method.at : "", ask->call->method.len);
    if (lua_rawget(L, 2) != LUA_TFUNCTION)
        return refuse_method(L, ask);
    lua_replace(L, 2);
    if (ask->instance != NULL)
        lua_rawgeti(L, LUA_REGISTRYINDEX, ask->instance->self);
    push_call(L, ask);
    lua_callk(L, lua_gettop(L) - 2, 1, (lua_KContext)ask, end_hook);
    return end_hook(L, LUA_OK, (lua_KContext)ask);
}

/* The list on top, as single values in its place. */
static int spread(lua_State *L)
{
    int count = lua_istable(L, -1) ? (int)lua_rawlen(L, -1) : 0, list = lua_gettop(L);
    luaL_checkstack(L, count + 1, "too many arguments of a timer");
    for (int i = 1; i <= count; i++)
        lua_rawgeti(L, list, i);
    lua_remove(L, list);
    return count;
}

static int run_timer(lua_State *L)
{
    struct ask *ask = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, ask->methods);
    lua_pushlstring(L, ask->call->method.at, ask->call->method.len);
    if (lua_rawget(L, 2) != LUA_TFUNCTION)
        return refuse(L, ask, ERROR_METHOD_NOT_FOUND, "method not found");
    lua_replace(L, 2);
    lua_rawgeti(L, LUA_REGISTRYINDEX, ask->instance->self);
    push_json(L, ask, ask->call->data);
    int count = spread(L);
    lua_callk(L, count + 1, 0, (lua_KContext)ask, end_timer);
    return end_timer(L, LUA_OK, (lua_KContext)ask);
}

void hook_note_place(struct program *program, const char *name, struct vm_outcome *outcome)
{
    lua_Debug at;
    lua_State *L = vm_state(program->vm);
    bool is_unknown = outcome->end != VM_DONE && outcome->end != VM_LEFT && outcome->line == 0;
    if (!is_unknown || !lua_isfunction(L, -1)) {
        lua_pop(L, 1);
        return;
    }
    lua_getinfo(L, ">S", &at);
    if (at.source[0] != '@')
        return;
    snprintf(outcome->file, sizeof outcome->file, "%s", at.source + 1);
    outcome->line = at.linedefined;
    snprintf(outcome->trace, sizeof outcome->trace, "%s:%d in %s", outcome->file, outcome->line,
             name);
}

/* Nothing runs any more, so that nothing here can fail. */
static void note_place(const struct ask *ask, struct vm_outcome *outcome)
{
    char name[128];
    struct program *program = ask->task.running.program;
    lua_State *L = vm_state(program->vm);
    struct slice method = ask->call->method;
    if (ask->function.ref != 0) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, ask->function.ref);
        snprintf(name, sizeof name, "%s", ask->task.running.hook);
    } else {
        lua_rawgeti(L, LUA_REGISTRYINDEX, ask->methods);
        lua_pushlstring(L, method.len ? method.at : "", method.len);
        lua_rawget(L, -2);
        lua_remove(L, -2);
        snprintf(name, sizeof name, "%s%.*s", ask->call->hook == HOOK_TIMER ? "" : "rpc_",
                 SLICE_ARGS(method));
    }
    hook_note_place(program, name, outcome);
}

static void conclude(struct task *task, struct vm_outcome *outcome)
{
    struct ask *ask = (struct ask *)task;
    if (outcome->end == VM_LEFT)
        ask->call->verdict = VERDICT_REFUSE;
    else if (outcome->end != VM_DONE && outcome->line == 0)
        note_place(ask, outcome);
}

static void answer_in(struct ask *ask, struct call *call)
{
    ask->call = call;
    ask->task.running.method = call->method;
    ask->task.running.effects = &call->effects;
    ask->task.running.error = &call->error;
}

struct call *hook_call(struct task *task)
{
    return ((struct ask *)task)->call;
}

void hook_keep(struct task *task, struct call *call)
{
    answer_in((struct ask *)task, call);
}

static lua_CFunction body_of(const struct ask *ask)
{
    if (ask->function.ref != 0)
        return run_hook;
    return ask->call->hook == HOOK_TIMER ? run_timer : run_call;
}

static struct task *begin(const struct ask *what, struct call *call, struct vm_outcome *outcome)
{
    struct ask *ask = xmalloc(sizeof *ask);
    *ask = *what;
    ask->task.conclude = conclude;
    ask->task.running.hops = call->hops;
    answer_in(ask, call);
    return task_begin(&ask->task, body_of(ask), outcome);
}

static const struct {
    void (*push)(lua_State *L, const struct ask *ask);
    void (*take)(lua_State *L, struct ask *ask);
} hooks[HOOK_COUNT] = {
    [HOOK_OPEN] = {push_nothing, take_nothing},
    [HOOK_CLOSE] = {push_nothing, take_nothing},
    [HOOK_SUBSCRIBE] = {push_subscribe, take_subscribe},
    [HOOK_UNSUBSCRIBE] = {push_unsubscribe, take_nothing},
    [HOOK_PUBLISH] = {push_publish, take_publish},
    [HOOK_PUBLISHED] = {push_published, take_nothing},
    [HOOK_UPGRADE] = {push_upgrade, take_nothing},
    [HOOK_CALL] = {push_call, take_call},
    [HOOK_VIEW] = {push_view, take_view},
};

struct task *hook_run_channel(struct instance *instance, const struct channel *channel,
                              const struct task_terms *terms, struct call *call,
                              struct vm_outcome *outcome)
{
    const struct class *class = &instance->program->classes[instance->class];
    bool is_view = call->hook == HOOK_VIEW;
    struct ask ask = {
        .task.running = {.program = instance->program,
                         .hook = hook_name(call->hook),
                         .channel = channel,
                         .generation = terms->generation,
                         .is_view = is_view},
        .task.terms = *terms,
        .instance = instance,
        .function = is_view ? class->views[call->view] : class->hooks[call->hook],
        .methods = call->hook == HOOK_TIMER ? class->table : class->methods,
        .push = hooks[call->hook].push,
        .take = hooks[call->hook].take,
    };
    if (is_view)
        ask.task.terms.services =
            NULL; /* it cannot wait, nor change a thing: what it shows goes out now */
    return begin(&ask, call, outcome);
}

struct task *hook_run_server(struct program *program, enum server_hook hook,
                             const struct task_terms *terms, struct call *call,
                             struct vm_outcome *outcome)
{
    struct ask ask = {
        .task.running = {.program = program,
                         .hook = server_hook_name(hook),
                         .generation = terms->generation},
        .task.terms = *terms,
        .function = program->server[hook],
        .methods = program->server_methods,
        .push = hook == SERVER_DISCONNECT ? push_unsubscribe : push_call,
        .take = hook == SERVER_CALL ? take_call : take_nothing,
    };
    return begin(&ask, call, outcome);
}
