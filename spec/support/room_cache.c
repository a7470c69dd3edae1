/* store/cache for specs: fetches and waiters by number. */
#include "store/cache.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "base/memory.h"

enum { MOST = 64 };

struct room {
    lua_State *L;
    struct cache *cache;
    struct cache_flight *flights[MOST];
    struct waiting {
        struct cache_waiter waiter; /* first */
        struct room *room;
        int fn;
    } waiting[MOST];
    bool has_failed;
};

static struct room *check_room(lua_State *L)
{
    struct room *room = luaL_checkudata(L, 1, "room.cache");
    room->L = L;
    return room;
}

static struct slice check_slice(lua_State *L, int at)
{
    struct slice s;
    s.at = luaL_checklstring(L, at, &s.len);
    return s;
}

static void push_slice(lua_State *L, struct slice s)
{
    if (s.at == NULL)
        lua_pushnil(L);
    else
        lua_pushlstring(L, s.at, s.len);
}

static int new (lua_State *L)
{
    struct room *room = lua_newuserdatauv(L, sizeof *room, 0);
    *room = (struct room){.cache = cache_create((size_t)luaL_checkinteger(L, 1))};
    for (int i = 0; i < MOST; i++) {
        room->waiting[i].room = room;
        room->waiting[i].fn = LUA_NOREF;
    }
    luaL_setmetatable(L, "room.cache");
    return 1;
}

static lua_Integer keep_flight(struct room *room, struct cache_flight *flight)
{
    int i = 0;
    while (room->flights[i] != NULL)
        i++;
    ensure(i < MOST);
    room->flights[i] = flight;
    return i + 1;
}

static void push_flight(struct room *room, struct cache_flight *flight)
{
    if (flight == NULL)
        lua_pushnil(room->L);
    else
        lua_pushinteger(room->L, keep_flight(room, flight));
}

static struct cache_flight *take_flight(struct room *room)
{
    struct cache_flight **kept = &room->flights[luaL_checkinteger(room->L, 2) - 1], *flight = *kept;
    *kept = NULL;
    return flight;
}

/* The function gets value, error text, flight. */
static void on_told(struct cache_waiter *waiter, struct slice value, const struct error *err,
                    struct cache_flight *flight)
{
    struct waiting *waiting = (struct waiting *)waiter;
    struct room *room = waiting->room;
    lua_State *L = room->L;
    ensure((value.at != NULL) + (err != NULL) + (flight != NULL) == 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, waiting->fn);
    luaL_unref(L, LUA_REGISTRYINDEX, waiting->fn);
    waiting->fn = LUA_NOREF;
    push_slice(L, value);
    lua_pushstring(L, err ? err->text : NULL);
    push_flight(room, flight);
    if (lua_pcall(L, 3, 0, 0) != LUA_OK) {
        lua_pop(L, 1);
        room->has_failed = true;
    }
}

static struct waiting *free_waiting(struct room *room)
{
    int i = 0;
    while (room->waiting[i].fn != LUA_NOREF)
        i++;
    ensure(i < MOST);
    return &room->waiting[i];
}

/* look(key, now, function or nil) -> sight, value, flight, waiter */
static int look(lua_State *L)
{
    static const char *const sights[] = {"fresh", "stale", "stale, you fetch", "you fetch", "wait"};
    struct room *room = check_room(L);
    struct waiting *waiting = lua_isfunction(L, 4) ? free_waiting(room) : NULL;
    struct slice value;
    struct cache_flight *flight;
    if (waiting != NULL)
        waiting->waiter.told = on_told;
    enum cache_sight sight =
        cache_look(room->cache, check_slice(L, 2), (uint64_t)luaL_checkinteger(L, 3),
                   waiting ? &waiting->waiter : NULL, &value, &flight);
    lua_pushstring(L, sights[sight]);
    push_slice(L, value);
    push_flight(room, flight);
    if (sight != CACHE_WAIT || waiting == NULL)
        return 3;
    lua_pushvalue(L, 4);
    waiting->fn = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushlightuserdata(L, waiting);
    return 4;
}

