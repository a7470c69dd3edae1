/* fetch/ for specs: a client on a loop of its own. */
#include "fetch/fetch.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <lauxlib.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "fetch/allow.h"
#include "loop/mailbox.h"

/* PATIENT_MS: in place of the client's own times, on machines with much to do. */
enum { STUCK_MS = 120000, PATIENT_MS = 60000 };

struct room {
    lua_State *L; /* whoever runs the loop */
    struct loop *loop;
    struct timers *timers;
    struct mailbox *box; /* timers alone do not keep a loop alive */
    struct fetch *fetch;
    struct timer stuck;
    struct asked *asked;
    int pending;
    bool is_stuck, is_inside, is_running; /* is_inside: of start(); is_running: run() */
    int failed;                           /* reference of the first error a callback raised */
};

/* One start(): its function until it is called or never will be. */
struct asked {
    struct asked *next;
    struct room *room;
    struct fetch_call *call; /* NULL: done or cancelled */
    int fn;
    unsigned times;
};

static struct slice check_slice(lua_State *L, int at)
{
    struct slice s;
    s.at = luaL_checklstring(L, at, &s.len);
    return s;
}

static struct room *check_room(lua_State *L)
{
    struct room *room = luaL_checkudata(L, 1, "room.fetch");
    room->L = L;
    return room;
}

static void push_slice(lua_State *L, struct slice s)
{
    lua_pushlstring(L, s.at ? s.at : "", s.len);
}

static lua_Integer field_integer(lua_State *L, int at, const char *name)
{
    lua_getfield(L, at, name);
    lua_Integer n = luaL_optinteger(L, -1, 0);
    lua_pop(L, 1);
    return n;
}

/* Borrowed from the table. */
static struct slice field_slice(lua_State *L, int at, const char *name)
{
    struct slice s = {0};
    if (lua_getfield(L, at, name) == LUA_TSTRING)
        s.at = lua_tolstring(L, -1, &s.len);
    lua_pop(L, 1);
    return s;
}

static struct fetch_options options_of(lua_State *L, int at)
{
    struct fetch_options options = {
        .allow = field_slice(L, at, "allow").at,
        .ca_file = field_slice(L, at, "ca_file").at,
        .at_once = (unsigned)field_integer(L, at, "at_once"),
        .queue = (unsigned)field_integer(L, at, "queue"),
        .connect_ms = (unsigned)field_integer(L, at, "connect_ms"),
        .timeout_ms = (unsigned)field_integer(L, at, "timeout_ms"),
        .queue_bytes = (size_t)field_integer(L, at, "queue_bytes"),
        .request_max = (size_t)field_integer(L, at, "request_max"),
        .response_max = (size_t)field_integer(L, at, "response_max"),
    };
    if (options.connect_ms == 0)
        options.connect_ms = PATIENT_MS;
    if (options.timeout_ms == 0)
        options.timeout_ms = PATIENT_MS;
    lua_getfield(L, at, "uses_environment_proxy");
    options.uses_environment_proxy = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return options;
}

/* new(options) -> a client; or nil, reason, code */
static int new (lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    struct fetch_options options = options_of(L, 1);
    struct room *room = lua_newuserdatauv(L, sizeof *room, 0);
    *room = (struct room){.failed = LUA_NOREF};
    luaL_setmetatable(L, "room.fetch");
    room->loop = loop_create();
    room->timers = timers_create(room->loop);
    room->box = mailbox_create(room->loop, NULL);
    struct error err;
    room->fetch = fetch_create(room->loop, room->timers, &options, &err);
    if (room->fetch != NULL)
        return 1;
    lua_pushnil(L);
    lua_pushstring(L, err.text);
    lua_pushstring(L, error_code_name(err.code));
    return 3;
}

static void push_answer(lua_State *L, const struct fetch_answer *answer)
{
    lua_createtable(L, 0, 5);
    lua_pushinteger(L, answer->status);
    lua_setfield(L, -2, "status");
    push_slice(L, answer->body);
    lua_setfield(L, -2, "body");
    push_slice(L, answer->url);
    lua_setfield(L, -2, "url");
    lua_createtable(L, 0, (int)answer->header_count);
    for (size_t i = 0; i < answer->header_count; i++) {
        push_slice(L, answer->headers[i].name);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, -3) == LUA_TSTRING) { /* repeated: as HTTP joins them */
            lua_pushliteral(L, ", ");
            push_slice(L, answer->headers[i].value);
            lua_concat(L, 3);
        } else {
            lua_pop(L, 1);
            push_slice(L, answer->headers[i].value);
        }
        lua_rawset(L, -3);
    }
    lua_setfield(L, -2, "headers");
}

static void keep_failure(struct room *room)
{
    if (room->failed == LUA_NOREF)
        room->failed = luaL_ref(room->L, LUA_REGISTRYINDEX);
    else
        lua_pop(room->L, 1);
}

