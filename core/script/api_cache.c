#include "script/api.h"

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "script/codec.h"
#include "script/sandbox.h"
#include "script/refresh.h"

/* cache(key, { ttl, stale }, fetch): the values of one fetch for all who ask meanwhile. On the
 * stack they are 1, 2, 3. */

static const char *const names[] = {"ttl", "stale", "wait", NULL};
enum { TTL_DEFAULT_MS = 60000 };

static uint64_t now_ms(lua_State *L)
{
    return clock_steady_ms(program_of(L)->clock);
}

static void push_value(lua_State *L, struct slice json)
{
    struct error err;
    vm_charge(L, json.len);
    if (slice_is(json, "null"))
        lua_pushnil(L);
    else if (!codec_push(L, json, &err))
        luaL_error(L, "cache: %s", err.text);
}

/* Whoever waited for another's fetch fails as that one did. */
static int raise(lua_State *L, struct task *task, const struct error *err)
{
    if (err->code != ERROR_SCRIPT_FAILED) {
        *task->running.error = *err;
        return vm_leave(L);
    }
    lua_pushstring(L, err->text);
    return lua_error(L);
}

static void count(lua_State *L)
{
    cache_tell(CONTAINER(program_running(L, "cache"), struct task, running)->terms.services);
}

/* ---- fetching ---- */

struct fetching {
    struct task_guard guard; /* first */
    struct task *task;
    struct cache_flight *flight;
    struct cache_wish wish;
};

static void drop_fetching(struct task_guard *guard)
{
    cache_abandon(((struct fetching *)guard)->flight);
    free(guard);
}

static struct fetching *create_fetching(struct task *task, struct cache_flight *flight,
                                        const struct cache_wish *wish)
{
    struct fetching *fetching = xcalloc(1, sizeof *fetching);
    fetching->guard.drop = drop_fetching;
    fetching->task = task;
    fetching->flight = flight;
    fetching->wish = *wish;
    task_hold(task, &fetching->guard);
    return fetching;
}

static void end_fetching(struct fetching *fetching)
{
    task_let_go(fetching->task, &fetching->guard);
    free(fetching);
}

/* What others are told: no metamethod is asked, which could fail in turn. */
static const char *text_of_error(lua_State *L)
{
    return lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "an error that is no text";
}

/* The error is on top. An outage has a stale value do; what the script refused is a verdict, which
 * all who wait share; over a budget the next of them tries. */
static int fail_fetching(lua_State *L, struct fetching *fetching)
{
    struct slice stale;
    struct error err;
    enum vm_end end = vm_caught(L);
    struct cache_flight *flight = fetching->flight;
    struct script_services *services = fetching->task->terms.services;
    if (end == VM_FAILED)
        fail(&err, ERROR_SCRIPT_FAILED, "%s", text_of_error(L));
    else if (end == VM_LEFT)
        err = *fetching->task->running.error;
    else
        vm_uncatch(L); /* does not return; the guard is dropped with the hook */
    end_fetching(fetching);
    stats_add(services->stats, STAT_CACHE_FAILED, 1);
    bool is_saved = cache_fail(flight, end == VM_FAILED ? CACHE_OUTAGE : CACHE_VERDICT, &err,
                               now_ms(L), &stale);
    count(L);
    vm_uncatch(L);
    if (!is_saved)
        return lua_error(L);
    push_value(L, stale);
    return 1;
}

/* A value that is no JSON is an error like any other of the fetch. */
static int keep(lua_State *L, struct fetching *fetching)
{
    struct error err;
    struct buf *json = vm_scratch(L);
    if (lua_isnil(L, -1)) {
        buf_add_text(json, "null");
    } else if (!codec_encode(L, lua_gettop(L), "data", &CODEC_LIMITS_DEFAULT, json, &err)) {
        lua_pushfstring(L, "cache: %s", err.text);
        return fail_fetching(L, fetching);
    }
    vm_charge(L, json->len);
    cache_fill(fetching->flight, buf_slice(json), &fetching->wish.terms, now_ms(L));
    count(L);
    end_fetching(fetching);
    return 1;
}

static int fetched(lua_State *L, int status, lua_KContext context)
{
    struct fetching *fetching = (struct fetching *)context;
    fetching->task->running.fetches--;
    if (status != LUA_OK && status != LUA_YIELD)
        return fail_fetching(L, fetching);
    return keep(L, fetching);
}

static int fetch(lua_State *L, struct fetching *fetching)
{
    fetching->task->running.fetches++;
    lua_settop(L, 3);
    return fetched(L, lua_pcallk(L, 0, 1, 0, (lua_KContext)fetching, fetched),
                   (lua_KContext)fetching);
}

/* ---- waiting for another's ---- */

struct waiting {
    struct task_guard guard; /* first */
    struct cache_waiter waiter;
    struct task *task;
    struct cache_wish wish;
    bool is_failed;
    struct buf value;
    struct error err;
    struct cache_flight *flight; /* the other has gone: it is ours to fetch */
};

static void drop_waiting(struct task_guard *guard)
{
    struct waiting *waiting = (struct waiting *)guard;
    cache_leave(&waiting->waiter);
    if (waiting->flight != NULL)
        cache_abandon(waiting->flight);
    buf_finish(&waiting->value);
    free(waiting);
}

