#include "script/api.h"

#include <string.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "script/codec.h"
#include "script/sandbox.h"
#include "script/task.h"

static const char *const set_names[] = {"ttl", NULL};
static const char *const list_names[] = {"limit", "after", NULL};

static struct store *check_store(lua_State *L, const char *what)
{
    struct task *task = CONTAINER(program_running(L, what), struct task, running);
    struct store *store = task->terms.services != NULL ? task->terms.services->store : NULL;
    if (store == NULL)
        luaL_error(L, "%s: there is no store here", what);
    return store;
}

static uint64_t now_ms(lua_State *L)
{
    return clock_steady_ms(program_of(L)->clock);
}

static int refuse(lua_State *L, const char *what, const struct error *err)
{
    struct task *task = CONTAINER(program_running(L, what), struct task, running);
    if (err->code == ERROR_STORE_FULL)
        stats_add(task->terms.services->stats, STAT_STORE_REFUSED, 1);
    return luaL_error(L, "%s: %s", what, err->text);
}

static struct slice check_key(lua_State *L, int index, const char *what)
{
    struct slice key;
    key.at = luaL_checklstring(L, index, &key.len);
    if (key.len == 0 || key.len > STORE_KEY_MAX)
        luaL_error(L, "%s: a key has 1 to %d bytes (got %d)", what, STORE_KEY_MAX, (int)key.len);
    return key;
}

/* What the hook itself has wished for that key so far; NULL: nothing. */
static const struct effect *find_wish(const struct running *running, struct slice key)
{
    const struct effect *last = NULL;
    for (const struct effect *effect = running->effects->first; effect != NULL;
         effect = effect->next)
        if (effect->kind == EFFECT_STORE && slice_is_equal(effect->method, key))
            last = effect;
    return last;
}

static void push_value(lua_State *L, struct slice json)
{
    struct error err;
    vm_charge(L, json.len);
    if (!codec_push(L, json, &err))
        luaL_error(L, "store: %s", err.text);
}

/* get(key) -> value, version; or nil, 0 */
static int get(lua_State *L)
{
    uint64_t version = 0;
    struct store *store = check_store(L, "store.get");
    struct slice key = check_key(L, 1, "store.get");
    const struct effect *wish = find_wish(program_running(L, "store.get"), key);
    struct buf *value = vm_scratch(L);
    if (wish != NULL && wish->data.at != NULL)
        push_value(L, wish->data);
    else if (wish == NULL && store_get(store, key, now_ms(L), value, &version))
        push_value(L, buf_slice(value));
    else
        lua_pushnil(L);
    lua_pushinteger(L, (lua_Integer)version);
    return 2;
}

/* What is wished for is not there yet, and others may be quicker: so this tells most of those who
 * come too late, and hub_keep() logs the rest. */
static void check_room(lua_State *L, struct store *store, size_t bytes)
{
    struct error err;
    struct store_counts counts;
    store_counts(store, &counts);
    if (counts.bytes + bytes <= counts.byte_limit)
        return;
    fail(&err, ERROR_STORE_FULL,
         "the store has no room: delete something, set values with a ttl, or raise --store-bytes");
    refuse(L, "store.set", &err);
}

/* set(key, value, { ttl }): when the hook has returned; nil forgets it */
static int set(lua_State *L)
{
    struct store *store = check_store(L, "store.set");
    struct effect effect = {.kind = EFFECT_STORE, .method = check_key(L, 1, "store.set")};
    api_check_names(L, 3, "store.set", set_names);
    effect.ms = (uint64_t)api_get_duration(L, 3, "store.set: ttl", "ttl", 0);
    luaL_checkany(L, 2);
    if (!lua_isnil(L, 2))
        effect.data = api_encode(L, 2, "store.set");
    if (effect.data.len > STORE_VALUE_MAX)
        return luaL_error(L, "store.set: a value has at most %d bytes as JSON (got %d)",
                          STORE_VALUE_MAX, (int)effect.data.len);
    check_room(L, store, effect.method.len + effect.data.len);
    api_wish(L, program_running(L, "store.set"), &effect);
    return 0;
}

static int delete (lua_State *L)
{
    check_store(L, "store.delete");
    api_wish(L, program_running(L, "store.delete"),
             &(struct effect){.kind = EFFECT_STORE, .method = check_key(L, 1, "store.delete")});
    return 0;
}

