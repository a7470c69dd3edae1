/* hub/ and dialect/ for specs: workers whose turns the spec takes, clients without sockets, and a
 * behaviour that asks a Lua function. */
#include "hub/hub.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "dialect/api.h"
#include "dialect/centrifuge.h"
#include "dialect/event_stream.h"
#include "hub/audience.h"
#include "hub/channel.h"
#include "hub/home.h"
#include "hub/session.h"
#include "frames.h"

enum { WORKERS_MAX = 8, GENERATIONS_MAX = 64 };

struct worker_of {
    struct world *world;
    unsigned index;
};

struct world {
    lua_State *L; /* whoever called last */
    unsigned count;
    struct worker_of workers[WORKERS_MAX];
    struct loop *loops[WORKERS_MAX];
    struct hub *hubs[WORKERS_MAX];
    struct hub_options options;
    struct dialect plain, events; /* more, so that some listen in another */
    const struct dialect *dialects[3];
    struct log log;
    struct generation *generations[GENERATIONS_MAX];
    unsigned generation_count, moved;
    struct client *clients;
    int on, failed; /* references: the spec's function, the first error it raised */
    intptr_t last_instance;
    char *secret;
    struct api_host host;
    struct api_request *reloading;
    bool is_over;
};

/* A peer: what net/ has as its stream. */
struct client {
    struct conn conn; /* first */
    struct client *next;
    struct world *world;
    unsigned wakes;
    bool is_stuck, has_said_goodbye;
};

/* ---- reading and writing tables ---- */

static struct slice get_slice(lua_State *L, int at, const char *name)
{
    struct slice s = {NULL, 0};
    if (lua_getfield(L, at, name) == LUA_TSTRING)
        s.at = lua_tolstring(L, -1, &s.len);
    lua_pop(L, 1); /* the table keeps it */
    return s;
}

static struct slice get_text(lua_State *L, int at, const char *name)
{
    struct slice s = get_slice(L, at, name);
    return s.at ? s : SLICE("");
}

static lua_Integer get_integer(lua_State *L, int at, const char *name, lua_Integer otherwise)
{
    lua_getfield(L, at, name);
    lua_Integer n = luaL_optinteger(L, -1, otherwise);
    lua_pop(L, 1);
    return n;
}

static bool get_bool(lua_State *L, int at, const char *name)
{
    lua_getfield(L, at, name);
    bool is = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return is;
}

