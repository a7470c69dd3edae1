/* room.hub: a behaviour that makes a table of each event for the spec's function, and takes its
 * answer back. */
#include "hub_world.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static const char *const verdict_names[] = {"accept", "replace", "drop", "refuse", NULL};
static const char *const effect_names[] = {"publish", "kick",   "send", "close",
                                           "timer",   "cancel", NULL};

void spec_effect(lua_State *L, int at, struct effect *effect)
{
    *effect = (struct effect){
        .kind = (enum effect_kind)table_name(table_text(L, at, "kind").at, effect_names),
        .channel = table_slice(L, at, "channel"),
        .data = table_slice(L, at, "data"),
        .user = table_slice(L, at, "user"),
        .client = table_slice(L, at, "client"),
        .reason = table_slice(L, at, "reason"),
        .code = (int)table_integer(L, at, "code", 0),
        .method = table_slice(L, at, "method"),
        .id = (uint64_t)table_integer(L, at, "id", 0),
        .ms = (uint64_t)table_integer(L, at, "ms", 0),
        .repeats = table_bool(L, at, "repeats"),
    };
}

static void get_effects(lua_State *L, int at, struct effects *effects)
{
    if (lua_getfield(L, at, "effects") == LUA_TTABLE)
        for (int i = 1; lua_rawgeti(L, -1, i) == LUA_TTABLE; i++, lua_pop(L, 1)) {
            struct effect effect;
            spec_effect(L, lua_gettop(L), &effect);
            effects_add(effects, &effect);
        }
    lua_settop(L, at);
}

static enum verdict get_answer(lua_State *L, int at, struct buf *out, struct error *error,
                               struct effects *effects)
{
    int verdict = table_name(table_text(L, at, "verdict").at, verdict_names);
    buf_add_slice(out, table_text(L, at, "out"));
    fail(error, (int)table_integer(L, at, "code", 0), "%s", table_text(L, at, "text").at);
    error->temporary = table_bool(L, at, "temporary");
    struct slice incident = table_text(L, at, "incident");
    memcpy(error->incident, incident.at, incident.len);
    get_effects(L, at, effects);
    return verdict < 0 ? VERDICT_ACCEPT : (enum verdict)verdict;
}

/* The event is on the stack: leaves the answer there, a table or nil. */
static bool ask_spec(struct world *world)
{
    lua_State *L = world->L;
    lua_rawgeti(L, LUA_REGISTRYINDEX, world->on);
    lua_insert(L, -2);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK)
        return lua_istable(L, -1);
    if (world->failed == LUA_NOREF)
        world->failed = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushnil(L);
    return false;
}

int spec_raise(lua_State *L, struct world *world, int results)
{
    if (world->failed == LUA_NOREF)
        return results;
    lua_rawgeti(L, LUA_REGISTRYINDEX, world->failed);
    luaL_unref(L, LUA_REGISTRYINDEX, world->failed);
    world->failed = LUA_NOREF;
    return lua_error(L);
}

static void push_call(lua_State *L, const struct worker_of *worker, const char *hook,
                      const struct call *call)
{
    luaL_checkstack(L, 20, NULL);
    lua_newtable(L);
    table_set_slice(L, "hook", slice_of(hook));
    table_set_integer(L, "worker", worker->index);
    if (call == NULL)
        return;
    if (call->who != NULL) {
        table_push_facts(L, &call->who->facts);
        lua_setfield(L, -2, "who");
    }
    table_set_slice(L, "data", call->data);
    table_set_slice(L, "method", call->method);
    table_set_slice(L, "reason", call->reason);
    table_set_integer(L, "code", call->code);
    table_set_integer(L, "offset", (lua_Integer)call->offset);
    table_set_integer(L, "hops", call->hops);
}

void spec_push_channel(lua_State *L, const struct channel *channel)
{
    table_set_slice(L, "channel", channel->name);
    table_set_integer(L, "instance", (lua_Integer)(intptr_t)channel->instance);
    table_set_integer(L, "generation", channel->generation->number);
    table_set_integer(L, "members", (lua_Integer)channel->seats.count);
}

/* ---- hooks that wait ---- */

struct task {
    struct world *world;
    struct task *next;
    struct call *call; /* one of the two */
    struct connect_call *connect;
    char name[32];
};

/* NULL unless the answer on top says so. */
static struct task *get_wait(struct world *world)
{
    struct slice name = table_text(world->L, lua_gettop(world->L), "wait");
    if (name.len == 0)
        return NULL;
    struct task *task = xcalloc(1, sizeof *task);
    memcpy(task->name, name.at, name.len < sizeof task->name ? name.len : sizeof task->name - 1);
    task->world = world;
    task->next = world->waits;
    world->waits = task;
    return task;
}

static void take_away(struct task *task)
{
    struct task **link = &task->world->waits;
    while (*link != task)
        link = &(*link)->next;
    *link = task->next;
}

static void behave_keep(struct call *call)
{
    call->task->call = call;
}

static void behave_keep_connect(struct connect_call *call)
{
    call->task->connect = call;
}

static void behave_forget(struct task *task)
{
    take_away(task);
    free(task);
}

static void get_who(lua_State *L, int at, struct connect_call *call);