/* add(key, n, { ttl }) -> what it is now; at once */
static int add(lua_State *L)
{
    int64_t result;
    struct error err;
    struct store *store = check_store(L, "store.add");
    struct slice key = check_key(L, 1, "store.add");
    lua_Integer by = luaL_optinteger(L, 2, 1);
    api_check_names(L, 3, "store.add", set_names);
    uint64_t ttl = (uint64_t)api_get_duration(L, 3, "store.add: ttl", "ttl", 0);
    if (!store_increment(store, key, by, ttl, now_ms(L), &result, &err))
        return refuse(L, "store.add", &err);
    lua_pushinteger(L, result);
    return 1;
}

/* swap(key, value, version, { ttl }) -> whether it was still at that version, the version now; at
 * once */
static int swap(lua_State *L)
{
    struct error err;
    struct store *store = check_store(L, "store.swap");
    struct store_write write = {.key = check_key(L, 1, "store.swap")};
    uint64_t version = (uint64_t)luaL_checkinteger(L, 3);
    api_check_names(L, 4, "store.swap", set_names);
    write.ttl_ms = (uint64_t)api_get_duration(L, 4, "store.swap: ttl", "ttl", 0);
    write.value = api_encode(L, 2, "store.swap");
    enum store_outcome outcome = store_swap(store, &write, &version, now_ms(L), &err);
    if (outcome == STORE_REFUSED)
        return refuse(L, "store.swap", &err);
    lua_pushboolean(L, outcome == STORE_SWAPPED);
    lua_pushinteger(L, (lua_Integer)version);
    return 2;
}

/* One item of a list: keys and values, one after the other. Copied first: pushing may raise, and a
 * store's callback is no place for that. */
static void gather(void *context, struct slice key, struct slice value, uint64_t version)
{
    struct buf *items = context;
    size_t lens[2] = {key.len, value.len};
    (void)version;
    buf_add(items, (const char *)lens, sizeof lens);
    buf_add_slice(items, key);
    buf_add_slice(items, value);
}

static void push_items(lua_State *L, const struct buf *items)
{
    size_t lens[2];
    lua_newtable(L);
    codec_mark_array(L, -1);
    for (size_t at = 0, n = 1; at < items->len; n++) {
        memcpy(lens, items->at + at, sizeof lens);
        at += sizeof lens;
        lua_createtable(L, 0, 2);
        lua_pushlstring(L, items->at + at, lens[0]);
        lua_setfield(L, -2, "key");
        push_value(L, slice_make(items->at + at + lens[0], lens[1]));
        lua_setfield(L, -2, "value");
        lua_rawseti(L, -2, (lua_Integer)n);
        at += lens[0] + lens[1];
    }
}

/* list(prefix, { limit, after }) -> { { key, value }, ... }, whether there may be more */
static int list(lua_State *L)
{
    struct store *store = check_store(L, "store.list");
    struct store_range range = {.limit = 100};
    range.prefix.at = luaL_checklstring(L, 1, &range.prefix.len);
    api_check_names(L, 2, "store.list", list_names);
    if (lua_istable(L, 2) && lua_getfield(L, 2, "limit") != LUA_TNIL) {
        lua_Integer limit = luaL_checkinteger(L, -1);
        if (limit < 1 || limit > STORE_LIST_MAX)
            return luaL_error(L, "store.list: limit is from 1 to %d", STORE_LIST_MAX);
        range.limit = (size_t)limit;
    }
    if (lua_istable(L, 2) && lua_getfield(L, 2, "after") != LUA_TNIL)
        range.after.at = luaL_checklstring(L, -1, &range.after.len);
    struct buf *items = vm_scratch(L);
    bool is_more = store_list(store, &range, now_ms(L), gather, items);
    push_items(L, items);
    lua_pushboolean(L, is_more);
    return 2;
}

void api_store_open(lua_State *L)
{
    static const luaL_Reg all[] = {{"get", get},   {"set", set},   {"delete", delete}, {"add", add},
                                   {"swap", swap}, {"list", list}, {NULL, NULL}};
    luaL_newlib(L, all);
    sandbox_add(L, "store", true);
}
