/* Does one thing COUNT times on a hub without sockets, for callgrind to count instructions:
 *
 *     instructions delivery|publish|command COUNT
 *
 * delivery: a message is handed to one of 1,000 subscribers and taken from its outbox
 *
 * publish: a client's publish to a channel with history that nobody hears, masked frame in, reply
 * out
 *
 * command: a client's presence_stats, masked frame in, reply out
 *
 * The difference of two counts, divided, is free of what starting and ending costs: budget.lua. */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "dialect/centrifuge.h"
#include "hub/audience.h"
#include "hub/channel.h"
#include "hub/hub.h"
#include "hub/session.h"
#include "wire/websocket.h"

enum { SUBSCRIBERS = 1000, ROOM = 256 };

struct client {
    struct conn conn; /* first */
    struct ws_decoder decoder;
    struct client *next_awake;
};

struct bench {
    struct loop *loop;
    struct hub *hub, *hubs[1];
    struct hub_options options;
    const struct dialect *dialects[1];
    struct generation generation;
    struct channel_type heard, kept, *types[2];
    struct client speaker, *subscribers;
    uint64_t taken; /* bytes */
};

static struct client *awake;

static void wake(struct conn *conn)
{
    struct client *client = (struct client *)conn;
    client->next_awake = awake;
    awake = client;
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

static void bind(void *runtime, struct channel *channel)
{
    (void)runtime;
    channel->instance = channel;
}

static void release(void *runtime, struct channel *channel)
{
    (void)runtime;
    (void)channel;
}

/* ---- a client's bytes in, its outbox emptied ---- */

static void end_turn(struct bench *bench)
{
    audience_flush_some(bench->hub, UINT64_MAX);
    while (awake != NULL) {
        struct client *client = awake;
        awake = client->next_awake;
        conn_seal(&client->conn);
        while (!outbox_is_empty(&client->conn.out)) {
            size_t len = outbox_peek(&client->conn.out, 0).len;
            bench->taken += len;
            outbox_sent(&client->conn.out, len, loop_now_ms(bench->loop));
        }
    }
}

static void say(struct bench *bench, struct client *client, const char *text)
{
    static const char key[4] = {1, 2, 3, 4};
    char bytes[ROOM + 8];
    size_t len = strlen(text), used, head = len < 126 ? 2 : 4;
    ensure(len <= ROOM);
    bytes[0] = (char)(0x80 | WS_TEXT);
    bytes[1] = (char)(0x80 | (len < 126 ? len : 126));
    bytes[2] = (char)(len >> 8);
    bytes[3] = (char)len;
    memcpy(bytes + head, key, 4);
    for (size_t i = 0; i < len; i++)
        bytes[head + 4 + i] = (char)(text[i] ^ key[i & 3]);
    enum ws_opcode opcode;
    struct slice payload;
    ensure(ws_decode(&client->decoder, bytes, head + 4 + len, &used, &opcode, &payload) ==
           WS_MESSAGE);
    centrifuge_receive(client->conn.session, payload, UINT64_MAX);
    end_turn(bench);
}

static void come(struct bench *bench, struct client *client, const char *channel)
{
    char line[ROOM];
    struct visit visit = {SLICE("127.0.0.1"), SLICE("user"), SLICE(""), NULL, 0};
    struct ws_limits limits = {.message = 65536, .fragments = 16};
    ws_decoder_init(&client->decoder, &limits);
    conn_init(&client->conn, bench->hub, &transport);
    client->conn.dialect = &centrifuge_json;
    session_open(&client->conn, &visit);
    say(bench, client, "{\"id\":1,\"connect\":{}}");
    if (channel == NULL)
        return;
    snprintf(line, sizeof line, "{\"id\":2,\"subscribe\":{\"channel\":\"%s\"}}", channel);
    say(bench, client, line);
}

static void leave(struct client *client)
{
    session_close(client->conn.session, 3000, SLICE("connection closed"));
    ws_decoder_finish(&client->decoder);
    conn_finish(&client->conn);
}

/* ---- the things that are counted ---- */

static void publish(struct bench *bench, const char *channel, unsigned n)
{
    char line[ROOM];
    snprintf(line, sizeof line,
             "{\"id\":%u,\"publish\":{\"channel\":\"%s\",\"data\":{\"n\":%u,\"text\":"
             "\"a message of eighty bytes, as a chat has them, and more\"}}}",
             100000 + n, channel, 100000 + n);
    say(bench, &bench->speaker, line);
}

static void deliveries(struct bench *bench, unsigned count)
{
    bench->subscribers = xcalloc(SUBSCRIBERS, sizeof *bench->subscribers);
    for (unsigned i = 0; i < SUBSCRIBERS; i++)
        come(bench, &bench->subscribers[i], "heard:a");
    for (unsigned n = 0; n < count / SUBSCRIBERS; n++)
        publish(bench, "heard:a", n);
    for (unsigned i = 0; i < SUBSCRIBERS; i++)
        leave(&bench->subscribers[i]);
    free(bench->subscribers);
}

static void publishes(struct bench *bench, unsigned count)
{
    for (unsigned n = 0; n < count; n++)
        publish(bench, "kept:a", n);
}

static void commands(struct bench *bench, unsigned count)
{
    char line[ROOM];
    come(bench, bench->subscribers = xcalloc(1, sizeof *bench->subscribers), "heard:a");
    for (unsigned n = 0; n < count; n++) {
        snprintf(line, sizeof line, "{\"id\":%u,\"presence_stats\":{\"channel\":\"heard:a\"}}",
                 100000 + n);
        say(bench, &bench->speaker, line);
    }
    leave(bench->subscribers);
    free(bench->subscribers);
}

static const struct thing {
    const char *name;
    void (*fn)(struct bench *bench, unsigned count);
} things[] = {{"delivery", deliveries}, {"publish", publishes}, {"command", commands}};

/* ---- birth and death ---- */

static struct channel_type type(const char *pattern, unsigned history_size)
{
    struct error err;
    struct rule_source anyone = {.text = SLICE("anyone")};
    return (struct channel_type){.pattern = pattern_compile(slice_of(pattern), &err),
                                 .subscribe = rule_compile(&anyone, &err),
                                 .publish = rule_compile(&anyone, &err),
                                 .call = rule_compile(&anyone, &err),
                                 .presence = true,
                                 .max_size = 65536,
                                 .history_size = history_size};
}

static void finish_type(struct channel_type *type)
{
    pattern_destroy(type->pattern);
    rule_destroy(type->subscribe);
    rule_destroy(type->publish);
    rule_destroy(type->call);
}

static void on_moved(void *context)
{
    (void)context;
}

static void start(struct bench *bench)
{
    bench->dialects[0] = &centrifuge_json;
    bench->options = (struct hub_options){
        .queue_bytes = 1 << 20,
        .queue_ms = 1000000,
        .ping_ms = 1000000,
        .pong_ms = 1000000,
        .connect_ms = 1000000,
        .linger_ms = 1000000,
        .max_channels = 128,
        .is_dev = true,
        .dialects = bench->dialects,
        .dialect_count = 1,
    };
    bench->heard = type("heard:{name}", 0);
    bench->kept = type("kept:{name}", 100);
    bench->types[0] = &bench->heard;
    bench->types[1] = &bench->kept;
    bench->generation = (struct generation){.number = 1, .types = bench->types, .type_count = 2};
    bench->loop = loop_create();
    bench->hub = bench->hubs[0] = hub_create(0, 1, bench->hubs, bench->loop, &bench->options);
    bench->hub->behaviour.bind = bind;
    bench->hub->behaviour.release = release;
    hub_switch(bench->hub, &bench->generation, on_moved, NULL);
    come(bench, &bench->speaker, NULL);
}

static void finish(struct bench *bench)
{
    leave(&bench->speaker);
    loop_turn(bench->loop);
    hub_destroy(bench->hub);
    loop_destroy(bench->loop);
    finish_type(&bench->heard);
    finish_type(&bench->kept);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    for (size_t i = 0; argc == 3 && i < sizeof things / sizeof *things; i++)
        if (strcmp(argv[1], things[i].name) == 0) {
            start(&bench);
            things[i].fn(&bench, (unsigned)atoi(argv[2]));
            finish(&bench);
            printf("%s %s: %llu bytes\n", argv[1], argv[2], (unsigned long long)bench.taken);
            return 0;
        }
    fprintf(stderr, "usage: instructions delivery|publish|command COUNT\n");
    return 2;
}
