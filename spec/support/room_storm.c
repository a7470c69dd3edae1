/* Hubs on threads of their own, as in the server, under a storm of publishes: what the thread
 * sanitizer looks at. */
#include <lauxlib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "dialect/centrifuge.h"
#include "hub/audience.h"
#include "hub/channel.h"
#include "hub/hub.h"
#include "hub/session.h"
#include "frames.h"

enum { WORKERS_MAX = 8, CLIENTS = 4, CHANNELS = 5 };

/* A client on some worker: joins all channels, publishes `left` messages a few a turn, and reads
 * what comes. */
struct client {
    struct conn conn; /* first */
    struct worker *worker;
    unsigned number, left, joined, published;
    uint64_t offsets[CHANNELS]; /* the last one heard of each */
    unsigned heard;
    bool is_awake;
};

struct worker {
    struct storm *storm;
    unsigned index;
    pthread_t thread;
    struct loop *loop;
    struct hub *hub;
    struct client clients[CLIENTS];
    unsigned gaps, closes, finished;
    bool is_done;
};

struct storm {
    unsigned count, messages;
    struct worker workers[WORKERS_MAX];
    struct hub *hubs[WORKERS_MAX];
    struct hub_options options;
    const struct dialect *dialects[1];
    struct log log;
    struct generation generations[2];
    struct channel_type type;
    struct channel_type *types[1];
    atomic_uint done;
    _Atomic unsigned moved;
};

static void wake(struct conn *conn)
{
    ((struct client *)conn)->is_awake = true;
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

static void behave_bind(void *runtime, struct channel *channel)
{
    (void)runtime;
    channel->instance = channel;
}

static void behave_release(void *runtime, struct channel *channel)
{
    (void)runtime;
    (void)channel;
}

/* ---- what a client hears ---- */

static void hear_line(struct client *client, const char *line)
{
    unsigned channel;
    unsigned long long offset;
    const char *at;
    if (strstr(line, "\"subscribe\":{}") != NULL)
        client->joined++;
    else if (strstr(line, "\"publish\":{}") != NULL)
        client->published++;
    else if (sscanf(line, "{\"push\":{\"channel\":\"c%u\"", &channel) == 1 && channel < CHANNELS &&
             (at = strstr(line, "\"offset\":")) != NULL &&
             sscanf(at, "\"offset\":%llu", &offset) == 1) {
        client->worker->gaps +=
            client->offsets[channel] != 0 && offset != client->offsets[channel] + 1;
        client->offsets[channel] = offset;
        client->heard++;
    }
}

static void hear_message(struct client *client, struct slice message)
{
    char *text = xslicedup(message), *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        hear_line(client, line);
    free(text);
}

static void read_out(struct client *client)
{
    struct outbox *out = &client->conn.out;
    client->is_awake = false;
    conn_seal(&client->conn);
    client->worker->closes += client->conn.closing != 0;
    while (!outbox_is_empty(out)) {
        struct slice entry = outbox_peek(out, 0), rest = entry;
        struct peer_frame frame;
        while (frame_take(&rest, &frame))
            hear_message(client, frame.payload);
        outbox_sent(out, entry.len, 0);
    }
}

/* ---- what it says ---- */

static void say(struct client *client, const char *line)
{
    centrifuge_receive(client->conn.session, slice_of(line), UINT64_MAX);
}

static void say_some(struct client *client)
{
    char line[128];
    for (int i = 0; i < 3 && client->left > 0; i++, client->left--) {
        snprintf(line, sizeof line, "{\"id\":%u,\"publish\":{\"channel\":\"c%u\",\"data\":%u}}",
                 client->left, (client->left + client->number) % CHANNELS, client->left);
        say(client, line);
    }
}

static void begin(struct client *client)
{
    char line[128];
    say(client, "{\"id\":1,\"connect\":{}}");
    for (unsigned c = 0; c < CHANNELS; c++) {
        snprintf(line, sizeof line, "{\"id\":%u,\"subscribe\":{\"channel\":\"c%u\"}}", c + 2, c);
        say(client, line);
    }
}

/* One turn's end: everybody says a little and hears what came. */
static void on_turn_end(void *context)
{
    struct worker *worker = context;
    bool is_quiet = true;
    for (unsigned i = 0; i < CLIENTS; i++)
        if (worker->clients[i].joined == CHANNELS)
            say_some(&worker->clients[i]);
    audience_flush_some(worker->hub, UINT64_MAX);
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct client *client = &worker->clients[i];
        if (client->is_awake)
            read_out(client);
        is_quiet = is_quiet && client->left == 0 && client->published == worker->storm->messages;
    }
    if (is_quiet && !worker->is_done) {
        worker->is_done = true;
        atomic_fetch_add(&worker->storm->done, 1);
    }
}

static void on_moved(void *context)
{
    atomic_fetch_add(&((struct storm *)context)->moved, 1);
}

static void *run(void *context)
{
    struct worker *worker = context;
    struct storm *storm = worker->storm;
    for (unsigned i = 0; i < CLIENTS; i++)
        begin(&worker->clients[i]);
    for (unsigned turn = 0; atomic_load(&storm->done) < storm->count || turn < 100; turn++) {
        loop_turn(worker->loop);
        if (turn == 20)
            hub_switch(worker->hub, &storm->generations[1], on_moved, storm);
        struct timespec pause = {0, 100000};
        nanosleep(&pause, NULL);
    }
    return NULL;
}

