/* Thousands of WebSocket clients on one thread, plain or TLS, each as quick, slow or deaf as it is
 * told. */
#include <arpa/inet.h>
#include <errno.h>
#include <lauxlib.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/memory.h"

enum {
    EVENTS_MAX = 512,
    CHUNK = 65536,
    MESSAGE_MAX = 1 << 20,
    QUICK = -1,
    TRICKLE_MS = 5,
    WIDE_BUFFER = 1 << 20
};

enum stage { CONNECTING, HANDSHAKE, UPGRADING, OPEN, GONE };
static const char *const stages[] = {"connecting", "handshake", "upgrading", "open", "gone"};

struct peer {
    int fd; /* -1: closed */
    SSL *ssl;
    enum stage stage;
    struct buf in, out;
    int pace;        /* bytes a second; 0: never reads; QUICK */
    bool is_silent;  /* answers no ping */
    bool deflates;   /* offers permessage-deflate */
    bool is_armed;   /* epoll tells when it is writable */
    long long since; /* paced: what it may read was last counted then, in ms */
    int code;        /* of the close frame; 0: none came */
    char reason[128];
    const char *why;                    /* how it ended, NULL before that */
    lua_Integer bytes, pings, inflated; /* messages that came compressed */
};

struct crowd {
    struct sockaddr_in to;
    SSL_CTX *tls; /* NULL: plain */
    int epoll;
    struct peer **peers;
    size_t count, room;
    lua_State *L; /* of this turn */
    bool hears;   /* a function to call stands at index 3 */
    lua_Integer opened;
    z_stream inflater; /* for all: each message is compressed by itself */
    char chunk[CHUNK];
    unsigned char message[MESSAGE_MAX];
};

