/* store/ for specs: the memory store, by one thread and by many. */
#include "store/store_memory.h"

#include <lauxlib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store/table.h"

struct room {
    struct store *store;
};

static struct store *check_store(lua_State *L)
{
    return ((struct room *)luaL_checkudata(L, 1, "room.store"))->store;
}

static struct slice check_slice(lua_State *L, int at)
{
    struct slice s;
    s.at = luaL_checklstring(L, at, &s.len);
    return s;
}

static uint64_t check_ms(lua_State *L, int at)
{
    return (uint64_t)luaL_optinteger(L, at, 0);
}

static int push_error(lua_State *L, const struct error *err)
{
    lua_pushnil(L);
    lua_pushstring(L, err->text);
    lua_pushstring(L, error_code_name(err->code));
    return 3;
}

static int new (lua_State *L)
{
    struct room *room = lua_newuserdatauv(L, sizeof *room, 0);
    room->store = store_memory_create((size_t)luaL_checkinteger(L, 1));
    luaL_setmetatable(L, "room.store");
    return 1;
}

/* get(key, now) -> value, version; or nil */
static int get(lua_State *L)
{
    struct buf value = {0};
    uint64_t version = 0;
    if (!store_get(check_store(L), check_slice(L, 2), check_ms(L, 3), &value, &version))
        return 0;
    lua_pushlstring(L, value.at ? value.at : "", value.len);
    lua_pushinteger(L, (lua_Integer)version);
    buf_finish(&value);
    return 2;
}

/* set(key, value, now, ttl) -> true; or nil, reason, code */
static int set(lua_State *L)
{
    struct error err;
    struct store_write write = {check_slice(L, 2), check_slice(L, 3), check_ms(L, 5)};
    if (!store_set(check_store(L), &write, check_ms(L, 4), &err))
        return push_error(L, &err);
    lua_pushboolean(L, true);
    return 1;
}

static int delete (lua_State *L)
{
    lua_pushboolean(L, store_delete(check_store(L), check_slice(L, 2), check_ms(L, 3)));
    return 1;
}

/* increment(key, by, now, ttl) -> the sum; or nil, reason, code */
static int increment(lua_State *L)
{
    struct error err;
    int64_t sum;
    if (!store_increment(check_store(L), check_slice(L, 2), luaL_checkinteger(L, 3), check_ms(L, 5),
                         check_ms(L, 4), &sum, &err))
        return push_error(L, &err);
    lua_pushinteger(L, sum);
    return 1;
}

/* swap(key, version, value, now, ttl) -> whether, version; or nil, reason, code */
static int swap(lua_State *L)
{
    struct error err;
    uint64_t version = (uint64_t)luaL_checkinteger(L, 3);
    struct store_write write = {check_slice(L, 2), check_slice(L, 4), check_ms(L, 6)};
    enum store_outcome outcome = store_swap(check_store(L), &write, &version, check_ms(L, 5), &err);
    if (outcome == STORE_REFUSED)
        return push_error(L, &err);
    lua_pushboolean(L, outcome == STORE_SWAPPED);
    lua_pushinteger(L, (lua_Integer)version);
    return 2;
}

static void add_pair(void *context, struct slice key, struct slice value, uint64_t version)
{
    lua_State *L = context;
    lua_createtable(L, 3, 0);
    lua_pushlstring(L, key.at, key.len);
    lua_rawseti(L, -2, 1);
    lua_pushlstring(L, value.at ? value.at : "", value.len);
    lua_rawseti(L, -2, 2);
    lua_pushinteger(L, (lua_Integer)version);
    lua_rawseti(L, -2, 3);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

/* list(prefix, limit, after or nil, now) -> { { key, value, version }, ... }, whether there is more
 */
static int list(lua_State *L)
{
    struct store_range range = {.prefix = check_slice(L, 2),
                                .limit = (size_t)luaL_checkinteger(L, 3)};
    if (!lua_isnoneornil(L, 4))
        range.after = check_slice(L, 4);
    uint64_t now_ms = check_ms(L, 5);
    lua_newtable(L);
    bool has_more = store_list(check_store(L), &range, now_ms, add_pair, L);
    lua_pushboolean(L, has_more);
    return 2;
}

static int sweep(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)store_sweep(check_store(L), check_ms(L, 2),
                                                (size_t)luaL_checkinteger(L, 3)));
    return 1;
}

