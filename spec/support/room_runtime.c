/* script/runtime for specs: sets from folders, channels and calls made of tables. */
#include "hub/channel.h"
#include "script/runtime.h"

#include <lauxlib.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"

enum { SETS_MAX = 1000 };

struct room {
    struct log log;
    struct runtime *runtime;
    struct behaviour behaviour;
    struct script_limits limits;
    struct script_set *current, *sets[SETS_MAX];
    unsigned set_count;
};

struct holder {
    struct room *room;
    struct channel channel;
    char *name;
};

/* ---- reading tables ---- */

static struct slice get_slice(lua_State *L, int at, const char *name)
{
    struct slice s = {NULL, 0};
    if (lua_getfield(L, at, name) == LUA_TSTRING)
        s.at = lua_tolstring(L, -1, &s.len);
    return s; /* the table keeps it */
}

static lua_Integer get_integer(lua_State *L, int at, const char *name, lua_Integer otherwise)
{
    lua_getfield(L, at, name);
    return luaL_optinteger(L, -1, otherwise);
}

static void get_facts(lua_State *L, int at, struct identity_facts *facts)
{
    luaL_checkstack(L, 20, NULL);
    facts->user = get_slice(L, at, "user");
    facts->client = get_slice(L, at, "id");
    facts->ip = get_slice(L, at, "ip");
    facts->roles = get_slice(L, at, "roles");
    facts->claims = get_slice(L, at, "claims");
    facts->info = get_slice(L, at, "info");
    facts->expires = get_integer(L, at, "expires", 0);
}

/* ---- writing tables ---- */

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

static void push_effects(lua_State *L, const struct effects *effects)
{
    static const char *const kinds[] = {"publish", "kick", "send", "close", "timer", "cancel"};
    lua_newtable(L);
    int n = 0;
    for (const struct effect *e = effects->first; e != NULL; e = e->next) {
        lua_newtable(L);
        set_slice(L, "kind", slice_of(kinds[e->kind]));
        set_slice(L, "channel", e->channel);
        set_slice(L, "data", e->data);
        set_slice(L, "user", e->user);
        set_slice(L, "client", e->client);
        set_slice(L, "reason", e->reason);
        set_integer(L, "code", e->code);
        lua_rawseti(L, -2, ++n);
    }
}

static void push_answer(lua_State *L, enum verdict verdict, const struct buf *out,
                        const struct error *error, const struct effects *effects)
{
    static const char *const verdicts[] = {"accept", "replace", "drop", "refuse"};
    lua_newtable(L);
    set_slice(L, "verdict", slice_of(verdicts[verdict]));
    set_slice(L, "out", slice_make(out->at, out->len));
    if (verdict == VERDICT_REFUSE) {
        set_integer(L, "code", error->code);
        set_slice(L, "text", slice_of(error->text));
        set_slice(L, "incident", slice_of(error->incident));
    }
    push_effects(L, effects);
    lua_setfield(L, -2, "effects");
}

static void push_problems(lua_State *L, const struct problems *problems)
{
    lua_newtable(L);
    for (unsigned i = 0; i < problems->count; i++) {
        struct buf json = {0};
        lua_newtable(L);
        set_slice(L, "file", slice_of(problems->all[i].file));
        set_slice(L, "source", slice_of(problems->all[i].source));
        set_slice(L, "reason", slice_of(problems->all[i].reason));
        set_integer(L, "line", problems->all[i].line);
        problem_put_json(&json, &problems->all[i]);
        set_slice(L, "json", buf_slice(&json));
        buf_finish(&json);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

/* ---- sets ---- */

static struct room *check_room(lua_State *L)
{
    return luaL_checkudata(L, 1, "room.runtime");
}

/* load(folder, number, is_dev) -> true or nil, problems; prepares what it loaded */
static int load(lua_State *L)
{
    struct room *room = check_room(L);
    struct problems problems = {0};
    struct error err;
    struct catalogue_options options = {
        .folder = luaL_checkstring(L, 2),
        .is_dev = lua_toboolean(L, 4),
        .limits = room->limits,
        .log = &room->log,
    };
    struct script_set *set =
        catalogue_load(&options, (unsigned)luaL_optinteger(L, 3, room->set_count + 1), &problems);
    if (set == NULL) {
        lua_pushnil(L);
        push_problems(L, &problems);
        problems_finish(&problems);
        return 2;
    }
    ensure(problems.count == 0 && room->set_count < SETS_MAX);
    room->sets[room->set_count++] = set;
    if (!runtime_prepare(room->runtime, set, &err))
        return luaL_error(L, "%s", err.text);
    lua_pushboolean(L, 1);
    return 1;
}

static void drop_unused_sets(struct room *room)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < room->set_count; i++)
        if (runtime_uses(room->runtime, room->sets[i]))
            room->sets[kept++] = room->sets[i];
        else
            script_set_destroy(room->sets[i]);
    room->set_count = kept;
}

