/* hub/ and dialect/ for specs: workers whose turns the spec takes, clients without sockets, and a
 * behaviour that asks a Lua function. */
#include "hub_world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "dialect/centrifuge.h"
#include "dialect/event_stream.h"
#include "hub/audience.h"
#include "hub/home.h"

/* ---- the world ---- */

struct world *world_check(lua_State *L)
{
    struct world *world = luaL_checkudata(L, 1, "room.hub");
    luaL_argcheck(L, !world->is_over, 1, "the world is over");
    world->L = L;
    return world;
}

struct hub *world_check_hub(lua_State *L, struct world *world, int at)
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
    struct slice secret = table_slice(L, at, "secret");
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
        .queue_bytes = (size_t)table_integer(L, at, "queue_bytes", 1 << 20),
        .queue_ms = (unsigned)table_integer(L, at, "queue_ms", 10000),
        .ping_ms = (unsigned)table_integer(L, at, "ping_ms", 25000),
        .pong_ms = (unsigned)table_integer(L, at, "pong_ms", 8000),
        .connect_ms = (unsigned)table_integer(L, at, "connect_ms", 10000),
        .linger_ms = (unsigned)table_integer(L, at, "linger_ms", 60000),
        .max_channels = (unsigned)table_integer(L, at, "max_channels", 128),
        .hook_queue = (unsigned)table_integer(L, at, "hook_queue", 1000),
        .hook_queue_bytes = (size_t)table_integer(L, at, "hook_queue_bytes", 1 << 20),
        .keys = {.hmac_secret = slice_make(world->secret, secret.len),
                 .leeway_s = (int)table_integer(L, at, "leeway_s", 0)},
        .is_dev = table_bool(L, at, "is_dev"),
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
    world->hubs[index]->behaviour = spec_behaviour(&world->workers[index]);
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
    world->count = (unsigned)table_integer(L, 2, "workers", 1);
    luaL_argcheck(L, world->count >= 1 && world->count <= WORKERS_MAX, 2, "workers");
    get_options(L, 2, world);
    lua_pushvalue(L, 4);
    world->on = luaL_ref(L, LUA_REGISTRYINDEX);
    for (unsigned i = 0; i < world->count; i++)
        start_worker(world, i);
    world->host = (struct api_host){
        .context = world, .reload = ask_reload, .node = "node-1", .started_ms = loop_now_ms(world->loops[0])};
    lua_settop(L, 3);
    switch_all(world, types_create(L, world, 3));
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
    struct world *world = world_check(L);
    if (lua_isinteger(L, 2))
        loop_turn(world_check_hub(L, world, 2)->loop);
    else
        turn_all(world);
    return spec_raise(L, world, 0);
}

/* wait(ms): turns all until that time has passed */
static int wait(lua_State *L)
{
    struct world *world = world_check(L);
    uint64_t end = loop_now_ms(world->loops[0]) + (uint64_t)luaL_checkinteger(L, 2);
    do {
        usleep(2000);
        for (unsigned i = 0; i < world->count; i++)
            loop_turn(world->loops[i]);
    } while (loop_now_ms(world->loops[0]) < end);
    turn_all(world);
    return spec_raise(L, world, 0);
}

/* switch(types): a new generation on all workers; what has no event moves as the loops turn */
static int switch_generation(lua_State *L)
{
    struct world *world = world_check(L);
    lua_settop(L, 2);
    switch_all(world, types_create(L, world, 2));
    return spec_raise(L, world, 0);
}

static int moved(lua_State *L)
{
    lua_pushinteger(L, world_check(L)->moved);
    return 1;
}

static int finish(lua_State *L)
{
    struct world *world = luaL_checkudata(L, 1, "room.hub");
    if (world->is_over || world->count == 0)
        return 0;
    world->L = L;
    while (world->clients != NULL) {
        struct client *next = world->clients->next;
        client_destroy(world->clients);
        world->clients = next;
    }
    turn_all(world);
    for (unsigned i = 0; i < world->count; i++)
        hub_give_up(world->hubs[i]);
    turn_all(world);
    for (unsigned i = 0; i < world->count; i++)
        hub_destroy(world->hubs[i]);
    for (unsigned i = 0; i < world->count; i++)
        loop_destroy(world->loops[i]);
    for (unsigned i = 0; i < world->generation_count; i++)
        types_destroy(world->generations[i]);
    world->is_over = true;
    free(world->secret);
    close(world->log.fd);
    luaL_unref(L, LUA_REGISTRYINDEX, world->on);
    return spec_raise(L, world, 0);
}