/* The function gets an answer, or nil, the text, the code's name and whether to try again. */
static void on_done(void *context, const struct fetch_answer *answer, const struct error *err)
{
    struct asked *asked = context;
    struct room *room = asked->room;
    lua_State *L = room->L;
    ensure(!room->is_inside);
    ensure(asked->times++ == 0);
    ensure((answer == NULL) == (err != NULL));
    asked->call = NULL;
    lua_rawgeti(L, LUA_REGISTRYINDEX, asked->fn);
    if (answer != NULL) {
        push_answer(L, answer);
    } else {
        lua_pushnil(L);
        lua_pushstring(L, err->text);
        lua_pushstring(L, error_code_name(err->code));
        lua_pushboolean(L, err->temporary);
    }
    if (lua_pcall(L, answer != NULL ? 1 : 4, 0, 0) != LUA_OK)
        keep_failure(room);
    if (--room->pending == 0 && room->is_running)
        loop_stop(room->loop);
}

static size_t read_headers(lua_State *L, int at, struct fetch_header *headers)
{
    size_t count = 0;
    if (lua_getfield(L, at, "headers") != LUA_TTABLE)
        return 0;
    for (lua_Integer i = 1; lua_rawgeti(L, -1, i) == LUA_TTABLE && count <= FETCH_HEADERS_MAX;
         i++) {
        lua_rawgeti(L, -1, 1);
        headers[count].name = check_slice(L, -1);
        lua_rawgeti(L, -2, 2);
        headers[count++].value = check_slice(L, -1);
        lua_pop(L, 3);
    }
    return count;
}

/* client:start({ method, url, body, headers = { { name, value }, ... }, ... }, function) -> for
 * cancel() */
static int start(lua_State *L)
{
    struct room *room = check_room(L);
    struct fetch_header headers[FETCH_HEADERS_MAX + 1];
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_checktype(L, 3, LUA_TFUNCTION);
    struct fetch_request request = {
        .method = field_slice(L, 2, "method"),
        .url = field_slice(L, 2, "url"),
        .body = field_slice(L, 2, "body"),
        .timeout_ms = (unsigned)field_integer(L, 2, "timeout_ms"),
        .connect_ms = (unsigned)field_integer(L, 2, "connect_ms"),
        .response_max = (size_t)field_integer(L, 2, "response_max"),
        .redirects = (unsigned)field_integer(L, 2, "redirects"),
        .headers = headers,
        .header_count = read_headers(L, 2, headers),
    };
    struct asked *asked = xcalloc(1, sizeof *asked);
    asked->room = room;
    asked->next = room->asked;
    room->asked = asked;
    lua_pushvalue(L, 3);
    asked->fn = luaL_ref(L, LUA_REGISTRYINDEX);
    room->is_inside = true;
    asked->call = fetch_start(room->fetch, &request, on_done, asked);
    room->is_inside = false;
    if (asked->call == NULL)
        return 0;
    room->pending++;
    lua_pushlightuserdata(L, asked);
    return 1;
}

static int cancel(lua_State *L)
{
    struct room *room = check_room(L);
    struct asked *asked = lua_touserdata(L, 2);
    room->pending -= asked->call != NULL;
    fetch_cancel(asked->call);
    asked->call = NULL;
    asked->times = 1; /* never again */
    return 0;
}

static int raise_failure(lua_State *L, struct room *room)
{
    if (room->is_stuck)
        return luaL_error(L, "%d calls had no end", room->pending);
    if (room->failed == LUA_NOREF)
        return 0;
    lua_rawgeti(L, LUA_REGISTRYINDEX, room->failed);
    luaL_unref(L, LUA_REGISTRYINDEX, room->failed);
    room->failed = LUA_NOREF;
    return lua_error(L);
}

static void on_stuck(struct timer *timer)
{
    struct room *room = CONTAINER(timer, struct room, stuck);
    room->is_stuck = true;
    loop_stop(room->loop);
}

/* Until every call has its end. */
static int run(lua_State *L)
{
    struct room *room = check_room(L);
    timer_start(room->timers, &room->stuck, STUCK_MS, on_stuck);
    room->is_running = true;
    if (room->pending > 0)
        loop_run(room->loop);
    room->is_running = false;
    timer_stop(room->timers, &room->stuck);
    return raise_failure(L, room);
}

static int turn(lua_State *L)
{
    struct room *room = check_room(L);
    loop_turn(room->loop);
    return raise_failure(L, room);
}

