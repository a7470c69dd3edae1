#include "script/api.h"

#include <ctype.h>
#include <stdlib.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "script/breakers.h"
#include "script/sandbox.h"
#include "script/task.h"

enum {
    FAILURES_DEFAULT = 5,
    WINDOW_DEFAULT_MS = 30000,
    OPEN_DEFAULT_MS = 10000,
    SERVER_ERROR = 500
};

static const char *const names[] = {"failures", "window", "open_for", NULL};
static const char meta_key = 0;

/* A Lua object; what it stands for is found when a hook first wants it. */
struct named {
    struct breaker_row *row; /* NULL: not yet */
    struct breaker_terms terms;
    char name[BREAKER_NAME_MAX + 1];
};

static struct named *check_named(lua_State *L, const char *what)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &meta_key);
    if (lua_type(L, 1) != LUA_TUSERDATA || !lua_getmetatable(L, 1) || !lua_rawequal(L, -1, -2))
        luaL_error(L, "write breaker:%s(...), with a colon", what);
    lua_pop(L, 2);
    return lua_touserdata(L, 1);
}

static struct breaker_row *find_row(lua_State *L, struct named *named)
{
    struct program *program = program_of(L);
    if (named->row == NULL)
        named->row =
            breakers_find(program->breakers, program->script->name, named->name, &named->terms);
    if (named->row == NULL)
        luaL_error(L, "breaker `%s`: a server has at most %d of them", named->name, BREAKERS_MAX);
    return named->row;
}

/* ---- a call ---- */

struct calling {
    struct task_guard guard; /* first */
    struct task *task;
    struct breaker_row *row;
    uint64_t pass;
};

static void leave(const struct calling *calling, enum breaker_verdict verdict)
{
    struct breaker_row *row = calling->row;
    const struct program *program = calling->task->running.program;
    uint64_t opened = row->breaker.opened;
    breaker_leave(&row->breaker, calling->pass, verdict, clock_steady_ms(program->clock));
    breaker_row_note(row);
    if (row->breaker.opened == opened)
        return;
    atomic_fetch_add_explicit(&row->opened, 1, memory_order_relaxed);
    log_event(program->log, LOG_WARN, "breaker_opened", "name", row->name, "script", row->script,
              NULL);
}

/* The hook's time was over before the call's. */
static void drop(struct task_guard *guard)
{
    leave((struct calling *)guard, BREAKER_FAILED);
    free(guard);
}

/* What an HTTP server says of itself is an answer too. */
static bool is_server_error(lua_State *L)
{
    if (lua_gettop(L) < 2 || !lua_istable(L, 2))
        return false;
    lua_pushliteral(L, "status");
    lua_rawget(L, 2);
    bool is = lua_isinteger(L, -1) && lua_tointeger(L, -1) >= SERVER_ERROR;
    lua_pop(L, 1);
    return is;
}

static int called(lua_State *L, int status, lua_KContext context)
{
    struct calling *calling = (struct calling *)context;
    bool is_error = status != LUA_OK && status != LUA_YIELD;
    enum breaker_verdict verdict = BREAKER_FINE;
    if (is_error)
        verdict = vm_caught(L) == VM_FAILED ? BREAKER_FAILED : BREAKER_UNKNOWN;
    else if (is_server_error(L))
        verdict = BREAKER_FAILED;
    task_let_go(calling->task, &calling->guard);
    leave(calling, verdict);
    free(calling);
    if (!is_error)
        return lua_gettop(L) - 1;
    vm_uncatch(L);
    return lua_error(L);
}

static int refuse(lua_State *L, struct breaker_row *row, uint64_t now)
{
    atomic_fetch_add_explicit(&row->refused, 1, memory_order_relaxed);
    return luaL_error(L, "breaker `%s` is open: the next try may be in %I ms", row->name,
                      (lua_Integer)breaker_wait_ms(&row->breaker, now));
}

/* breaker:call(fn, ...) -> what fn returns */
static int call(lua_State *L)
{
    struct named *named = check_named(L, "call");
    struct task *task = CONTAINER(program_running(L, "breaker:call"), struct task, running);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    struct breaker_row *row = find_row(L, named);
    uint64_t now = clock_steady_ms(task->running.program->clock);
    uint64_t pass = breaker_enter(&row->breaker, now);
    breaker_row_note(row);
    if (pass == 0)
        return refuse(L, row, now);
    struct calling *calling = xcalloc(1, sizeof *calling);
    *calling = (struct calling){.guard.drop = drop, .task = task, .row = row, .pass = pass};
    task_hold(task, &calling->guard);
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, (lua_KContext)calling, called);
    return called(L, status, (lua_KContext)calling);
}

/* breaker:state() -> "closed", "open", "half-open" */
static int state(lua_State *L)
{
    struct named *named = check_named(L, "state");
    const struct program *program = program_running(L, "breaker:state")->program;
    const struct breaker_row *row = find_row(L, named);
    lua_pushstring(
        L, breaker_state_name(breaker_state(&row->breaker, clock_steady_ms(program->clock))));
    return 1;
}

/* It is a label of metrics. */
static bool is_name(const char *name, size_t len)
{
    if (len == 0 || len > BREAKER_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isgraph((unsigned char)name[i]) || name[i] == '"' || name[i] == '\\')
            return false;
    return true;
}

/* breaker(name, { failures, window, open_for }) */
static int create(lua_State *L)
{
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);
    api_check_names(L, 2, "breaker", names);
    lua_Integer failures = FAILURES_DEFAULT;
    if (lua_istable(L, 2) && lua_getfield(L, 2, "failures") != LUA_TNIL)
        failures = luaL_checkinteger(L, -1);
    if (failures < 1 || failures > BREAKER_FAILURES_MAX)
        return luaL_error(L, "breaker: failures is from 1 to %d", BREAKER_FAILURES_MAX);
    if (!is_name(name, len))
        return luaL_error(
            L, "breaker: a name has 1 to %d bytes, printable ones without blanks, \" and \\",
            BREAKER_NAME_MAX);
    struct breaker_terms terms = {(unsigned)failures, 0, 0};
    terms.window_ms =
        (uint64_t)api_get_duration(L, 2, "breaker: window", "window", WINDOW_DEFAULT_MS);
    terms.open_ms =
        (uint64_t)api_get_duration(L, 2, "breaker: open_for", "open_for", OPEN_DEFAULT_MS);
    struct named *named = lua_newuserdatauv(L, sizeof *named, 0);
    *named = (struct named){.terms = terms};
    memcpy(named->name, name, len);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &meta_key);
    lua_setmetatable(L, -2);
    return 1;
}

void api_breaker_open(lua_State *L)
{
    static const luaL_Reg methods[] = {{"call", call}, {"state", state}, {NULL, NULL}};
    lua_createtable(L, 0, 2);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &meta_key);
    lua_pushcfunction(L, create);
    sandbox_add(L, "breaker", false);
}