/* ---- making and ending it ---- */

static void start_worker(struct storm *storm, unsigned index)
{
    struct worker *worker = &storm->workers[index];
    struct visit visit = {SLICE("ip"), SLICE("user"), SLICE(""), NULL, 0};
    worker->storm = storm;
    worker->index = index;
    worker->loop = loop_create();
    worker->hub = hub_create(index, storm->count, storm->hubs, worker->loop, &storm->options);
    worker->hub->behaviour.bind = behave_bind;
    worker->hub->behaviour.release = behave_release;
    storm->hubs[index] = worker->hub;
    hub_switch(worker->hub, &storm->generations[0], on_moved, storm);
    loop_at_turn_end(worker->loop, on_turn_end, worker);
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct client *client = &worker->clients[i];
        client->worker = worker;
        client->number = index * CLIENTS + i;
        client->left = storm->messages;
        conn_init(&client->conn, worker->hub, &transport);
        client->conn.dialect = &centrifuge_json;
        session_open(&client->conn, &visit);
    }
}

static void fill(struct storm *storm)
{
    struct error err;
    struct rule_source anyone = {.text = SLICE("anyone")};
    storm->dialects[0] = &centrifuge_json;
    storm->options = (struct hub_options){
        .queue_bytes = 1 << 26,
        .queue_ms = 1000000,
        .ping_ms = 1000000,
        .pong_ms = 1000000,
        .connect_ms = 1000000,
        .linger_ms = 1000000,
        .max_channels = 128,
        .hook_queue = 1000,
        .hook_queue_bytes = 1 << 20,
        .is_dev = true,
        .dialects = storm->dialects,
        .dialect_count = 1,
        .log = NULL,
    };
    storm->type = (struct channel_type){.pattern = pattern_compile(SLICE("*"), &err),
                                        .subscribe = rule_compile(&anyone, &err),
                                        .publish = rule_compile(&anyone, &err),
                                        .call = rule_compile(&anyone, &err),
                                        .max_size = 65536,
                                        .history_size = 10};
    storm->types[0] = &storm->type;
    for (unsigned i = 0; i < 2; i++)
        storm->generations[i] =
            (struct generation){.number = i + 1, .types = storm->types, .type_count = 1};
}

static void finish(struct storm *storm)
{
    for (unsigned w = 0; w < storm->count; w++) {
        loop_at_turn_end(storm->workers[w].loop, NULL, NULL);
        for (unsigned i = 0; i < CLIENTS; i++) {
            session_close(storm->workers[w].clients[i].conn.session, 3000,
                          SLICE("connection closed"));
            conn_finish(&storm->workers[w].clients[i].conn);
        }
    }
    for (unsigned round = 0; round < 10 * storm->count; round++)
        loop_turn(storm->workers[round % storm->count].loop);
    for (unsigned w = 0; w < storm->count; w++)
        hub_destroy(storm->hubs[w]);
    for (unsigned w = 0; w < storm->count; w++)
        loop_destroy(storm->workers[w].loop);
    pattern_destroy(storm->type.pattern);
    rule_destroy(storm->type.subscribe);
    rule_destroy(storm->type.publish);
    rule_destroy(storm->type.call);
    free(storm);
}

static void set(lua_State *L, const char *name, lua_Integer n)
{
    lua_pushinteger(L, n);
    lua_setfield(L, -2, name);
}

static void push_findings(lua_State *L, struct storm *storm)
{
    unsigned heard = 0, gaps = 0, closes = 0;
    lua_Integer least = -1;
    for (unsigned w = 0; w < storm->count; w++) {
        gaps += storm->workers[w].gaps;
        closes += storm->workers[w].closes;
        for (unsigned i = 0; i < CLIENTS; i++) {
            heard += storm->workers[w].clients[i].heard;
            if (least < 0 || storm->workers[w].clients[i].heard < least)
                least = storm->workers[w].clients[i].heard;
        }
    }
    lua_newtable(L);
    set(L, "published", (lua_Integer)storm->count * CLIENTS * storm->messages);
    set(L, "heard", heard);
    set(L, "least", least);
    set(L, "gaps", gaps);
    set(L, "closes", closes);
    set(L, "moved", atomic_load(&storm->moved));
}

/* run(workers, messages of each client) -> what was found */
static int run_storm(lua_State *L)
{
    struct storm *storm = xcalloc(1, sizeof *storm);
    storm->count = (unsigned)luaL_checkinteger(L, 1);
    storm->messages = (unsigned)luaL_checkinteger(L, 2);
    ensure(storm->count <= WORKERS_MAX);
    fill(storm);
    for (unsigned w = 0; w < storm->count; w++)
        start_worker(storm, w);
    for (unsigned w = 0; w < storm->count; w++)
        ensure(pthread_create(&storm->workers[w].thread, NULL, run, &storm->workers[w]) == 0);
    for (unsigned w = 0; w < storm->count; w++)
        pthread_join(storm->workers[w].thread, NULL);
    for (unsigned round = 0; round < 20 * storm->count; round++)
        loop_turn(storm->workers[round % storm->count].loop);
    push_findings(L, storm);
    finish(storm);
    return 1;
}

static const luaL_Reg functions[] = {{"run", run_storm}, {NULL, NULL}};

int luaopen_room_storm(lua_State *L);
int luaopen_room_storm(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