static int counts(lua_State *L)
{
    const struct fetch_counts *counts = fetch_counts(check_room(L)->fetch);
    lua_createtable(L, 0, 9);
#define PUT(name)                                                                                  \
    lua_pushinteger(L, (lua_Integer)counts->name);                                                 \
    lua_setfield(L, -2, #name)
    PUT(on_their_way);
    PUT(waiting);
    PUT(answered);
    PUT(failed);
    PUT(timed_out);
    PUT(too_large);
    PUT(not_allowed);
    PUT(overloaded);
    PUT(connections);
#undef PUT
    return 1;
}

static int finish(lua_State *L)
{
    struct room *room = check_room(L);
    if (room->loop == NULL)
        return 0;
    fetch_destroy(room->fetch);
    room->fetch = NULL;
    mailbox_destroy(room->box);
    timers_destroy(room->timers);
    loop_destroy(room->loop);
    room->loop = NULL;
    for (struct asked *next; room->asked != NULL; room->asked = next) {
        next = room->asked->next;
        luaL_unref(L, LUA_REGISTRYINDEX, room->asked->fn);
        free(room->asked);
    }
    return raise_failure(L, room);
}

static const luaL_Reg methods[] = {{"start", start}, {"cancel", cancel},  {"run", run},
                                   {"turn", turn},   {"counts", counts},  {"finish", finish},
                                   {"__gc", finish}, {"__close", finish}, {NULL, NULL}};

/* allow(list, host, port, scheme_port) -> whether; or nil and the reason */
static int allow(lua_State *L)
{
    struct error err;
    struct allow *list = allow_create(lua_tostring(L, 1), &err);
    if (list == NULL) {
        lua_pushnil(L);
        lua_pushstring(L, err.text);
        return 2;
    }
    unsigned port = (unsigned)luaL_checkinteger(L, 3);
    lua_pushboolean(L, allow_has(list, check_slice(L, 2), port, port == luaL_checkinteger(L, 4)));
    allow_destroy(list);
    return 1;
}

/* ---- names: a DNS that does not answer ---- */

static pthread_mutex_t name_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t name_change = PTHREAD_COND_INITIALIZER;
static int names_asked, names_under_way;
static bool names_are_held;

/* In place of libc's, for all of this program: names that begin with "held." wait for
 * release_names(). */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&real, &symbol, sizeof real);
    if (name == NULL || strncmp(name, "held.", 5) != 0)
        return real(name, service, hints, found);
    pthread_mutex_lock(&name_lock);
    names_asked++;
    names_under_way++;
    while (names_are_held)
        pthread_cond_wait(&name_change, &name_lock);
    names_under_way--;
    pthread_cond_broadcast(&name_change);
    pthread_mutex_unlock(&name_lock);
    return EAI_NONAME;
}

static int hold_names(lua_State *L)
{
    (void)L;
    pthread_mutex_lock(&name_lock);
    names_are_held = true;
    names_asked = 0;
    pthread_mutex_unlock(&name_lock);
    return 0;
}

/* -> how many have been asked for since hold_names() */
static int asked_names(lua_State *L)
{
    pthread_mutex_lock(&name_lock);
    lua_pushinteger(L, names_asked);
    pthread_mutex_unlock(&name_lock);
    return 1;
}

/* Until all are through. */
static int release_names(lua_State *L)
{
    (void)L;
    pthread_mutex_lock(&name_lock);
    names_are_held = false;
    pthread_cond_broadcast(&name_change);
    while (names_under_way > 0)
        pthread_cond_wait(&name_change, &name_lock);
    pthread_mutex_unlock(&name_lock);
    usleep(50000); /* what threads that nobody waits for free now is no leak */
    return 0;
}

enum { CROWD = 8 };

static int free_port(lua_State *L)
{
    for (int i = 1; i <= CROWD + 1; i++)
        close((int)lua_tointeger(L, lua_upvalueindex(i)));
    return 0;
}

/* full_port() -> a port whose queue is full, so that it answers no more handshakes; a function that
 * frees it */
static int full_port(lua_State *L)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof here;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    ensure(bind(listener, (struct sockaddr *)&here, sizeof here) == 0 && listen(listener, 0) == 0);
    ensure(getsockname(listener, (struct sockaddr *)&here, &len) == 0);
    lua_pushinteger(L, ntohs(here.sin_port));
    lua_pushinteger(L, listener);
    for (int i = 0; i < CROWD; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        ensure(connect(fd, (struct sockaddr *)&here, sizeof here) == 0 || errno == EINPROGRESS);
        lua_pushinteger(L, fd);
    }
    lua_pushcclosure(L, free_port, CROWD + 1);
    return 2;
}

static int destroy_nothing(lua_State *L)
{
    (void)L;
    fetch_destroy(NULL);
    fetch_cancel(NULL);
    allow_destroy(NULL);
    return 0;
}

static const luaL_Reg functions[] = {{"new", new},
                                     {"allow", allow},
                                     {"hold_names", hold_names},
                                     {"asked_names", asked_names},
                                     {"release_names", release_names},
                                     {"full_port", full_port},
                                     {"destroy_nothing", destroy_nothing},
                                     {NULL, NULL}};

int luaopen_room_fetch(lua_State *L);
int luaopen_room_fetch(lua_State *L)
{
    luaL_newmetatable(L, "room.fetch");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}
