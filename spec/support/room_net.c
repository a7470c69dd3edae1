/* The parts of net/ that need no socket, or only a listening one: origins, listeners, pages for
 * browsers. */
#include <lauxlib.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/inside.h"
#include "net/http.h"
#include "net/listener.h"
#include "net/origin.h"

static struct slice check_slice(lua_State *L, int at)
{
    struct slice s;
    s.at = luaL_checklstring(L, at, &s.len);
    return s;
}

/* origin(origin, list, is_dev, host) */
static int origin(lua_State *L)
{
    struct slice origin = check_slice(L, 1);
    char *exact = xmalloc(origin.len ? origin.len : 1);
    memcpy(exact, origin.at, origin.len);
    lua_pushboolean(L, origin_is_allowed(slice_make(exact, origin.len), luaL_checkstring(L, 2),
                                         lua_toboolean(L, 3), check_slice(L, 4)));
    free(exact);
    return 1;
}

/* listen(address, count) -> list of descriptors, address in use; or nil, message, code */
static int listen_on(lua_State *L)
{
    int fds[16];
    unsigned count = (unsigned)luaL_checkinteger(L, 2);
    struct buf bound = {0};
    struct error err;
    luaL_argcheck(L, count <= 16, 2, "too many");
    bool is_open = listener_open(luaL_checkstring(L, 1), count, fds, &bound, &err);
    if (is_open) {
        lua_createtable(L, (int)count, 0);
        for (unsigned i = 0; i < count; i++) {
            lua_pushinteger(L, fds[i]);
            lua_rawseti(L, -2, (int)i + 1);
        }
        lua_pushlstring(L, bound.at, bound.len);
    } else {
        lua_pushnil(L);
        lua_pushstring(L, err.text);
        lua_pushinteger(L, err.code);
    }
    buf_finish(&bound);
    return is_open ? 2 : 3;
}

static int close_all(lua_State *L)
{
    for (int i = 1; lua_rawgeti(L, 1, i) == LUA_TNUMBER; i++, lua_pop(L, 1))
        close((int)lua_tointeger(L, -1));
    return 0;
}

/* page(folder, request bytes) -> what is answered. The whole HTTP side of a connection, without the
 * connection. */
static int page(lua_State *L)
{
    struct slice request = check_slice(L, 2);
    struct loop *loop = loop_create();
    struct hub_options hub_options = {.queue_bytes = 1 << 20, .queue_ms = 10000};
    struct hub *hub = NULL;
    hub = hub_create(0, 1, &hub, loop, &hub_options);
    struct net_shared shared = {.is_ready = true};
    struct net_options options = {.folder = luaL_checkstring(L, 1),
                                  .is_dev = true,
                                  .api_key = "",
                                  .origins = "",
                                  .test_echo = "",
                                  .head_ms = 1000,
                                  .body_ms = 1000,
                                  .idle_ms = 1000,
                                  .max_message = 65536,
                                  .shared = &shared};
    struct net *net = xcalloc(1, sizeof *net);
    net->hub = hub;
    net->options = &options;
    struct stream *stream = xcalloc(1, sizeof *stream);
    conn_init(&stream->conn, hub, &stream_transport);
    stream->net = net;
    strcpy(stream->ip, "127.0.0.1");
    http_begin(stream);
    char *exact = xmalloc(request.len ? request.len : 1);
    memcpy(exact, request.at, request.len);
    stream->protocol->received(stream, exact, request.len);
    free(exact);
    struct slice answer = outbox_peek(&stream->conn.out, 0);
    lua_pushlstring(L, answer.at ? answer.at : "", answer.len);
    stream->protocol->finish(stream);
    timer_stop(hub->timers, &stream->timer);
    conn_finish(&stream->conn);
    free(stream);
    free(net);
    hub_destroy(hub);
    loop_destroy(loop);
    return 1;
}

static const luaL_Reg functions[] = {
    {"origin", origin}, {"listen", listen_on}, {"close", close_all}, {"page", page}, {NULL, NULL}};

int luaopen_room_net(lua_State *L);
int luaopen_room_net(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