static int counts(lua_State *L)
{
    struct store_counts counts;
    store_counts(check_store(L), &counts);
    lua_createtable(L, 0, 5);
#define PUT(name)                                                                                  \
    lua_pushinteger(L, (lua_Integer)counts.name);                                                  \
    lua_setfield(L, -2, #name)
    PUT(values);
    PUT(bytes);
    PUT(byte_limit);
    PUT(expired);
    PUT(refused);
#undef PUT
    return 1;
}

static int finish(lua_State *L)
{
    struct room *room = luaL_checkudata(L, 1, "room.store");
    store_destroy(room->store);
    room->store = NULL;
    return 0;
}

/* ---- many threads ---- */

enum { THREADS_MAX = 16, COUNTERS = 8 };

struct thread {
    pthread_t id;
    struct store *store;
    unsigned number, times, keys;
    unsigned wrong;   /* what no store that is atomic can answer */
    unsigned swapped; /* successes on the key that all swap */
    unsigned heard;
};

static struct slice name(char text[32], const char *what, unsigned n)
{
    return slice_make(text, (size_t)snprintf(text, 32, "%s/%04u", what, n));
}

static void note_key(void *context, struct slice key, struct slice value, uint64_t version)
{
    struct thread *thread = context;
    thread->wrong += !slice_begins(key, "own/") || value.len == 0 || version == 0;
    thread->heard++;
}

/* A key that only this thread touches, which comes, is read back and goes again. */
static void use_own(struct thread *thread, unsigned i)
{
    char key[32];
    struct buf value = {0};
    struct error err;
    struct store_write write = {name(key, "own", thread->number * 1000 + i % 100),
                                SLICE("\"mine\""), 0};
    uint64_t version;
    thread->wrong += !store_set(thread->store, &write, i, &err);
    thread->wrong += !store_get(thread->store, write.key, i, &value, &version) || value.len != 6;
    thread->wrong += i % 3 == 0 && !store_delete(thread->store, write.key, i);
    buf_finish(&value);
}

static void swap_common(struct thread *thread, unsigned i)
{
    struct buf value = {0};
    struct error err;
    uint64_t version = 0;
    int64_t n = 0;
    char text[24];
    if (store_get(thread->store, SLICE("common"), i, &value, &version))
        thread->wrong += !store_parse_integer(buf_slice(&value), &n);
    struct store_write write = {
        SLICE("common"), {text, (size_t)snprintf(text, sizeof text, "%d", (int)n + 1)}, 0};
    thread->swapped += store_swap(thread->store, &write, &version, i, &err) == STORE_SWAPPED;
    buf_finish(&value);
}

static void *storm_thread(void *context)
{
    struct thread *thread = context;
    char key[32];
    struct error err;
    int64_t sum;
    for (unsigned i = 0; i < thread->times; i++) {
        thread->wrong += !store_increment(thread->store, name(key, "counter", i % COUNTERS), 1, 0,
                                          i, &sum, &err) ||
                         sum < 1;
        use_own(thread, i);
        swap_common(thread, i);
        struct store_write brief = {name(key, "brief", i % 50), SLICE("1"), 1};
        store_set(thread->store, &brief, i, &err);
        if (i % 16 == 0) {
            struct store_range range = {.prefix = SLICE("own/"), .limit = 20};
            store_list(thread->store, &range, i, note_key, thread);
            store_sweep(thread->store, i, 10);
        }
    }
    return NULL;
}

static void run_threads(struct thread *threads, unsigned count, void *(*fn)(void *context))
{
    for (unsigned i = 0; i < count; i++)
        ensure(pthread_create(&threads[i].id, NULL, fn, &threads[i]) == 0);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i].id, NULL);
}

/* storm(threads, times) -> wrong answers, successful swaps, keys heard of in lists */
static int storm(lua_State *L)
{
    struct thread threads[THREADS_MAX] = {0};
    unsigned count = (unsigned)luaL_checkinteger(L, 2);
    for (unsigned i = 0; i < count; i++)
        threads[i] = (struct thread){
            .store = check_store(L), .number = i, .times = (unsigned)luaL_checkinteger(L, 3)};
    run_threads(threads, count, storm_thread);
    lua_Integer wrong = 0, swapped = 0, heard = 0;
    for (unsigned i = 0; i < count; i++)
        wrong += threads[i].wrong, swapped += threads[i].swapped, heard += threads[i].heard;
    lua_pushinteger(L, wrong);
    lua_pushinteger(L, swapped);
    lua_pushinteger(L, heard);
    return 3;
}

/* Three gets and a set, by turns. */
static void *race_thread(void *context)
{
    struct thread *thread = context;
    struct buf value = {0};
    struct error err;
    char key[32];
    uint64_t chance = thread->number + 1;
    for (unsigned i = 0; i < thread->times; i++) {
        chance = chance * 6364136223846793005u + 1442695040888963407u;
        struct store_write write = {name(key, "key", (unsigned)(chance >> 33) % thread->keys),
                                    SLICE("{\"n\":12345}"), 60000};
        buf_clear(&value);
        if (i % 4 == 0)
            store_set(thread->store, &write, 1, &err);
        else
            store_get(thread->store, write.key, 1, &value, NULL);
    }
    buf_finish(&value);
    return NULL;
}

