/* Plain TCP for specs: never blocks longer than it was told, reads while it writes unless it plays
 * deaf. */
#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"

enum { WAIT_MS = 10000, CHUNK = 65536, POLLED_MAX = 1024 };

struct tcp {
    int fd;                 /* -1: closed by us */
    struct buf in;          /* what has come and nobody has asked for */
    bool is_over, is_reset; /* the peer has ended its side */
    bool is_deaf;           /* what comes stays in the kernel */
};

static struct tcp *check_tcp(lua_State *L)
{
    return luaL_checkudata(L, 1, "room.socket");
}

static long long now_ms(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (long long)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static long long deadline(lua_State *L, int at)
{
    return now_ms() + luaL_optinteger(L, at, WAIT_MS);
}

static int left(long long end)
{
    long long ms = end - now_ms();
    return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

/* Takes what is there, without waiting. */
static void take(struct tcp *tcp)
{
    while (!tcp->is_over && tcp->fd >= 0) {
        ssize_t n = recv(tcp->fd, buf_reserve(&tcp->in, CHUNK), CHUNK, MSG_DONTWAIT);
        if (n > 0) {
            tcp->in.len += (size_t)n;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        tcp->is_over = true;
        tcp->is_reset = n < 0;
    }
}

/* False: nothing more came in time, or the peer has ended. */
static bool wait_for_more(struct tcp *tcp, long long end)
{
    if (tcp->is_over || tcp->fd < 0)
        return false;
    struct pollfd what = {.fd = tcp->fd, .events = POLLIN};
    if (poll(&what, 1, left(end)) <= 0)
        return false;
    take(tcp);
    return true;
}

static int push_failure(lua_State *L, const struct tcp *tcp)
{
    lua_pushnil(L);
    lua_pushstring(L, tcp->fd < 0     ? "closed here"
                      : tcp->is_reset ? "reset"
                      : tcp->is_over  ? "closed"
                                      : "timeout");
    return 2;
}

static int push_bytes(lua_State *L, struct tcp *tcp, size_t len)
{
    lua_pushlstring(L, buf_text(&tcp->in), len);
    buf_shift(&tcp->in, len);
    return 1;
}

/* ---- connecting ---- */

/* connect(port [, receive_buffer_bytes]): to this machine; nil and a reason when refused. */
static int open_tcp(lua_State *L)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)luaL_checkinteger(L, 1))};
    int bytes = (int)luaL_optinteger(L, 2, 0), one = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct tcp *tcp = lua_newuserdatauv(L, sizeof *tcp, 0);
    *tcp = (struct tcp){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    luaL_setmetatable(L, "room.socket");
    if (bytes > 0)
        setsockopt(tcp->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    if (tcp->fd < 0 || connect(tcp->fd, (struct sockaddr *)&to, sizeof to) != 0)
        return luaL_fileresult(L, 0, "connect");
    setsockopt(tcp->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return 1;
}

/* ---- methods ---- */

/* send(bytes [, ms]): all of it, or nil, reason and how much went. */
static int send_all(lua_State *L)
{
    struct tcp *tcp = check_tcp(L);
    size_t len, sent = 0;
    const char *bytes = luaL_checklstring(L, 2, &len);
    long long end = deadline(L, 3);
    while (sent < len) {
        ssize_t n = send(tcp->fd, bytes + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        struct pollfd what = {.fd = tcp->fd, .events = POLLOUT};
        if (n > 0) {
            sent += (size_t)n;
            continue;
        }
        if (errno != EAGAIN && errno != EINTR)
            break;
        if (!tcp->is_deaf && !tcp->is_over)
            what.events |= POLLIN;
        if (poll(&what, 1, left(end)) <= 0)
            break;
        if (what.events & POLLIN)
            take(tcp);
    }
    if (sent == len) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, errno == EAGAIN ? "timeout" : "closed");
    lua_pushinteger(L, (lua_Integer)sent);
    return 3;
}

/* read(n [, ms]): exactly n bytes, or nil and "timeout", "closed" or "reset". */
static int read_exactly(lua_State *L)
{
    struct tcp *tcp = check_tcp(L);
    size_t len = (size_t)luaL_checkinteger(L, 2);
    long long end = deadline(L, 3);
    while (tcp->in.len < len)
        if (!wait_for_more(tcp, end))
            return push_failure(L, tcp);
    return push_bytes(L, tcp, len);
}

/* read_until(mark [, ms]): all before and with the mark. */
static int read_until(lua_State *L)
{
    struct tcp *tcp = check_tcp(L);
    size_t len;
    const char *mark = luaL_checklstring(L, 2, &len);
    long long end = deadline(L, 3);
    for (;;) {
        const char *found = tcp->in.len ? memmem(tcp->in.at, tcp->in.len, mark, len) : NULL;
        if (found != NULL)
            return push_bytes(L, tcp, (size_t)(found - tcp->in.at) + len);
        if (!wait_for_more(tcp, end))
            return push_failure(L, tcp);
    }
}

/* read_all([ms]): everything until the peer ends its side; second result "timeout" or "reset" if it
 * does not. */
static int read_all(lua_State *L)
{
    struct tcp *tcp = check_tcp(L);
    long long end = deadline(L, 2);
    while (wait_for_more(tcp, end))
        continue;
    push_bytes(L, tcp, tcp->in.len);
    if (tcp->is_over && !tcp->is_reset)
        return 1;
    lua_pushstring(L, tcp->is_reset ? "reset" : "timeout");
    return 2;
}

static int deafen(lua_State *L)
{
    struct tcp *tcp = check_tcp(L);
    tcp->is_deaf = lua_toboolean(L, 2);
    return 0;
}

static int shut(lua_State *L)
{
    shutdown(check_tcp(L)->fd, SHUT_WR);
    return 0;
}

static int close_tcp(lua_State *L)
{
    struct tcp *tcp = check_tcp(L);
    if (tcp->fd >= 0)
        close(tcp->fd);
    tcp->fd = -1;
    buf_finish(&tcp->in);
    return 0;
}

/* The rude end: the peer sees a reset. */
static int reset(lua_State *L)
{
    struct linger hard = {1, 0};
    setsockopt(check_tcp(L)->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    return close_tcp(L);
}

/* ---- functions ---- */

/* poll({socket, ...}, ms): the indices of those where something has come or ended. */
static int poll_many(lua_State *L)
{
    struct pollfd what[POLLED_MAX];
    lua_Integer count = luaL_len(L, 1), ready = 0;
    luaL_argcheck(L, count <= POLLED_MAX, 1, "too many sockets");
    for (lua_Integer i = 0; i < count; i++) {
        lua_rawgeti(L, 1, i + 1);
        struct tcp *tcp = luaL_checkudata(L, -1, "room.socket");
        what[i] = (struct pollfd){.fd = tcp->fd, .events = POLLIN};
        lua_pop(L, 1);
    }
    poll(what, (nfds_t)count, (int)luaL_checkinteger(L, 2));
    lua_newtable(L);
    for (lua_Integer i = 0; i < count; i++)
        if (what[i].revents != 0) {
            lua_pushinteger(L, i + 1);
            lua_rawseti(L, -2, ++ready);
        }
    return 1;
}

/* mask(bytes, key): what a WebSocket client does to its payload. */
static int mask(lua_State *L)
{
    size_t len, key_len;
    const char *bytes = luaL_checklstring(L, 1, &len), *key = luaL_checklstring(L, 2, &key_len);
    luaL_Buffer out;
    luaL_argcheck(L, key_len == 4, 2, "four bytes");
    char *to = luaL_buffinitsize(L, &out, len);
    for (size_t i = 0; i < len; i++)
        to[i] = (char)(bytes[i] ^ key[i & 3]);
    luaL_pushresultsize(&out, len);
    return 1;
}

static int sleep_ms(lua_State *L)
{
    poll(NULL, 0, (int)luaL_checkinteger(L, 1));
    return 0;
}

static int tell_time(lua_State *L)
{
    lua_pushinteger(L, now_ms());
    return 1;
}

static const luaL_Reg functions[] = {{"connect", open_tcp}, {"poll", poll_many},   {"mask", mask},
                                     {"sleep", sleep_ms},   {"now_ms", tell_time}, {NULL, NULL}};
static const luaL_Reg methods[] = {{"send", send_all},
                                   {"read", read_exactly},
                                   {"read_until", read_until},
                                   {"read_all", read_all},
                                   {"deafen", deafen},
                                   {"shutdown", shut},
                                   {"reset", reset},
                                   {"close", close_tcp},
                                   {"__close", close_tcp},
                                   {"__gc", close_tcp},
                                   {NULL, NULL}};

int luaopen_room_socket(lua_State *L);
int luaopen_room_socket(lua_State *L)
{
    luaL_newmetatable(L, "room.socket");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}
