/* room.hub: clients as net/ has them, without sockets. */
#include "hub_world.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dialect/centrifuge.h"
#include "frames.h"
#include "hub/audience.h"
#include "hub/session.h"

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

void client_destroy(struct client *client)
{
    session_close(client->conn.session, CLOSE_GOING, SLICE("connection closed"));
    conn_finish(&client->conn);
    free(client);
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

/* client(worker, {ip, as, roles, headers, dialect}): dialect 1 is the plain one, 2 the event stream
 */
int client_create(lua_State *L)
{
    struct world *world = world_check(L);
    struct hub *hub = world_check_hub(L, world, 2);
    struct request_header headers[8];
    lua_settop(L, 3);
    if (lua_isnil(L, 3)) {
        lua_newtable(L);
        lua_replace(L, 3);
    }
    struct visit visit = {table_text(L, 3, "ip"), table_text(L, 3, "as"), table_text(L, 3, "roles"),
                          headers, 0};
    visit.header_count = get_headers(L, 3, headers);
    struct client *client = xcalloc(1, sizeof *client);
    client->world = world;
    conn_init(&client->conn, hub, &transport);
    lua_Integer dialect = table_integer(L, 3, "dialect", 0);
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

/* hear(message) -> what of it is still to be heard, later: what the peer has sent; not heard once the connection is
 * closing */
static int hear(lua_State *L)
{
    struct client *client = check_client(L);
    size_t len;
    const char *text = luaL_checklstring(L, 2, &len);
    if (client->conn.closing || client->conn.session == NULL)
        return 0;
    char *exact = xmalloc(len ? len : 1);
    memcpy(exact, text, len);
    size_t heard = centrifuge_receive(client->conn.session, slice_make(exact, len), UINT64_MAX);
    free(exact);
    lua_pushlstring(L, text + heard, len - heard);
    return spec_raise(L, client->world, 1);
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
        table_set_integer(L, "code",
                          (unsigned char)payload.at[0] << 8 | (unsigned char)payload.at[1]);
        table_set_slice(L, "reason", slice_make(payload.at + 2, payload.len - 2));
        lua_replace(L, close_at);
    } else {
        push_text(L, payload);
    }
}

/* What has been sent leaves the outbox, one message each, or an entry each of an event stream;
 * returns how many entries it was. */
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
        ensure(is_over == (is_stream ? client->has_said_goodbye && outbox_is_empty(out)
                                     : frame.opcode == WS_CLOSE));
    }
    return entries;
}

/* flush([is_late]) -> messages, close or nil, outbox entries these were: the end of a turn, as
 * net/flush does it; late: there was no time to hand anything over */
static int flush(lua_State *L)
{
    struct client *client = check_client(L);
    lua_Integer entries = 0;
    if (!lua_toboolean(L, 2))
        audience_flush_some(client->conn.hub, UINT64_MAX);
    lua_settop(L, 1);
    lua_pushnil(L);
    lua_newtable(L);
    client->wakes = 0;
    conn_seal(&client->conn);
    if (client->conn.closing && !client->has_said_goodbye)
        say_goodbye(client);
    if (!client->is_stuck)
        entries = take_frames(L, client, 2);
    lua_insert(L, 2);
    lua_pushinteger(L, entries);
    return spec_raise(L, client->world, 3);
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
    client_destroy(client);
    *(struct client **)lua_touserdata(L, 1) = NULL;
    return spec_raise(L, world, 0);
}

const luaL_Reg client_methods[] = {
    {"hear", hear},   {"flush", flush},     {"stuck", set_stuck},  {"waiting", waiting},
    {"wakes", wakes}, {"closing", closing}, {"close", close_conn}, {"push", push_frame},
    {"drop", drop},   {"sent", sent},       {"rest", rest_of},     {NULL, NULL}};