static int find_name(const char *name, const char *const *names)
{
    for (int i = 0; names[i] != NULL; i++)
        if (name != NULL && strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

/* The bits of a list of names. */
static unsigned get_bits(lua_State *L, int at, const char *name, const char *const *names)
{
    unsigned bits = 0;
    if (lua_getfield(L, at, name) == LUA_TTABLE)
        for (int i = 1; lua_rawgeti(L, -1, i) == LUA_TSTRING; i++, lua_pop(L, 1)) {
            int bit = find_name(lua_tostring(L, -1), names);
            luaL_argcheck(L, bit >= 0, at, "no such hook");
            bits |= 1u << bit;
        }
    lua_settop(L, at);
    return bits;
}

static void set_slice(lua_State *L, const char *name, struct slice s)
{
    if (s.at == NULL)
        return;
    lua_pushlstring(L, s.at, s.len);
    lua_setfield(L, -2, name);
}

static void set_integer(lua_State *L, const char *name, lua_Integer n)
{
    lua_pushinteger(L, n);
    lua_setfield(L, -2, name);
}

static void push_facts(lua_State *L, const struct identity_facts *facts)
{
    lua_newtable(L);
    set_slice(L, "client", facts->client);
    set_slice(L, "user", facts->user);
    set_slice(L, "roles", facts->roles);
    set_slice(L, "claims", facts->claims);
    set_slice(L, "info", facts->info);
    set_slice(L, "ip", facts->ip);
    set_integer(L, "expires", facts->expires);
}

static const char *const hook_names[] = {"open",    "close",     "subscribe", "unsubscribe",
                                         "publish", "published", "call",      NULL};
static const char *const server_hook_names[] = {"connect", "disconnect", "message", "call", NULL};
static const char *const verdict_names[] = {"accept", "replace", "drop", "refuse", NULL};
static const char *const effect_names[] = {"publish", "kick", "send", "close", NULL};

/* ---- the behaviour: a table for the spec's function, its answer back ---- */

static void get_effect(lua_State *L, int at, struct effect *effect)
{
    *effect = (struct effect){
        .kind = (enum effect_kind)find_name(get_text(L, at, "kind").at, effect_names),
        .channel = get_slice(L, at, "channel"),
        .data = get_slice(L, at, "data"),
        .user = get_slice(L, at, "user"),
        .client = get_slice(L, at, "client"),
        .reason = get_slice(L, at, "reason"),
        .code = (int)get_integer(L, at, "code", 0),
    };
}

static void get_effects(lua_State *L, int at, struct effects *effects)
{
    if (lua_getfield(L, at, "effects") == LUA_TTABLE)
        for (int i = 1; lua_rawgeti(L, -1, i) == LUA_TTABLE; i++, lua_pop(L, 1)) {
            struct effect effect;
            get_effect(L, lua_gettop(L), &effect);
            effects_add(effects, &effect);
        }
    lua_settop(L, at);
}

static enum verdict get_answer(lua_State *L, int at, struct buf *out, struct error *error,
                               struct effects *effects)
{
    int verdict = find_name(get_text(L, at, "verdict").at, verdict_names);
    buf_add_slice(out, get_text(L, at, "out"));
    fail(error, (int)get_integer(L, at, "code", 0), "%s", get_text(L, at, "text").at);
    error->temporary = get_bool(L, at, "temporary");
    struct slice incident = get_text(L, at, "incident");
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

static int raise_failure(lua_State *L, struct world *world, int results)
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
    set_slice(L, "hook", slice_of(hook));
    set_integer(L, "worker", worker->index);
    if (call == NULL)
        return;
    if (call->who != NULL) {
        push_facts(L, &call->who->facts);
        lua_setfield(L, -2, "who");
    }
    set_slice(L, "data", call->data);
    set_slice(L, "method", call->method);
    set_slice(L, "reason", call->reason);
    set_integer(L, "code", call->code);
    set_integer(L, "offset", (lua_Integer)call->offset);
    set_integer(L, "hops", call->hops);
}

static void push_channel(lua_State *L, const struct channel *channel)
{
    set_slice(L, "channel", channel->name);
    set_integer(L, "instance", (lua_Integer)(intptr_t)channel->instance);
    set_integer(L, "generation", channel->generation->number);
    set_integer(L, "members", (lua_Integer)channel->seats.count);
}

static void answer_call(struct world *world, struct call *call)
{
    int top = lua_gettop(world->L) - 1;
    if (ask_spec(world))
        call->verdict =
            get_answer(world->L, lua_gettop(world->L), &call->out, &call->error, &call->effects);
    lua_settop(world->L, top);
}

static void behave_server(void *runtime, enum server_hook hook, struct call *call)
{
    struct worker_of *worker = runtime;
    push_call(worker->world->L, worker, server_hook_names[hook], call);
    lua_pushboolean(worker->world->L, true);
    lua_setfield(worker->world->L, -2, "server");
    answer_call(worker->world, call);
}

static void behave_channel(void *runtime, struct channel *channel, struct call *call)
{
    struct worker_of *worker = runtime;
    lua_State *L = worker->world->L;
    ensure(channel->type != NULL && channel->type->hooks >> call->hook & 1);
    ensure(channel->instance != NULL && channel->generation == channel->hub->generation);
    push_call(L, worker, hook_names[call->hook], call);
    push_channel(L, channel);
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
    push_channel(world->L, channel);
    channel->instance = (void *)++world->last_instance;
    ask_spec(world);
    lua_pop(world->L, 1);
}

static void behave_release(void *runtime, struct channel *channel)
{
    struct worker_of *worker = runtime;
    push_call(worker->world->L, worker, "release", NULL);
    push_channel(worker->world->L, channel);
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
    set_slice(L, "token", call->token);
    set_slice(L, "data", call->data);
    push_facts(L, &call->facts);
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
        struct slice texts[] = {get_text(L, who, "user"), get_slice(L, who, "roles"),
                                get_slice(L, who, "claims"), get_slice(L, who, "info")};
        size_t bytes = 0;
        for (int i = 0; i < 4; i++)
            bytes += texts[i].len;
        char *end = buf_reserve(&call->out, bytes + 1);
        call->who = (struct identity_facts){
            .user = slice_pack(&end, texts[0]),
            .roles = slice_pack(&end, texts[1]),
            .claims = slice_pack(&end, texts[2]),
            .info = slice_pack(&end, texts[3]),
            .expires = get_integer(L, who, "expires", 0),
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
    if (ask_spec(worker->world)) {
        int at = lua_gettop(L);
        call->verdict = get_answer(L, at, &call->out, &call->error, &call->effects);
        get_who(L, at, call);
    }
    lua_settop(L, top);
}

/* ---- generations ---- */

static struct rule *get_rule(lua_State *L, int at, const char *name, const struct pattern *pattern)
{
    struct error err;
    const struct slice *names;
    struct slice text = get_slice(L, at, name);
    unsigned count = pattern_params(pattern, &names);
    struct rule *rule = rule_compile(text.at ? text : SLICE("anyone"), names, count, &err);
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

static struct channel_type *make_type(lua_State *L, int at)
{
    struct error err;
    struct channel_type *type = xcalloc(1, sizeof *type);
    type->pattern = pattern_compile(get_slice(L, at, "pattern"), &err);
    if (type->pattern == NULL)
        luaL_error(L, "%s", err.text);
    type->subscribe = get_rule(L, at, "subscribe", type->pattern);
    type->publish = get_rule(L, at, "publish", type->pattern);
    type->call = get_rule(L, at, "call", type->pattern);
    type->presence = get_bool(L, at, "presence");
    type->max_size = (size_t)get_integer(L, at, "max_size", MAX_SIZE_DEFAULT);
    type->history_size = (unsigned)get_integer(L, at, "history", 0);
    type->history_ttl_ms = get_integer(L, at, "ttl", 0);
    struct slice key = get_slice(L, at, "key");
    type->slow = (enum frame_slow)get_integer(L, at, "slow", FRAME_NEEDED);
    type->key = key.at != NULL ? xslicedup(key) : NULL;
    type->conflate_ms = get_integer(L, at, "conflate", 0);
    type->batch_size = (unsigned)get_integer(L, at, "batch", 0);
    type->batch_ms = get_integer(L, at, "batch_ms", 0);
    get_rates(L, at, type);
    type->hooks = get_bits(L, at, "hooks", hook_names);
    type->file = xstrdup("rules.lua");
    type->line = 7;
    return type;
}

/* The table at `at` lists types, most specific first, and server_hooks. */
static struct generation *make_generation(lua_State *L, struct world *world, int at)
{
    struct generation *generation = xcalloc(1, sizeof *generation);
    luaL_argcheck(L, world->generation_count < GENERATIONS_MAX, at, "too many generations");
    generation->type_count = (unsigned)lua_rawlen(L, at);
    generation->types = xcalloc(generation->type_count + 1, sizeof *generation->types);
    generation->server_hooks = get_bits(L, at, "server_hooks", server_hook_names);
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

static void free_generation(struct generation *generation)
{
    for (unsigned i = 0; i < generation->type_count; i++) {
        struct channel_type *type = generation->types[i];
        pattern_destroy(type->pattern);
        rule_destroy(type->subscribe);
        rule_destroy(type->publish);
        rule_destroy(type->call);
        for (unsigned r = 0; r < type->rate_count; r++)
            rate_finish(&type->rates[r]);
        free(type->rates);
        free(type->key);
        free(type->file);
        free(type);
    }
    free(generation->types);
    free(generation);
}

/* ---- the world ---- */

static struct world *check_world(lua_State *L)
{
    struct world *world = luaL_checkudata(L, 1, "room.hub");
    luaL_argcheck(L, !world->is_over, 1, "the world is over");
    world->L = L;
    return world;
}

static struct hub *check_hub(lua_State *L, struct world *world, int at)
{
    lua_Integer index = luaL_optinteger(L, at, 0);
    luaL_argcheck(L, index >= 0 && index < world->count, at, "no such worker");
    return world->hubs[index];
}

/* Publications in the plain dialect: "plain DATA", a line each. Else it is Centrifuge's. */
static struct frame *say_plain(struct hub *hub, const struct publication *first, unsigned count)
{
    (void)hub;
    struct buf text = {0};
    for (unsigned i = 0; i < count; i++) {
        buf_add_text(&text, i > 0 ? "\nplain " : "plain ");
        buf_add_slice(&text, first[i].data);
    }
    struct frame *frame = frame_create_message(WS_TEXT, buf_slice(&text));
    frame->messages = count;
    buf_finish(&text);
    return frame;
}

static void get_options(lua_State *L, int at, struct world *world)
{
    struct slice secret = get_slice(L, at, "secret");
    world->secret = secret.at ? xslicedup(secret) : NULL;
    world->plain = centrifuge_json;
    world->plain.index = 1;
    world->plain.publications = say_plain;
    world->dialects[0] = &centrifuge_json;
    world->dialects[1] = &world->plain;
    world->events = event_stream;
    world->events.index = 2;
    world->dialects[2] = &world->events;
    log_init(&world->log, LOG_DEBUG, LOG_FORMAT_LOGFMT, memfd_create("log", MFD_CLOEXEC));
    world->options = (struct hub_options){
        .queue_bytes = (size_t)get_integer(L, at, "queue_bytes", 1 << 20),
        .queue_ms = (unsigned)get_integer(L, at, "queue_ms", 10000),
        .ping_ms = (unsigned)get_integer(L, at, "ping_ms", 25000),
        .pong_ms = (unsigned)get_integer(L, at, "pong_ms", 8000),
        .connect_ms = (unsigned)get_integer(L, at, "connect_ms", 10000),
        .linger_ms = (unsigned)get_integer(L, at, "linger_ms", 60000),
        .max_channels = (unsigned)get_integer(L, at, "max_channels", 128),
        .keys = {.hmac_secret = slice_make(world->secret, secret.len),
                 .leeway_s = (int)get_integer(L, at, "leeway_s", 0)},
        .is_dev = get_bool(L, at, "is_dev"),
        .dialects = world->dialects,
        .dialect_count = 3,
        .log = &world->log,
    };
}

static void ask_reload(void *context, struct hub *hub, struct api_request *request)
{
    struct world *world = context;
    (void)hub;
    world->reloading = request;
}

static void start_worker(struct world *world, unsigned index)
{
    world->workers[index] = (struct worker_of){world, index};
    world->loops[index] = loop_create();
    world->hubs[index] =
        hub_create(index, world->count, world->hubs, world->loops[index], &world->options);
    world->hubs[index]->behaviour = (struct behaviour){
        .runtime = &world->workers[index],
        .connect = behave_connect,
        .server = behave_server,
        .bind = behave_bind,
        .channel = behave_channel,
        .release = behave_release,
    };
}

static void on_moved(void *context)
{
    ((struct world *)context)->moved++;
}

static void switch_all(struct world *world, const struct generation *generation)
{
    world->moved = 0;
    for (unsigned i = 0; i < world->count; i++)
        hub_switch(world->hubs[i], generation, on_moved, world);
}

/* new(options, types, function) */
static int new (lua_State *L)
{
    luaL_checktype(L, 3, LUA_TFUNCTION);
    struct world *world = lua_newuserdatauv(L, sizeof *world, 0);
    *world = (struct world){.L = L, .failed = LUA_NOREF};
    luaL_setmetatable(L, "room.hub");
    lua_insert(L, 1);
    world->count = (unsigned)get_integer(L, 2, "workers", 1);
    luaL_argcheck(L, world->count >= 1 && world->count <= WORKERS_MAX, 2, "workers");
    get_options(L, 2, world);
    lua_pushvalue(L, 4);
    world->on = luaL_ref(L, LUA_REGISTRYINDEX);
    for (unsigned i = 0; i < world->count; i++)
        start_worker(world, i);
    world->host = (struct api_host){world, ask_reload, "node-1", loop_now_ms(world->loops[0])};
    lua_settop(L, 3);
    switch_all(world, make_generation(L, world, 3));
    lua_settop(L, 1);
    return 1;
}

static void turn_all(struct world *world)
{
    for (unsigned round = 0; round < 4 * world->count + 8; round++)
        for (unsigned i = 0; i < world->count; i++)
            loop_turn(world->loops[i]);
}

/* turn([worker]): one turn of that worker; of all, until all has come to rest */
static int turn(lua_State *L)
{
    struct world *world = check_world(L);
    if (lua_isinteger(L, 2))
        loop_turn(check_hub(L, world, 2)->loop);
    else
        turn_all(world);
    return raise_failure(L, world, 0);
}

/* wait(ms): turns all until that time has passed */
static int wait(lua_State *L)
{
    struct world *world = check_world(L);
    uint64_t end = loop_now_ms(world->loops[0]) + (uint64_t)luaL_checkinteger(L, 2);
    do {
        usleep(2000);
        for (unsigned i = 0; i < world->count; i++)
            loop_turn(world->loops[i]);
    } while (loop_now_ms(world->loops[0]) < end);
    turn_all(world);
    return raise_failure(L, world, 0);
}

/* switch(types): a new generation on all workers; what has no event moves as the loops turn */
static int switch_generation(lua_State *L)
{
    struct world *world = check_world(L);
    lua_settop(L, 2);
    switch_all(world, make_generation(L, world, 2));
    return raise_failure(L, world, 0);
}

static int moved(lua_State *L)
{
    lua_pushinteger(L, check_world(L)->moved);
    return 1;
}

static void free_client(struct client *client)
{
    session_close(client->conn.session, CLOSE_GOING, SLICE("connection closed"));
    conn_finish(&client->conn);
    free(client);
}

static int finish(lua_State *L)
{
    struct world *world = luaL_checkudata(L, 1, "room.hub");
    if (world->is_over || world->count == 0)
        return 0;
    world->L = L;
    while (world->clients != NULL) {
        struct client *next = world->clients->next;
        free_client(world->clients);
        world->clients = next;
    }
    turn_all(world);
    for (unsigned i = 0; i < world->count; i++)
        hub_destroy(world->hubs[i]);
    for (unsigned i = 0; i < world->count; i++)
        loop_destroy(world->loops[i]);
    for (unsigned i = 0; i < world->generation_count; i++)
        free_generation(world->generations[i]);
    world->is_over = true;
    free(world->secret);
    close(world->log.fd);
    luaL_unref(L, LUA_REGISTRYINDEX, world->on);
    return raise_failure(L, world, 0);
}

/* ---- looking at it ---- */

static int home(lua_State *L)
{
    struct world *world = check_world(L);
    size_t len;
    const char *name = luaL_checklstring(L, 2, &len);
    lua_pushinteger(L, hub_home(world->hubs[0], slice_make(name, len)));
    return 1;
}

/* hand(worker) -> whether all is handed over: a turn's end that has no time left but for the least */
static int hand(lua_State *L)
{
    struct world *world = check_world(L);
    lua_pushboolean(L, audience_flush_some(world->hubs[luaL_checkinteger(L, 2)], 0));
    return 1;
}

/* channel(name) -> what its home has of it, or nil; looking moves nothing */
static int look_at_channel(lua_State *L)
{
    struct world *world = check_world(L);
    struct slice name;
    name.at = luaL_checklstring(L, 2, &name.len);
    struct channel *channel =
        map_find(&world->hubs[hub_home(world->hubs[0], name)]->channels, name);
    if (channel == NULL)
        return 0;
    lua_newtable(L);
    push_channel(L, channel);
    set_integer(L, "offset", (lua_Integer)channel->offset);
    set_integer(L, "counted", (lua_Integer)channel->limits.counted.count);
    set_slice(L, "epoch", slice_of(channel->epoch));
    lua_pushboolean(L, channel->type != NULL);
    lua_setfield(L, -2, "has_type");
    lua_newtable(L);
    const struct kept *kept;
    for (unsigned n = 0; (kept = history_peek(&channel->history, n)) != NULL; n++) {
        lua_pushlstring(L, kept->data, kept->len);
        lua_rawseti(L, -2, (int)n + 1);
    }
    lua_setfield(L, -2, "history");
    return 1;
}

/* audience(worker, name) -> members heard there, or nil */
static int look_at_audience(lua_State *L)
{
    struct world *world = check_world(L);
    struct slice name;
    name.at = luaL_checklstring(L, 3, &name.len);
    struct audience *audience = map_find(&check_hub(L, world, 2)->audiences, name);
    if (audience == NULL)
        return 0;
    lua_pushinteger(L, audience->count);
    return 1;
}

static const char *const stat_names[] = {
#define X(name, metric, type, help) #name,
    STATS(X)
#undef X
        NULL};

/* stat(NAME) -> the sum over all workers */
static int stat_of(lua_State *L)
{
    struct world *world = check_world(L);
    int stat = luaL_checkoption(L, 2, NULL, stat_names);
    lua_Integer sum = 0;
    for (unsigned i = 0; i < world->count; i++)
        sum += (lua_Integer)stats_get(&world->hubs[i]->stats, (enum counter)stat);
    lua_pushinteger(L, sum);
    return 1;
}

static int metrics(lua_State *L)
{
    struct world *world = check_world(L);
    struct stats *all[WORKERS_MAX];
    struct buf out = {0};
    for (unsigned i = 0; i < world->count; i++)
        all[i] = &world->hubs[i]->stats;
    stats_put(all, world->count, &out);
    lua_pushlstring(L, out.at, out.len);
    buf_finish(&out);
    return 1;
}

static int read_log(lua_State *L)
{
    struct world *world = check_world(L);
    static char text[1 << 16];
    ssize_t len = pread(world->log.fd, text, sizeof text, 0);
    lua_pushlstring(L, text, len > 0 ? (size_t)len : 0);
    return 1;
}

/* ---- the house's own doings ---- */

/* wish(worker, effect, hops) */
static int wish(lua_State *L)
{
    struct world *world = check_world(L);
    struct effect effect;
    get_effect(L, 3, &effect);
    home_wish(check_hub(L, world, 2), &effect, (unsigned)luaL_optinteger(L, 4, 1));
    return raise_failure(L, world, 0);
}

struct asked {
    struct api_request *slot;
    struct world *world;
    int answers, status;
    struct buf body;
};

static void on_answered(void *context, int status, struct slice body)
{
    struct asked *asked = context;
    asked->answers++;
    asked->status = status;
    buf_add_slice(&asked->body, body);
}

/* api(worker, method, body) -> what will have its answer */
static int ask_api(lua_State *L)
{
    struct world *world = check_world(L);
    struct hub *hub = check_hub(L, world, 2);
    struct slice method, body;
    method.at = luaL_checklstring(L, 3, &method.len);
    body.at = luaL_checklstring(L, 4, &body.len);
    struct asked *asked = lua_newuserdatauv(L, sizeof *asked, 1);
    *asked = (struct asked){.world = world};
    luaL_setmetatable(L, "room.hub.asked");
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1); /* the world lives as long as this */
    api_handle(hub, &world->host, method, body, on_answered, asked, &asked->slot);
    return raise_failure(L, world, 1);
}

/* answer() -> status, body, times answered; nothing while there is none */
static int answer_of(lua_State *L)
{
    struct asked *asked = luaL_checkudata(L, 1, "room.hub.asked");
    ensure((asked->slot == NULL) == (asked->answers > 0));
    if (asked->answers == 0)
        return 0;
    lua_pushinteger(L, asked->status);
    lua_pushlstring(L, asked->body.at, asked->body.len);
    lua_pushinteger(L, asked->answers);
    return 3;
}

static int abandon(lua_State *L)
{
    struct asked *asked = luaL_checkudata(L, 1, "room.hub.asked");
    if (asked->slot != NULL)
        api_abandon(asked->slot);
    asked->slot = NULL;
    return 0;
}

static int free_asked(lua_State *L)
{
    struct asked *asked = luaL_checkudata(L, 1, "room.hub.asked");
    abandon(L);
    buf_finish(&asked->body);
    return 0;
}

/* answer_reload(result) or answer_reload(nil, code, text, details) */
static int answer_reload(lua_State *L)
{
    struct world *world = check_world(L);
    struct api_request *request = world->reloading;
    luaL_argcheck(L, request != NULL, 1, "nobody asked for a reload");
    world->reloading = NULL;
    if (!lua_isnil(L, 2)) {
        api_answer(request, slice_of(luaL_checkstring(L, 2)));
        return 0;
    }
    struct error error;
    fail(&error, (int)luaL_checkinteger(L, 3), "%s", luaL_checkstring(L, 4));
    api_refuse_with(request, &error, slice_of(luaL_optstring(L, 5, "")));
    return 0;
}

/* ---- clients ---- */

static void wake(struct conn *conn)
{
    ((struct client *)conn)->wakes++;
}

static void relieve(struct conn *conn)
{
    (void)conn;
}

static void throttle(struct conn *conn, bool is_on)
{
    (void)conn;
    (void)is_on;
}

static const struct transport transport = {wake, relieve, throttle};

static struct client *check_client(lua_State *L)
{
    struct client **at = luaL_checkudata(L, 1, "room.hub.client");
    luaL_argcheck(L, *at != NULL, 1, "the client has gone");
    (*at)->world->L = L;
    return *at;
}

static unsigned get_headers(lua_State *L, int at, struct request_header headers[8])
{
    unsigned count = 0;
    if (lua_getfield(L, at, "headers") == LUA_TTABLE)
        for (lua_pushnil(L); lua_next(L, -2) && count < 8; lua_pop(L, 1)) {
            struct request_header *header = &headers[count++];
            header->name.at = lua_tolstring(L, -2, &header->name.len);
            header->value.at = lua_tolstring(L, -1, &header->value.len);
        }
    lua_settop(L, at);
    return count;
}

/* client(worker, {ip, as, roles, headers, dialect}): dialect 1 is the plain one, 2 the event stream */
static int new_client(lua_State *L)
{
    struct world *world = check_world(L);
    struct hub *hub = check_hub(L, world, 2);
    struct request_header headers[8];
    lua_settop(L, 3);
    if (lua_isnil(L, 3)) {
        lua_newtable(L);
        lua_replace(L, 3);
    }
    struct visit visit = {get_text(L, 3, "ip"), get_text(L, 3, "as"), get_text(L, 3, "roles"),
                          headers, 0};
    visit.header_count = get_headers(L, 3, headers);
    struct client *client = xcalloc(1, sizeof *client);
    client->world = world;
    conn_init(&client->conn, hub, &transport);
    lua_Integer dialect = get_integer(L, 3, "dialect", 0);
    luaL_argcheck(L, dialect >= 0 && dialect < 3, 3, "no such dialect");
    client->conn.dialect = world->dialects[dialect];
    session_open(&client->conn, &visit);
    client->next = world->clients;
    world->clients = client;
    struct client **at = lua_newuserdatauv(L, sizeof *at, 1);
    *at = client;
    luaL_setmetatable(L, "room.hub.client");
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    return 1;
}

/* hear(message): what the peer has sent; not heard once the connection is closing */
static int hear(lua_State *L)
{
    struct client *client = check_client(L);
    size_t len;
    const char *text = luaL_checklstring(L, 2, &len);
    if (client->conn.closing || client->conn.session == NULL)
        return 0;
    char *exact = xmalloc(len ? len : 1);
    memcpy(exact, text, len);
    centrifuge_receive(client->conn.session, slice_make(exact, len), UINT64_MAX);
    free(exact);
    return raise_failure(L, client->world, 0);
}

static const char *reason_of(const struct conn *conn)
{
    return conn->close_reason != NULL ? conn->close_reason : close_code_text(conn->closing);
}

static void say_goodbye(struct client *client)
{
    struct conn *conn = &client->conn;
    client->has_said_goodbye = true;
    session_close(conn->session, conn->closing, slice_of(reason_of(conn)));
    struct frame *frame = conn->dialect->goodbye(conn->closing, reason_of(conn));
    outbox_push_last(&conn->out, frame, loop_now_ms(conn->hub->loop));
    frame_unref(frame);
}

/* To the end of the table at the top. */
static void push_text(lua_State *L, struct slice text)
{
    lua_pushlstring(L, text.at, text.len);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

/* A text goes to the table at the top; a close becomes {code, reason} at close_at. */
static void push_heard(lua_State *L, const struct peer_frame *frame, int close_at)
{
    struct slice payload = frame->payload;
    if (frame->opcode == WS_CLOSE) {
        lua_newtable(L);
        set_integer(L, "code", (unsigned char)payload.at[0] << 8 | (unsigned char)payload.at[1]);
        set_slice(L, "reason", slice_make(payload.at + 2, payload.len - 2));
        lua_replace(L, close_at);
    } else {
        push_text(L, payload);
    }
}

/* What has been sent leaves the outbox, one message each, or an entry each of an event stream; returns how many entries it was. */
static lua_Integer take_frames(lua_State *L, struct client *client, int close_at)
{
    struct outbox *out = &client->conn.out;
    bool is_stream = client->conn.dialect == &client->world->events;
    lua_Integer entries = 0;
    for (; !outbox_is_empty(out); entries++) {
        struct slice entry = outbox_peek(out, 0), rest = entry;
        struct peer_frame frame = {WS_TEXT, SLICE("")};
        if (is_stream)
            push_text(L, entry);
        while (!is_stream && frame_take(&rest, &frame)) {
            ensure(frame.opcode != WS_CLOSE || rest.len == 0);
            push_heard(L, &frame, close_at);
        }
        bool is_over = outbox_sent(out, entry.len, 0);
        ensure(is_over == (is_stream ? client->has_said_goodbye && outbox_is_empty(out) : frame.opcode == WS_CLOSE));
    }
    return entries;
}

/* flush() -> messages, close or nil, outbox entries these were: the end of a turn, as net/flush
 * does it */
static int flush(lua_State *L)
{
    struct client *client = check_client(L);
    lua_Integer entries = 0;
    lua_settop(L, 1);
    lua_pushnil(L);
    lua_newtable(L);
    client->wakes = 0;
    audience_flush_some(client->conn.hub, UINT64_MAX);
    conn_seal(&client->conn);
    if (client->conn.closing && !client->has_said_goodbye)
        say_goodbye(client);
    if (!client->is_stuck)
        entries = take_frames(L, client, 2);
    lua_insert(L, 2);
    lua_pushinteger(L, entries);
    return raise_failure(L, client->world, 3);
}

static int set_stuck(lua_State *L)
{
    check_client(L)->is_stuck = lua_toboolean(L, 2);
    return 0;
}

/* waiting() -> frames, bytes, bytes said and not yet framed */
static int waiting(lua_State *L)
{
    struct client *client = check_client(L);
    lua_pushinteger(L, client->conn.out.count);
    lua_pushinteger(L, (lua_Integer)client->conn.out.bytes);
    lua_pushinteger(L, (lua_Integer)client->conn.replies.len);
    return 3;
}

static int wakes(lua_State *L)
{
    lua_pushinteger(L, check_client(L)->wakes);
    return 1;
}

/* closing() -> the code it is marked with, or nil */
static int closing(lua_State *L)
{
    struct client *client = check_client(L);
    if (client->conn.closing == 0)
        return 0;
    lua_pushinteger(L, client->conn.closing);
    return 1;
}

static int close_conn(lua_State *L)
{
    struct client *client = check_client(L);
    conn_close(&client->conn, (int)luaL_checkinteger(L, 2), luaL_optstring(L, 3, NULL));
    return 0;
}

static int push_frame(lua_State *L)
{
    struct client *client = check_client(L);
    struct slice text;
    text.at = luaL_checklstring(L, 2, &text.len);
    struct frame *frame = frame_create_message(WS_TEXT, text);
    conn_push(&client->conn, frame);
    frame_unref(frame);
    return 0;
}

/* sent(bytes): the peer took so many */
static int sent(lua_State *L)
{
    struct client *client = check_client(L);
    uint64_t now = loop_now_ms(client->conn.hub->loop);
    lua_pushboolean(L, outbox_sent(&client->conn.out, (size_t)luaL_checkinteger(L, 2), now));
    return 1;
}

/* rest() -> the bytes of the first frame that have not gone */
static int rest_of(lua_State *L)
{
    struct slice rest = outbox_peek(&check_client(L)->conn.out, 0);
    lua_pushlstring(L, rest.at, rest.len);
    return 1;
}

/* drop(): the peer has gone without a word */
static int drop(lua_State *L)
{
    struct client *client = check_client(L);
    struct world *world = client->world;
    struct client **at = &world->clients;
    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
    free_client(client);
    *(struct client **)lua_touserdata(L, 1) = NULL;
    return raise_failure(L, world, 0);
}

static const luaL_Reg world_methods[] = {{"turn", turn},
                                         {"wait", wait},
                                         {"switch", switch_generation},
                                         {"moved", moved},
                                         {"home", home},
                                         {"hand", hand},
                                         {"channel", look_at_channel},
                                         {"audience", look_at_audience},
                                         {"stat", stat_of},
                                         {"metrics", metrics},
                                         {"log", read_log},
                                         {"wish", wish},
                                         {"api", ask_api},
                                         {"answer_reload", answer_reload},
                                         {"client", new_client},
                                         {"finish", finish},
                                         {"__gc", finish},
                                         {NULL, NULL}};
static const luaL_Reg client_methods[] = {
    {"hear", hear},   {"flush", flush},     {"stuck", set_stuck},  {"waiting", waiting},
    {"wakes", wakes}, {"closing", closing}, {"close", close_conn}, {"push", push_frame},
    {"drop", drop},   {"sent", sent},       {"rest", rest_of},     {NULL, NULL}};
static const luaL_Reg asked_methods[] = {
    {"answer", answer_of}, {"abandon", abandon}, {"__gc", free_asked}, {NULL, NULL}};

static void open_type(lua_State *L, const char *name, const luaL_Reg *methods)
{
    luaL_newmetatable(L, name);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

int luaopen_room_hub(lua_State *L);
int luaopen_room_hub(lua_State *L)
{
    open_type(L, "room.hub", world_methods);
    open_type(L, "room.hub.client", client_methods);
    open_type(L, "room.hub.asked", asked_methods);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, new);
    lua_setfield(L, -2, "new");
    return 1;
}