/* race(threads, times, keys) -> ns of an operation, of each thread */
static int race(lua_State *L)
{
    struct thread threads[THREADS_MAX] = {0};
    unsigned count = (unsigned)luaL_checkinteger(L, 2), times = (unsigned)luaL_checkinteger(L, 3);
    for (unsigned i = 0; i < count; i++)
        threads[i] = (struct thread){.store = check_store(L),
                                     .number = i,
                                     .times = times,
                                     .keys = (unsigned)luaL_checkinteger(L, 4)};
    uint64_t begun = clock_monotonic_ns();
    run_threads(threads, count, race_thread);
    lua_pushnumber(L, (lua_Number)(clock_monotonic_ns() - begun) / times);
    return 1;
}

static const luaL_Reg methods[] = {
    {"get", get},     {"set", set},   {"delete", delete}, {"increment", increment},
    {"swap", swap},   {"list", list}, {"sweep", sweep},   {"counts", counts},
    {"storm", storm}, {"race", race}, {"__gc", finish},   {"finish", finish},
    {NULL, NULL}};

/* ---- store/table alone, without locks ---- */

static struct table *check_table(lua_State *L)
{
    return luaL_checkudata(L, 1, "room.table");
}

static int table_new(lua_State *L)
{
    struct table *table = lua_newuserdatauv(L, sizeof *table, 0);
    *table = (struct table){0};
    luaL_setmetatable(L, "room.table");
    return 1;
}

/* put(key, value, due) -> version */
static int table_put_lua(lua_State *L)
{
    struct table_entry *entry =
        table_put(check_table(L), check_slice(L, 2), check_slice(L, 3), check_ms(L, 4));
    lua_pushinteger(L, (lua_Integer)entry->version);
    return 1;
}

static int table_take(lua_State *L)
{
    struct table_entry *entry = table_find(check_table(L), check_slice(L, 2));
    if (entry != NULL)
        table_remove(check_table(L), entry);
    lua_pushboolean(L, entry != NULL);
    return 1;
}

static int table_sweep_lua(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)table_sweep(check_table(L), check_ms(L, 2),
                                                (size_t)luaL_checkinteger(L, 3)));
    return 1;
}

/* keys(from, is_after) -> { key, value, ... } to the end, in order; bytes, and what all costs add
 * up to */
static int table_keys(lua_State *L)
{
    const struct table *table = check_table(L);
    size_t cost = 0;
    lua_Integer n = 0;
    lua_newtable(L);
    for (struct table_entry *entry = table_seek(table, check_slice(L, 2), lua_toboolean(L, 3));
         entry != NULL; entry = table_next(entry)) {
        struct slice key = table_key(entry), value = table_value(entry);
        ensure(table_find(table, key) == entry);
        cost += table_cost(key.len, value.len);
        lua_pushlstring(L, key.at, key.len);
        lua_rawseti(L, -2, ++n);
        lua_pushlstring(L, value.at, value.len);
        lua_rawseti(L, -2, ++n);
    }
    lua_pushinteger(L, (lua_Integer)table->bytes);
    lua_pushinteger(L, (lua_Integer)cost);
    return 3;
}

static int table_gc(lua_State *L)
{
    table_finish(check_table(L));
    return 0;
}

static const luaL_Reg table_methods[] = {{"put", table_put_lua},     {"remove", table_take},
                                         {"sweep", table_sweep_lua}, {"keys", table_keys},
                                         {"__gc", table_gc},         {NULL, NULL}};

static int destroy_nothing(lua_State *L)
{
    (void)L;
    store_destroy(NULL);
    return 0;
}

static const luaL_Reg functions[] = {
    {"new", new}, {"table", table_new}, {"destroy_nothing", destroy_nothing}, {NULL, NULL}};

static void add_metatable(lua_State *L, const char *type, const luaL_Reg *fns)
{
    luaL_newmetatable(L, type);
    luaL_setfuncs(L, fns, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

int luaopen_room_store(lua_State *L);
int luaopen_room_store(lua_State *L)
{
    add_metatable(L, "room.store", methods);
    add_metatable(L, "room.table", table_methods);
    luaL_newlib(L, functions);
    lua_pushinteger(L, STORE_KEY_MAX);
    lua_setfield(L, -2, "key_max");
    lua_pushinteger(L, STORE_VALUE_MAX);
    lua_setfield(L, -2, "value_max");
    lua_pushinteger(L, STORE_LIST_MAX);
    lua_setfield(L, -2, "list_max");
    return 1;
}