int spec_wake(lua_State *L)
{
    struct world *world = world_check(L);
    const char *name = luaL_checkstring(L, 2);
    struct task *task = world->waits;
    while (task != NULL && strcmp(task->name, name) != 0)
        task = task->next;
    luaL_argcheck(L, task != NULL, 2, "nothing of that name waits");
    luaL_checktype(L, 3, LUA_TTABLE);
    take_away(task);
    if (task->call != NULL) {
        struct call *call = task->call;
        call->verdict = get_answer(L, 3, &call->out, &call->error, &call->effects);
        call->task = NULL;
        call->done(call);
    } else {
        struct connect_call *call = task->connect;
        call->verdict = get_answer(L, 3, &call->out, &call->error, &call->effects);
        get_who(L, 3, call);
        call->task = NULL;
        call->done(call);
    }
    free(task);
    return spec_raise(L, world, 0);
}

int spec_waits(lua_State *L)
{
    lua_newtable(L);
    for (struct task *task = world_check(L)->waits; task != NULL; task = task->next) {
        lua_pushstring(L, task->name);
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    }
    return 1;
}

/* ---- calls ---- */

static void answer_call(struct world *world, struct call *call)
{
    int top = lua_gettop(world->L) - 1;
    if (ask_spec(world) && (call->task = get_wait(world)) == NULL)
        call->verdict =
            get_answer(world->L, lua_gettop(world->L), &call->out, &call->error, &call->effects);
    lua_settop(world->L, top);
}

static void behave_server(void *runtime, enum server_hook hook, struct call *call)
{
    struct worker_of *worker = runtime;
    push_call(worker->world->L, worker, types_server_hooks[hook], call);
    lua_pushboolean(worker->world->L, true);
    lua_setfield(worker->world->L, -2, "server");
    answer_call(worker->world, call);
}

static void behave_channel(void *runtime, struct channel *channel, struct call *call)
{
    struct worker_of *worker = runtime;
    lua_State *L = worker->world->L;
    ensure(channel->type != NULL && channel->type->hooks >> call->hook & 1);
    ensure(channel->instance != NULL);
    ensure(channel->waits > 0 || channel->generation == channel->hub->generation);
    push_call(L, worker, types_hooks[call->hook], call);
    spec_push_channel(L, channel);
    lua_newtable(L);
    const struct slice *names;
    unsigned count = pattern_params(channel->type->pattern, &names);
    for (unsigned i = 0; i < count; i++) {
        lua_pushlstring(L, channel->params[i].at, channel->params[i].len);
        lua_rawseti(L, -2, (int)i + 1);
    }
    lua_setfield(L, -2, "params");
    answer_call(worker->world, call);
}

static void behave_bind(void *runtime, struct channel *channel)
{
    struct worker_of *worker = runtime;
    struct world *world = worker->world;
    push_call(world->L, worker, "bind", NULL);
    spec_push_channel(world->L, channel);
    channel->instance = (void *)++world->last_instance;
    ask_spec(world);
    lua_pop(world->L, 1);
}

static void behave_release(void *runtime, struct channel *channel)
{
    struct worker_of *worker = runtime;
    push_call(worker->world->L, worker, "release", NULL);
    spec_push_channel(worker->world->L, channel);
    ask_spec(worker->world);
    lua_pop(worker->world->L, 1);
}

static void push_headers(lua_State *L, const struct connect_call *call)
{
    lua_newtable(L);
    for (unsigned i = 0; i < call->header_count; i++) {
        lua_pushlstring(L, call->headers[i].name.at, call->headers[i].name.len);
        lua_pushlstring(L, call->headers[i].value.at, call->headers[i].value.len);
        lua_rawset(L, -3);
    }
    lua_setfield(L, -2, "headers");
}

static void push_connect(lua_State *L, const struct worker_of *worker,
                         const struct connect_call *call)
{
    push_call(L, worker, "connect", NULL);
    table_set_slice(L, "token", call->token);
    table_set_slice(L, "data", call->data);
    table_push_facts(L, &call->facts);
    lua_setfield(L, -2, "facts");
    lua_pushboolean(L, call->is_verified);
    lua_setfield(L, -2, "is_verified");
    push_headers(L, call);
}

/* `who` of the answer, copied behind call->out, where its slices have to live. */
static void get_who(lua_State *L, int at, struct connect_call *call)
{
    if (lua_getfield(L, at, "who") == LUA_TTABLE) {
        int who = lua_gettop(L);
        struct slice texts[] = {table_text(L, who, "user"), table_slice(L, who, "roles"),
                                table_slice(L, who, "claims"), table_slice(L, who, "info")};
        size_t bytes = 0;
        for (int i = 0; i < 4; i++)
            bytes += texts[i].len;
        char *end = buf_reserve(&call->out, bytes + 1);
        call->who = (struct identity_facts){
            .user = slice_pack(&end, texts[0]),
            .roles = slice_pack(&end, texts[1]),
            .claims = slice_pack(&end, texts[2]),
            .info = slice_pack(&end, texts[3]),
            .expires = table_integer(L, who, "expires", 0),
        };
    }
    lua_settop(L, at);
}

static void behave_connect(void *runtime, struct connect_call *call)
{
    struct worker_of *worker = runtime;
    lua_State *L = worker->world->L;
    int top = lua_gettop(L);
    push_connect(L, worker, call);
    if (ask_spec(worker->world) && (call->task = get_wait(worker->world)) == NULL) {
        int at = lua_gettop(L);
        call->verdict = get_answer(L, at, &call->out, &call->error, &call->effects);
        get_who(L, at, call);
    }
    lua_settop(L, top);
}

struct behaviour spec_behaviour(struct worker_of *worker)
{
    return (struct behaviour){
        .runtime = worker,
        .connect = behave_connect,
        .server = behave_server,
        .bind = behave_bind,
        .channel = behave_channel,
        .keep = behave_keep,
        .keep_connect = behave_keep_connect,
        .forget = behave_forget,
        .release = behave_release,
    };
}