static void on_told(struct cache_waiter *waiter, struct slice value, const struct error *err,
                    struct cache_flight *flight)
{
    struct waiting *waiting = CONTAINER(waiter, struct waiting, waiter);
    waiting->flight = flight;
    waiting->is_failed = err != NULL;
    if (err != NULL)
        waiting->err = *err;
    else if (flight == NULL)
        buf_add_slice(&waiting->value, value);
    task_wake_later(waiting->task);
}

static void end_waiting(struct waiting *waiting)
{
    waiting->flight = NULL;
    task_let_go(waiting->task, &waiting->guard);
    drop_waiting(&waiting->guard);
}

static int told(lua_State *L, int status, lua_KContext context)
{
    struct task *task = (struct task *)context;
    struct waiting *waiting = task->source;
    struct cache_flight *flight = waiting->flight;
    struct cache_wish wish = waiting->wish;
    struct error err = waiting->err;
    bool is_failed = waiting->is_failed;
    (void)status;
    if (!is_failed && flight == NULL)
        push_value(L, buf_slice(&waiting->value));
    end_waiting(waiting);
    if (is_failed)
        return raise(L, task, &err);
    return flight != NULL ? fetch(L, create_fetching(task, flight, &wish)) : 1;
}

/* Its guard takes it back. */
static void cancel(struct task *task)
{
    (void)task;
}

static struct waiting *create_waiting(struct task *task, const struct cache_wish *wish)
{
    struct waiting *waiting = xcalloc(1, sizeof *waiting);
    waiting->guard.drop = drop_waiting;
    waiting->waiter.told = on_told;
    waiting->task = task;
    waiting->wish = *wish;
    return waiting;
}

/* ---- looking ---- */

static bool read_wait(lua_State *L)
{
    int type = lua_istable(L, 2) ? lua_getfield(L, 2, "wait") : LUA_TNIL;
    if (type != LUA_TNIL && type != LUA_TBOOLEAN)
        luaL_error(L, "cache: `wait` is true or false (got %s)", lua_typename(L, type));
    return type == LUA_TNIL || lua_toboolean(L, -1);
}

/* Scripts do not see each other's values. */
static void read_wish(lua_State *L, struct cache_wish *wish)
{
    struct slice own;
    struct buf *key = vm_scratch(L);
    own.at = luaL_checklstring(L, 1, &own.len);
    buf_printf(key, "%s:", program_of(L)->script->name);
    buf_add_slice(key, own);
    if (key->len > CACHE_KEY_MAX)
        luaL_error(L, "cache: a key has at most %d bytes, the script's name included",
                   CACHE_KEY_MAX);
    wish->key_len = key->len;
    memcpy(wish->key, key->at, key->len);
    wish->terms.ttl_ms = (uint64_t)api_get_duration(L, 2, "cache: ttl", "ttl", TTL_DEFAULT_MS);
    wish->terms.stale_ms = (uint64_t)api_get_duration(L, 2, "cache: stale", "stale", 0);
    wish->terms.stale_if_error_ms = wish->terms.stale_ms;
    wish->waits = read_wait(L);
}

static struct slice key_of(const struct cache_wish *wish)
{
    return slice_make(wish->key, wish->key_len);
}

/* It would wait for itself. */
static bool is_own(const struct task *task, const struct waiting *waiting)
{
    for (struct task_guard *guard = task->guards; guard != NULL; guard = guard->next)
        if (guard->drop == drop_fetching &&
            slice_is_equal(key_of(&((struct fetching *)guard)->wish), key_of(&waiting->wish)))
            return true;
    return false;
}

static int refuse_own(lua_State *L, struct waiting *waiting)
{
    end_waiting(waiting);
    return luaL_error(L, "cache: this hook fetches that key already");
}

static int look(lua_State *L)
{
    struct slice value;
    struct cache_flight *flight = NULL;
    struct task *task = task_check_wait(L, "cache");
    api_check_names(L, 2, "cache", names);
    luaL_checktype(L, 3, LUA_TFUNCTION);
    struct cache_wish wish;
    read_wish(L, &wish);
    struct waiting *waiting = create_waiting(task, &wish);
    enum cache_sight sight = cache_look(task->terms.services->cache, key_of(&wish), now_ms(L),
                                        &waiting->waiter, &value, &flight);
    count(L);
    task_hold(task, &waiting->guard);
    if (sight == CACHE_WAIT) {
        if (is_own(task, waiting))
            return refuse_own(L, waiting);
        task->source = waiting;
        return task_wait(L, "cache", cancel, told);
    }
    end_waiting(waiting);
    if (flight != NULL) {
        struct fetching *fetching = create_fetching(task, flight, &wish);
        lua_settop(L, 3);
        if (sight == CACHE_YOU_FETCH || wish.waits || !refresh_begin(L, task, &wish, flight))
            return fetch(L, fetching);
        end_fetching(fetching);
    }
    push_value(L, value);
    return 1;
}

void api_cache_open(lua_State *L)
{
    lua_pushcfunction(L, look);
    sandbox_add(L, "cache", false);
}