static int switch_over(lua_State *L)
{
    struct room *room = check_room(L);
    runtime_switch(room->runtime);
    room->current = room->sets[room->set_count - 1];
    if (lua_toboolean(L, 2))
        drop_unused_sets(room);
    return 0;
}

static int discard(lua_State *L)
{
    runtime_discard(check_room(L)->runtime);
    return 0;
}

/* ---- calls ---- */

static int server_call(lua_State *L)
{
    struct room *room = check_room(L);
    static const char *const names[] = {"connect", "disconnect", "message", "call", NULL};
    enum server_hook hook = (enum server_hook)luaL_checkoption(L, 2, NULL, names);
    struct identity_facts facts;
    struct call call = {0};
    luaL_checktype(L, 3, LUA_TTABLE);
    get_facts(L, 3, &facts);
    struct identity *who = facts.client.at ? identity_create(&facts) : NULL;
    call.who = who;
    call.data = get_slice(L, 3, "data");
    call.method = get_slice(L, 3, "method");
    call.reason = get_slice(L, 3, "reason");
    call.code = (int)get_integer(L, 3, "code", 0);
    room->behaviour.server(room->runtime, hook, &call);
    push_answer(L, call.verdict, &call.out, &call.error, &call.effects);
    call_finish(&call);
    identity_unref(who);
    return 1;
}

static void set_facts(lua_State *L, const struct identity_facts *facts)
{
    set_slice(L, "user", facts->user);
    set_slice(L, "id", facts->client);
    set_slice(L, "roles", facts->roles);
    set_slice(L, "claims", facts->claims);
    set_slice(L, "info", facts->info);
    set_slice(L, "ip", facts->ip);
    set_integer(L, "expires", facts->expires);
}

static int connect(lua_State *L)
{
    struct room *room = check_room(L);
    struct connect_call call = {0};
    struct request_header headers[] = {{SLICE("User-Agent"), SLICE("spec")},
                                       {SLICE("COOKIE"), SLICE("")}};
    luaL_checktype(L, 2, LUA_TTABLE);
    get_facts(L, 2, &call.facts);
    call.token = get_slice(L, 2, "token");
    call.data = get_slice(L, 2, "data");
    call.headers = headers;
    call.header_count = 2;
    room->behaviour.connect(room->runtime, &call);
    push_answer(L, call.verdict, &call.out, &call.error, &call.effects);
    if (call.verdict == VERDICT_REPLACE) {
        lua_newtable(L);
        set_facts(L, &call.who);
        lua_setfield(L, -2, "who");
    }
    connect_call_finish(&call);
    return 1;
}

/* ---- channels ---- */

static void settle(struct holder *holder)
{
    struct channel *channel = &holder->channel;
    struct room *room = holder->room;
    if (channel->generation == &room->current->generation)
        return;
    channel->generation = &room->current->generation;
    channel->type = generation_find(channel->generation, channel->name, channel->params);
    room->behaviour.bind(room->runtime, channel);
}

static int open_channel(lua_State *L)
{
    struct room *room = check_room(L);
    size_t len;
    const char *name = luaL_checklstring(L, 2, &len);
    struct holder *holder = lua_newuserdatauv(L, sizeof *holder, 1);
    *holder = (struct holder){.room = room, .name = xslicedup(slice_make(name, len))};
    holder->channel.name = slice_make(holder->name, len);
    luaL_setmetatable(L, "room.channel");
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    settle(holder);
    return 1;
}

static int call_channel(lua_State *L)
{
    static const char *const names[] = {"open",    "close",     "subscribe", "unsubscribe",
                                        "publish", "published", "upgrade", "call", "timer", NULL};
    struct holder *holder = luaL_checkudata(L, 1, "room.channel");
    enum hook hook = (enum hook)luaL_checkoption(L, 2, NULL, names);
    struct identity_facts facts;
    struct call call = {.hook = hook};
    luaL_checktype(L, 3, LUA_TTABLE);
    get_facts(L, 3, &facts);
    struct identity *who = facts.client.at ? identity_create(&facts) : NULL;
    call.who = who;
    call.data = get_slice(L, 3, "data");
    call.method = get_slice(L, 3, "method");
    call.reason = get_slice(L, 3, "reason");
    call.code = (int)get_integer(L, 3, "code", 0);
    call.offset = (uint64_t)get_integer(L, 3, "offset", 0);
    call.hops = (unsigned)get_integer(L, 3, "hops", 0);
    settle(holder);
    if (holder->channel.type == NULL || !(holder->channel.type->hooks & 1u << hook))
        return luaL_error(L, "the channel has no such hook");
    holder->room->behaviour.channel(holder->room->runtime, &holder->channel, &call);
    push_answer(L, call.verdict, &call.out, &call.error, &call.effects);
    call_finish(&call);
    identity_unref(who);
    return 1;
}