/* ---- looking at it ---- */

static int home(lua_State *L)
{
    struct world *world = world_check(L);
    size_t len;
    const char *name = luaL_checklstring(L, 2, &len);
    lua_pushinteger(L, hub_home(world->hubs[0], slice_make(name, len)));
    return 1;
}

/* hand(worker) -> whether all is handed over: a turn's end that has no time left but for the least
 */
static int hand(lua_State *L)
{
    struct world *world = world_check(L);
    lua_pushboolean(L, audience_flush_some(world->hubs[luaL_checkinteger(L, 2)], 0));
    return 1;
}

/* channel(name) -> what its home has of it, or nil; looking moves nothing */
static int look_at_channel(lua_State *L)
{
    struct world *world = world_check(L);
    struct slice name;
    name.at = luaL_checklstring(L, 2, &name.len);
    struct channel *channel =
        map_find(&world->hubs[hub_home(world->hubs[0], name)]->channels, name);
    if (channel == NULL)
        return 0;
    lua_newtable(L);
    spec_push_channel(L, channel);
    table_set_integer(L, "offset", (lua_Integer)channel->offset);
    table_set_integer(L, "counted", (lua_Integer)channel->limits.counted.count);
    table_set_slice(L, "epoch", slice_of(channel->epoch));
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
    struct world *world = world_check(L);
    struct slice name;
    name.at = luaL_checklstring(L, 3, &name.len);
    const struct map *audiences = &world_check_hub(L, world, 2)->audiences;
    struct audience *audience;
    lua_Integer members = 0;
    for (size_t at = 0; (audience = map_next(audiences, &at)) != NULL;)
        members += slice_is_equal(audience->channel, name) ? audience->count : 0;
    if (members == 0)
        return 0;
    lua_pushinteger(L, members);
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
    struct world *world = world_check(L);
    int stat = luaL_checkoption(L, 2, NULL, stat_names);
    lua_Integer sum = 0;
    for (unsigned i = 0; i < world->count; i++)
        sum += (lua_Integer)stats_get(&world->hubs[i]->stats, (enum counter)stat);
    lua_pushinteger(L, sum);
    return 1;
}

static int metrics(lua_State *L)
{
    struct world *world = world_check(L);
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
    struct world *world = world_check(L);
    static char text[1 << 16];
    ssize_t len = pread(world->log.fd, text, sizeof text, 0);
    lua_pushlstring(L, text, len > 0 ? (size_t)len : 0);
    return 1;
}

/* ---- the house's own doings ---- */

/* wish(worker, effect, hops) */
static int wish(lua_State *L)
{
    struct world *world = world_check(L);
    struct effect effect;
    spec_effect(L, 3, &effect);
    home_wish(world_check_hub(L, world, 2), &effect, (unsigned)luaL_optinteger(L, 4, 1));
    return spec_raise(L, world, 0);
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
    struct world *world = world_check(L);
    struct hub *hub = world_check_hub(L, world, 2);
    struct slice method, body;
    method.at = luaL_checklstring(L, 3, &method.len);
    body.at = luaL_checklstring(L, 4, &body.len);
    struct asked *asked = lua_newuserdatauv(L, sizeof *asked, 1);
    *asked = (struct asked){.world = world};
    luaL_setmetatable(L, "room.hub.asked");
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1); /* the world lives as long as this */
    api_handle(hub, &world->host, method, body, on_answered, asked, &asked->slot);
    return spec_raise(L, world, 1);
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
    struct world *world = world_check(L);
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

static const luaL_Reg world_methods[] = {{"turn", turn},
                                         {"wake", spec_wake},
                                         {"waits", spec_waits},
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
                                         {"client", client_create},
                                         {"finish", finish},
                                         {"__gc", finish},
                                         {NULL, NULL}};
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