static int leave(lua_State *L)
{
    struct waiting *waiting = lua_touserdata(L, 2);
    cache_leave(&waiting->waiter);
    luaL_unref(L, LUA_REGISTRYINDEX, waiting->fn);
    waiting->fn = LUA_NOREF;
    return 0;
}

static int check_failure(lua_State *L, const struct room *room, int results)
{
    return room->has_failed ? luaL_error(L, "a waiter failed") : results;
}

/* fill(flight, value, now, ttl, stale, stale_if_error) */
static int fill(lua_State *L)
{
    struct room *room = check_room(L);
    struct slice value = check_slice(L, 3);
    struct cache_terms terms = {(uint64_t)luaL_checkinteger(L, 5),
                                (uint64_t)luaL_optinteger(L, 6, 0),
                                (uint64_t)luaL_optinteger(L, 7, 0)};
    cache_fill(take_flight(room), value, &terms, (uint64_t)luaL_checkinteger(L, 4));
    return check_failure(L, room, 0);
}

/* fail(flight, "outage" | "verdict", text, now) -> what may be used instead, or nil */
static int fail_flight(lua_State *L)
{
    static const char *const failures[] = {"outage", "verdict", NULL};
    struct room *room = check_room(L);
    enum cache_failure failure = (enum cache_failure)luaL_checkoption(L, 3, NULL, failures);
    struct error err;
    struct slice stale;
    fail(&err, ERROR_UPSTREAM, "%s", luaL_checkstring(L, 4));
    bool has =
        cache_fail(take_flight(room), failure, &err, (uint64_t)luaL_checkinteger(L, 5), &stale);
    ensure(has == (stale.at != NULL));
    push_slice(L, stale);
    return check_failure(L, room, 1);
}

static int abandon(lua_State *L)
{
    struct room *room = check_room(L);
    cache_abandon(take_flight(room));
    return check_failure(L, room, 0);
}

static int remove_key(lua_State *L)
{
    cache_remove(check_room(L)->cache, check_slice(L, 2));
    return 0;
}

static int counts(lua_State *L)
{
    const struct cache_counts *counts = cache_counts(check_room(L)->cache);
    lua_createtable(L, 0, 7);
#define PUT(name)                                                                                  \
    lua_pushinteger(L, (lua_Integer)counts->name);                                                 \
    lua_setfield(L, -2, #name)
    PUT(values);
    PUT(bytes);
    PUT(hits);
    PUT(stale);
    PUT(misses);
    PUT(joined);
    PUT(evicted);
#undef PUT
    return 1;
}

static int finish(lua_State *L)
{
    struct room *room = check_room(L);
    if (room->cache == NULL)
        return 0;
    for (int i = 0; i < MOST; i++)
        if (room->waiting[i].fn != LUA_NOREF)
            cache_leave(&room->waiting[i].waiter);
    for (int i = 0; i < MOST; i++)
        if (room->flights[i] != NULL)
            cache_abandon(room->flights[i]);
    cache_destroy(room->cache);
    room->cache = NULL;
    return 0;
}

static int destroy_nothing(lua_State *L)
{
    (void)L;
    cache_destroy(NULL);
    return 0;
}

static const luaL_Reg methods[] = {{"look", look},       {"leave", leave},
                                   {"fill", fill},       {"fail", fail_flight},
                                   {"abandon", abandon}, {"remove", remove_key},
                                   {"counts", counts},   {"finish", finish},
                                   {"__gc", finish},     {NULL, NULL}};

static const luaL_Reg functions[] = {
    {"new", new}, {"destroy_nothing", destroy_nothing}, {NULL, NULL}};

int luaopen_room_cache(lua_State *L);
int luaopen_room_cache(lua_State *L)
{
    luaL_newmetatable(L, "room.cache");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    lua_pushinteger(L, CACHE_KEY_MAX);
    lua_setfield(L, -2, "key_max");
    return 1;
}