static int bind(lua_State *L)
{
    settle(luaL_checkudata(L, 1, "room.channel"));
    return 0;
}

static int release(lua_State *L)
{
    struct holder *holder = luaL_checkudata(L, 1, "room.channel");
    if (holder->room->runtime != NULL)
        holder->room->behaviour.release(holder->room->runtime, &holder->channel);
    free(holder->name);
    holder->name = NULL;
    return 0;
}

static int has_instance(lua_State *L)
{
    struct holder *holder = luaL_checkudata(L, 1, "room.channel");
    lua_pushboolean(L, holder->channel.instance != NULL);
    return 1;
}

/* ---- the rest ---- */

static int metrics(lua_State *L)
{
    struct room *room = check_room(L);
    struct buf out = {0};
    runtime_put_metrics(&room->runtime, 1, &out);
    lua_pushlstring(L, out.at, out.len);
    buf_finish(&out);
    return 1;
}

/* What has been logged since it was asked last. */
static int read_log(lua_State *L)
{
    struct room *room = check_room(L);
    char text[65536];
    ssize_t len = pread(room->log.fd, text, sizeof text, 0);
    lua_pushlstring(L, text, len > 0 ? (size_t)len : 0);
    if (ftruncate(room->log.fd, 0) != 0 || lseek(room->log.fd, 0, SEEK_SET) != 0)
        return luaL_error(L, "log");
    return 1;
}

static int new (lua_State *L)
{
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    struct script_limits limits = SCRIPT_LIMITS_DEFAULT;
    limits.memory = (size_t)get_integer(L, 1, "memory", (lua_Integer)limits.memory);
    limits.cpu_ms = (unsigned)get_integer(L, 1, "cpu_ms", limits.cpu_ms);
    limits.source_bytes =
        (size_t)get_integer(L, 1, "source_bytes", (lua_Integer)limits.source_bytes);
    lua_getfield(L, 1, "explains");
    bool explains = lua_toboolean(L, -1);
    struct room *room = lua_newuserdatauv(L, sizeof *room, 0);
    *room = (struct room){.limits = limits};
    log_init(&room->log, LOG_DEBUG, LOG_FORMAT_LOGFMT, memfd_create("log", MFD_CLOEXEC));
    room->runtime = runtime_create(
        &(struct runtime_options){.limits = limits, .explains = explains, .log = &room->log}, NULL);
    runtime_fill(room->runtime, &room->behaviour);
    luaL_setmetatable(L, "room.runtime");
    return 1;
}

static int finish(lua_State *L)
{
    struct room *room = check_room(L);
    runtime_destroy(room->runtime);
    room->runtime = NULL;
    for (unsigned i = 0; i < room->set_count; i++)
        script_set_destroy(room->sets[i]);
    close(room->log.fd);
    return 0;
}

/* Bytes of the whole process in use; 0 under a sanitizer, which has its own way to find leaks. */
static int allocated(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)mallinfo2().uordblks);
    return 1;
}

static const luaL_Reg room_methods[] = {{"load", load},       {"switch", switch_over},
                                        {"discard", discard}, {"server", server_call},
                                        {"connect", connect}, {"channel", open_channel},
                                        {"metrics", metrics}, {"log", read_log},
                                        {"__gc", finish},     {NULL, NULL}};
static const luaL_Reg channel_methods[] = {{"call", call_channel},
                                           {"bind", bind},
                                           {"has_instance", has_instance},
                                           {"__gc", release},
                                           {NULL, NULL}};

static void make_class(lua_State *L, const char *name, const luaL_Reg *methods)
{
    luaL_newmetatable(L, name);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

int luaopen_room_runtime(lua_State *L);
int luaopen_room_runtime(lua_State *L)
{
    make_class(L, "room.runtime", room_methods);
    make_class(L, "room.channel", channel_methods);
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, new);
    lua_setfield(L, -2, "new");
    lua_pushcfunction(L, allocated);
    lua_setfield(L, -2, "allocated");
    return 1;
}