static long long now_ms(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (long long)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static struct crowd *check_crowd(lua_State *L)
{
    return luaL_checkudata(L, 1, "room.crowd");
}

static struct peer *check_peer(lua_State *L)
{
    struct crowd *crowd = check_crowd(L);
    lua_Integer n = luaL_checkinteger(L, 2);
    luaL_argcheck(L, n >= 1 && (size_t)n <= crowd->count, 2, "nobody has this number");
    return crowd->peers[n - 1];
}

/* ---- ends ---- */

/* `hard`: the server sees a reset. Plain or TLS, nothing more is said. */
static void end(struct peer *peer, const char *why, bool hard)
{
    struct linger linger = {1, 0};
    if (peer->fd < 0)
        return;
    if (hard)
        setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    SSL_free(peer->ssl);
    close(peer->fd);
    buf_finish(&peer->in);
    buf_finish(&peer->out);
    peer->ssl = NULL;
    peer->fd = -1;
    peer->stage = GONE;
    if (peer->why == NULL)
        peer->why = why;
}

/* ---- watching ---- */

static void watch(struct crowd *crowd, size_t n, int how)
{
    struct peer *peer = crowd->peers[n];
    bool reads = peer->pace == QUICK || peer->stage < OPEN;
    struct epoll_event event = {.data.u64 = n};
    event.events = (reads ? EPOLLIN : 0u) | (peer->is_armed ? EPOLLOUT : 0u);
    if (peer->fd >= 0)
        epoll_ctl(crowd->epoll, how, peer->fd, &event);
}

static void arm(struct crowd *crowd, size_t n, bool is_armed)
{
    if (crowd->peers[n]->is_armed == is_armed)
        return;
    crowd->peers[n]->is_armed = is_armed;
    watch(crowd, n, EPOLL_CTL_MOD);
}

/* ---- bytes ---- */

/* 0: not now; negative: the end. */
static ssize_t judge_tls(struct peer *peer, int n)
{
    int why = n > 0 ? SSL_ERROR_NONE : SSL_get_error(peer->ssl, n);
    if (n > 0)
        return n;
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ssize_t write_some(struct peer *peer, const char *at, size_t len)
{
    if (peer->ssl != NULL) {
        ERR_clear_error();
        return judge_tls(peer, SSL_write(peer->ssl, at, (int)len));
    }
    ssize_t n = send(peer->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static ssize_t read_some(struct peer *peer, char *at, size_t len)
{
    if (peer->ssl != NULL) {
        ERR_clear_error();
        return judge_tls(peer, SSL_read(peer->ssl, at, (int)len));
    }
    ssize_t n = recv(peer->fd, at, len, MSG_DONTWAIT);
    return n > 0 ? n : n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static void push_out(struct crowd *crowd, size_t n)
{
    struct peer *peer = crowd->peers[n];
    while (peer->fd >= 0 && peer->out.len > 0) {
        ssize_t sent = write_some(peer, peer->out.at, peer->out.len);
        if (sent == 0) {
            arm(crowd, n, true);
            return;
        }
        if (sent < 0)
            end(peer, "reset", false);
        else
            buf_shift(&peer->out, (size_t)sent);
    }
    if (peer->fd >= 0) {
        buf_finish(&peer->out);
        arm(crowd, n, false);
    }
}

static void put_frame(struct buf *out, int opcode, const char *text, size_t len)
{
    static const unsigned char key[4] = {0x9a, 0x3c, 0x55, 0x01};
    unsigned char head[14] = {(unsigned char)(0x80 | opcode)};
    size_t used = 2;
    unsigned bytes = len < 126 ? 0 : len < 65536 ? 2 : 8;
    head[1] = 0x80 | (unsigned char)(bytes == 0 ? len : bytes == 2 ? 126 : 127);
    for (unsigned i = 0; i < bytes; i++)
        head[used++] = (unsigned char)((uint64_t)len >> 8 * (bytes - 1 - i));
    memcpy(head + used, key, 4);
    buf_add(out, head, used + 4);
    char *at = buf_reserve(out, len);
    for (size_t i = 0; i < len; i++)
        at[i] = (char)((unsigned char)text[i] ^ key[i & 3]);
    out->len += len;
}

static void say(struct crowd *crowd, size_t n, int opcode, const char *text, size_t len)
{
    struct peer *peer = crowd->peers[n];
    put_frame(&peer->out, opcode, text, len);
    if (peer->stage == OPEN)
        push_out(crowd, n);
}

/* ---- what comes ---- */

static void hear_text(struct crowd *crowd, size_t n, const char *text, size_t len)
{
    struct peer *peer = crowd->peers[n];
    if (len == 2 && memcmp(text, "{}", 2) == 0) {
        peer->pings++;
        if (!peer->is_silent)
            say(crowd, n, 1, "{}", 2);
    } else if (crowd->hears) {
        lua_pushvalue(crowd->L, 3);
        lua_pushinteger(crowd->L, (lua_Integer)n + 1);
        lua_pushlstring(crowd->L, text, len);
        lua_call(crowd->L, 2, 0);
    }
}

/* The tail is what a sender leaves out (RFC 7692). */
static void hear_deflated(struct crowd *crowd, size_t n, const char *text, size_t len)
{
    static const unsigned char tail[4] = {0, 0, 0xff, 0xff};
    z_stream *inflater = &crowd->inflater;
    inflateReset(inflater);
    inflater->next_out = crowd->message;
    inflater->avail_out = MESSAGE_MAX;
    inflater->next_in = (unsigned char *)text;
    inflater->avail_in = (unsigned)len;
    int first = inflate(inflater, Z_SYNC_FLUSH);
    inflater->next_in = (unsigned char *)tail;
    inflater->avail_in = sizeof tail;
    int second = inflate(inflater, Z_SYNC_FLUSH);
    if (first != Z_OK || (second != Z_OK && second != Z_BUF_ERROR)) {
        end(crowd->peers[n], "cannot inflate", false);
        return;
    }
    crowd->peers[n]->inflated++;
    hear_text(crowd, n, (char *)crowd->message, MESSAGE_MAX - inflater->avail_out);
}

static void hear_close(struct peer *peer, const char *text, size_t len)
{
    peer->code = len >= 2 ? (unsigned char)text[0] << 8 | (unsigned char)text[1] : 1005;
    size_t more = len > 2 ? len - 2 : 0;
    if (more >= sizeof peer->reason)
        more = sizeof peer->reason - 1;
    memcpy(peer->reason, text + 2, more);
    peer->reason[more] = '\0';
}

/* Bytes of the frame's head and of its payload; false: the head has not come whole. */
static bool measure(const struct buf *in, size_t from, size_t *head, size_t *len)
{
    const unsigned char *at = (const unsigned char *)in->at + from;
    size_t left = in->len - from;
    if (left < 2)
        return false;
    *len = at[1] & 127;
    unsigned bytes = *len == 126 ? 2 : *len == 127 ? 8 : 0;
    *head = 2 + bytes;
    if (left < *head)
        return false;
    if (bytes > 0)
        *len = 0;
    for (unsigned i = 0; i < bytes; i++)
        *len = *len << 8 | at[2 + i];
    return true;
}

/* The bytes are taken away first: what hears them may end the peer. */
static void hear_frames(struct crowd *crowd, size_t n)
{
    struct peer *peer = crowd->peers[n];
    size_t from = 0, head, len;
    while (peer->fd >= 0 && measure(&peer->in, from, &head, &len) &&
           peer->in.len - from >= head + len) {
        int opcode = peer->in.at[from] & 15;
        bool is_deflated = peer->in.at[from] & 0x40;
        const char *text = peer->in.at + from + head;
        from += head + len;
        if (opcode == 1 && is_deflated)
            hear_deflated(crowd, n, text, len);
        else if (opcode == 1)
            hear_text(crowd, n, text, len);
        else if (opcode == 8)
            hear_close(peer, text, len);
        else if (opcode == 9)
            say(crowd, n, 10, text, len);
    }
    if (peer->fd < 0)
        return;
    if (from == peer->in.len)
        buf_finish(&peer->in);
    else
        buf_shift(&peer->in, from);
}

static void hear_head(struct crowd *crowd, size_t n)
{
    struct peer *peer = crowd->peers[n];
    char *stop = memmem(peer->in.at, peer->in.len, "\r\n\r\n", 4);
    if (stop == NULL)
        return;
    if (memcmp(peer->in.at, "HTTP/1.1 101", 12) != 0) {
        end(peer, "refused", false);
        return;
    }
    buf_shift(&peer->in, (size_t)(stop + 4 - peer->in.at));
    peer->stage = OPEN;
    crowd->opened++;
    watch(crowd, n, EPOLL_CTL_MOD);
    push_out(crowd, n);
}

static void take(struct crowd *crowd, size_t n, size_t most)
{
    struct peer *peer = crowd->peers[n];
    while (peer->fd >= 0 && most > 0) {
        ssize_t got = read_some(peer, crowd->chunk, most < CHUNK ? most : CHUNK);
        if (got == 0)
            break;
        if (got < 0) {
            end(peer, peer->code != 0 ? "closed" : "cut", false);
            break;
        }
        most -= (size_t)got;
        peer->bytes += got;
        buf_add(&peer->in, crowd->chunk, (size_t)got);
        if (peer->stage == UPGRADING)
            hear_head(crowd, n);
        if (peer->stage == OPEN)
            hear_frames(crowd, n);
        if (peer->stage == OPEN && peer->pace != QUICK && most > CHUNK)
            break; /* was told to slow down meanwhile */
    }
}

/* ---- coming in ---- */

static void ask_for_upgrade(struct crowd *crowd, size_t n)
{
    struct peer *peer = crowd->peers[n];
    struct buf waits = peer->out, request = {0};
    buf_add_text(&request,
                 "GET /connection/websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    if (peer->deflates)
        buf_add_text(&request, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    buf_add_text(&request, "\r\n");
    peer->stage = UPGRADING;
    peer->out = request;
    push_out(crowd, n);
    buf_finish(&peer->out);
    if (peer->fd < 0) {
        buf_finish(&waits);
        return;
    }
    peer->out = waits;
    arm(crowd, n, false);
}

static void shake_hands(struct crowd *crowd, size_t n)
{
    struct peer *peer = crowd->peers[n];
    ERR_clear_error();
    int done = SSL_connect(peer->ssl);
    if (done == 1) {
        ask_for_upgrade(crowd, n);
        return;
    }
    if (judge_tls(peer, done) < 0)
        end(peer, "no handshake", false);
    else
        arm(crowd, n, SSL_get_error(peer->ssl, done) == SSL_ERROR_WANT_WRITE);
}

static void go_on(struct crowd *crowd, size_t n)
{
    struct peer *peer = crowd->peers[n];
    int failure = 0;
    socklen_t len = sizeof failure;
    if (getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &failure, &len) != 0 || failure != 0) {
        end(peer, strerror(failure), false);
    } else if (crowd->tls == NULL) {
        ask_for_upgrade(crowd, n);
    } else {
        peer->ssl = SSL_new(crowd->tls);
        SSL_set_fd(peer->ssl, peer->fd);
        peer->stage = HANDSHAKE;
        shake_hands(crowd, n);
    }
}

/* add([receive_buffer [, deflates]]) -> its number: it connects at once, without waiting; nil and a
 * reason when it cannot */
static int add(lua_State *L)
{
    struct crowd *crowd = check_crowd(L);
    int bytes = (int)luaL_optinteger(L, 2, 0), one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return luaL_fileresult(L, 0, "socket");
    if (bytes > 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (struct sockaddr *)&crowd->to, sizeof crowd->to) != 0 && errno != EINPROGRESS) {
        close(fd);
        return luaL_fileresult(L, 0, "connect");
    }
    if (crowd->count == crowd->room) {
        crowd->room = crowd->room ? crowd->room * 2 : 64;
        crowd->peers = xrealloc(crowd->peers, crowd->room * sizeof *crowd->peers);
    }
    struct peer *peer = xcalloc(1, sizeof *peer);
    *peer =
        (struct peer){.fd = fd, .pace = QUICK, .is_armed = true, .deflates = lua_toboolean(L, 3)};
    crowd->peers[crowd->count++] = peer;
    watch(crowd, crowd->count - 1, EPOLL_CTL_ADD);
    lua_pushinteger(L, (lua_Integer)crowd->count);
    return 1;
}

/* ---- turns ---- */

static void on_event(struct crowd *crowd, size_t n, uint32_t events)
{
    struct peer *peer = crowd->peers[n];
    if (peer->fd < 0)
        return;
    if (peer->stage == CONNECTING)
        go_on(crowd, n);
    else if (peer->stage == HANDSHAKE)
        shake_hands(crowd, n);
    else if (events & EPOLLOUT)
        push_out(crowd, n);
    if (peer->stage < UPGRADING)
        return;
    if (peer->pace == QUICK || peer->stage == UPGRADING)
        take(crowd, n, SIZE_MAX);
    else if (events & (EPOLLERR | EPOLLHUP))
        end(peer, "reset", false);
}

/* The slow ones read their share; returns whether there are any. */
static bool trickle(struct crowd *crowd)
{
    bool has_slow = false;
    long long now = now_ms();
    for (size_t n = 0; n < crowd->count; n++) {
        struct peer *peer = crowd->peers[n];
        if (peer->stage != OPEN || peer->pace <= 0)
            continue;
        has_slow = true;
        long long share = (now - peer->since) * peer->pace / 1000;
        if (share == 0)
            continue;
        peer->since = now;
        take(crowd, n, (size_t)share);
    }
    return has_slow;
}

/* turn(ms, [fn]): what happens in that time; fn(number, text) hears each message */
static int turn(lua_State *L)
{
    struct crowd *crowd = check_crowd(L);
    struct epoll_event events[EVENTS_MAX];
    long long last = now_ms() + luaL_checkinteger(L, 2);
    lua_settop(L, 3);
    crowd->L = L;
    crowd->hears = lua_isfunction(L, 3);
    for (;;) {
        bool has_slow = trickle(crowd);
        long long left = last - now_ms();
        int wait = left <= 0 ? 0 : has_slow && left > TRICKLE_MS ? TRICKLE_MS : (int)left;
        int count = epoll_wait(crowd->epoll, events, EVENTS_MAX, wait);
        for (int i = 0; i < count; i++)
            on_event(crowd, (size_t)events[i].data.u64, events[i].events);
        if (left <= 0 || count > 0) /* something was heard: who turns may want to answer */
            return 0;
    }
}

/* ---- what one is told ---- */

/* say(number, text): now, or once its connection is open */
static int say_text(lua_State *L)
{
    struct crowd *crowd = check_crowd(L);
    struct peer *peer = check_peer(L);
    size_t len;
    const char *text = luaL_checklstring(L, 3, &len);
    if (peer->fd >= 0)
        say(crowd, (size_t)lua_tointeger(L, 2) - 1, 1, text, len);
    return 0;
}

/* pace(number, bytes a second): 0 never, nil as quickly as it can. The quick get a wide receive
 * buffer: a window below the segment size is served by probes, 2 KB each 0.2 s, for minutes. */
static int set_pace(lua_State *L)
{
    struct crowd *crowd = check_crowd(L);
    struct peer *peer = check_peer(L);
    int wide = WIDE_BUFFER;
    peer->pace = (int)luaL_optinteger(L, 3, QUICK);
    peer->since = now_ms();
    if (peer->pace == QUICK && peer->fd >= 0)
        setsockopt(peer->fd, SOL_SOCKET, SO_RCVBUF, &wide, sizeof wide);
    watch(crowd, (size_t)lua_tointeger(L, 2) - 1, EPOLL_CTL_MOD);
    return 0;
}

/* silence(number): from here on it answers no pings */
static int silence(lua_State *L)
{
    check_peer(L)->is_silent = true;
    return 0;
}

/* leave(number, [hard]): closes its socket without a word; hard: by a reset */
static int leave(lua_State *L)
{
    end(check_peer(L), "left", lua_toboolean(L, 3));
    return 0;
}

/* look(number) -> stage, how it ended, close code, reason */
static int look(lua_State *L)
{
    const struct peer *peer = check_peer(L);
    lua_pushstring(L, stages[peer->stage]);
    lua_pushstring(L, peer->why);
    lua_pushinteger(L, peer->code);
    lua_pushstring(L, peer->reason);
    return 4;
}

/* got(number) -> bytes it has read, pings it has heard, messages that came compressed */
static int got(lua_State *L)
{
    const struct peer *peer = check_peer(L);
    lua_pushinteger(L, peer->bytes);
    lua_pushinteger(L, peer->pings);
    lua_pushinteger(L, peer->inflated);
    return 3;
}

/* counts() -> { connecting =, handshake =, upgrading =, open =, gone = }, upgrades there ever were
 */
static int counts(lua_State *L)
{
    const struct crowd *crowd = check_crowd(L);
    lua_Integer count[GONE + 1] = {0};
    for (size_t n = 0; n < crowd->count; n++)
        count[crowd->peers[n]->stage]++;
    lua_newtable(L);
    for (int i = 0; i <= GONE; i++) {
        lua_pushinteger(L, count[i]);
        lua_setfield(L, -2, stages[i]);
    }
    lua_pushinteger(L, crowd->opened);
    return 2;
}

/* ---- birth and death ---- */

static int close_crowd(lua_State *L)
{
    struct crowd *crowd = check_crowd(L);
    for (size_t n = 0; n < crowd->count; n++) {
        end(crowd->peers[n], "left", true);
        free(crowd->peers[n]);
    }
    free(crowd->peers);
    SSL_CTX_free(crowd->tls);
    inflateEnd(&crowd->inflater);
    if (crowd->epoll >= 0)
        close(crowd->epoll);
    memset(crowd, 0, sizeof *crowd);
    crowd->epoll = -1;
    return 0;
}

/* new(port, [tls]) */
static int new (lua_State *L)
{
    int port = (int)luaL_checkinteger(L, 1);
    bool is_tls = lua_toboolean(L, 2);
    struct rlimit limit;
    signal(SIGPIPE, SIG_IGN); /* SSL_write has no flag for it */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    struct crowd *crowd = lua_newuserdatauv(L, sizeof *crowd, 0);
    memset(crowd, 0, sizeof *crowd);
    crowd->epoll = epoll_create1(EPOLL_CLOEXEC);
    inflateInit2(&crowd->inflater, -15);
    luaL_setmetatable(L, "room.crowd");
    crowd->to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    crowd->to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!is_tls)
        return 1;
    crowd->tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_session_cache_mode(crowd->tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(crowd->tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                     SSL_MODE_RELEASE_BUFFERS);
    return 1;
}

static const luaL_Reg functions[] = {{"new", new}, {NULL, NULL}};
static const luaL_Reg methods[] = {
    {"add", add},       {"say", say_text},      {"turn", turn},        {"pace", set_pace},
    {"leave", leave},   {"silence", silence},   {"look", look},        {"got", got},
    {"counts", counts}, {"close", close_crowd}, {"__gc", close_crowd}, {"__close", close_crowd},
    {NULL, NULL}};

int luaopen_room_crowd(lua_State *L);
int luaopen_room_crowd(lua_State *L)
{
    luaL_newmetatable(L, "room.crowd");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}
