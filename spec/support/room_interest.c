/* loop/interest and loop/alarm for specs: a loop with one of each. */
#include "loop/interest.h"

#include <lauxlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "loop/alarm.h"
#include "loop/mailbox.h"

struct room {
    lua_State *L; /* whoever turns the loop */
    struct loop *loop;
    struct mailbox *box; /* keeps the loop alive */
    struct alarm *alarm;
    struct interest *interest;
    int on_alarm, on_interest; /* references of their functions */
    bool has_failed;
};

static struct room *check_room(lua_State *L)
{
    struct room *room = luaL_checkudata(L, 1, "room.interest");
    room->L = L;
    return room;
}

static void call_back(struct room *room, int fn, int arguments)
{
    lua_rawgeti(room->L, LUA_REGISTRYINDEX, fn);
    lua_insert(room->L, -arguments - 1);
    if (lua_pcall(room->L, arguments, 0, 0) != LUA_OK) {
        lua_pop(room->L, 1);
        room->has_failed = true;
    }
}

static void on_alarm(void *context)
{
    struct room *room = context;
    call_back(room, room->on_alarm, 0);
}

static int new (lua_State *L)
{
    struct room *room = lua_newuserdatauv(L, sizeof *room, 0);
    *room = (struct room){.on_alarm = LUA_NOREF, .on_interest = LUA_NOREF};
    luaL_setmetatable(L, "room.interest");
    room->loop = loop_create();
    room->box = mailbox_create(room->loop, NULL);
    room->alarm = alarm_create(room->loop, on_alarm, room);
    return 1;
}

static void keep_function(lua_State *L, int at, int *fn)
{
    luaL_checktype(L, at, LUA_TFUNCTION);
    luaL_unref(L, LUA_REGISTRYINDEX, *fn);
    lua_pushvalue(L, at);
    *fn = luaL_ref(L, LUA_REGISTRYINDEX);
}

static int check_failure(lua_State *L, const struct room *room)
{
    return room->has_failed ? luaL_error(L, "a callback failed") : 0;
}

static int turn(lua_State *L)
{
    struct room *room = check_room(L);
    loop_turn(room->loop);
    return check_failure(L, room);
}

static int run(lua_State *L)
{
    struct room *room = check_room(L);
    loop_run(room->loop);
    return check_failure(L, room);
}

static int stop(lua_State *L)
{
    loop_stop(check_room(L)->loop);
    return 0;
}

static int now(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)loop_now_ms(check_room(L)->loop));
    return 1;
}

static int set_alarm(lua_State *L)
{
    struct room *room = check_room(L);
    keep_function(L, 3, &room->on_alarm);
    alarm_set(room->alarm, (uint64_t)luaL_checkinteger(L, 2));
    return 0;
}

static int quiet(lua_State *L)
{
    alarm_stop(check_room(L)->alarm);
    return 0;
}

static void on_interest(void *context, int fd, bool is_readable, bool is_writable)
{
    struct room *room = context;
    (void)fd;
    lua_pushboolean(room->L, is_readable);
    lua_pushboolean(room->L, is_writable);
    call_back(room, room->on_interest, 2);
}

static int watch(lua_State *L)
{
    struct room *room = check_room(L);
    keep_function(L, 3, &room->on_interest);
    room->interest = interest_create(room->loop, (int)luaL_checkinteger(L, 2), on_interest, room);
    return 0;
}

static int want(lua_State *L)
{
    struct room *room = check_room(L);
    interest_set(room->interest, lua_toboolean(L, 2), lua_toboolean(L, 3));
    return 0;
}

static int unwatch(lua_State *L)
{
    struct room *room = check_room(L);
    interest_destroy(room->interest);
    room->interest = NULL;
    return 0;
}

static int finish(lua_State *L)
{
    struct room *room = check_room(L);
    if (room->loop == NULL)
        return 0;
    interest_destroy(room->interest);
    alarm_destroy(room->alarm);
    mailbox_destroy(room->box);
    loop_destroy(room->loop);
    room->loop = NULL;
    return 0;
}

/* pair() -> two ends of a socket */
static int pair(lua_State *L)
{
    int fds[2];
    ensure(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    lua_pushinteger(L, fds[0]);
    lua_pushinteger(L, fds[1]);
    return 2;
}

static int write_bytes(lua_State *L)
{
    size_t len;
    const char *bytes = luaL_checklstring(L, 2, &len);
    lua_pushinteger(L, write((int)luaL_checkinteger(L, 1), bytes, len));
    return 1;
}

static int read_bytes(lua_State *L)
{
    char bytes[100];
    ssize_t n = read((int)luaL_checkinteger(L, 1), bytes, sizeof bytes);
    lua_pushlstring(L, bytes, n > 0 ? (size_t)n : 0);
    return 1;
}

static int close_end(lua_State *L)
{
    close((int)luaL_checkinteger(L, 1));
    return 0;
}

static const luaL_Reg methods[] = {{"turn", turn},     {"run", run},         {"stop", stop},
                                   {"now", now},       {"alarm", set_alarm}, {"quiet", quiet},
                                   {"watch", watch},   {"want", want},       {"unwatch", unwatch},
                                   {"finish", finish}, {"__gc", finish},     {NULL, NULL}};

static const luaL_Reg functions[] = {{"new", new},           {"pair", pair},
                                     {"write", write_bytes}, {"read", read_bytes},
                                     {"close", close_end},   {NULL, NULL}};

int luaopen_room_interest(lua_State *L);
int luaopen_room_interest(lua_State *L)
{
    luaL_newmetatable(L, "room.interest");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}
