/* script/vm and script/sandbox for specs: chunks of Lua run in a VM with the sandbox and nothing
 * else. */
#include "script/sandbox.h"
#include "script/vm.h"

#include <lauxlib.h>

static const char *const ends[] = {"done",        "failed",    "left", "over cpu",
                                   "over memory", "over time", "waits"};

struct chunk {
    const char *source;
    size_t len;
    struct buf result; /* what it returned, as text */
};

/* Stands before a VM's own allocator: growths number `from` until `to` of a run are refused. */
struct refusal {
    lua_Alloc allocate;
    void *context;
    lua_Integer from, to, seen;
};

static void *allocate_or_not(void *context, void *old, size_t old_size, size_t size)
{
    struct refusal *r = context;
    bool grows = size > (old ? old_size : 0);
    if (grows && ++r->seen >= r->from && r->seen < r->to)
        return NULL;
    return r->allocate(r->context, old, old_size, size);
}

static struct vm *check_vm(lua_State *L)
{
    return *(struct vm **)luaL_checkudata(L, 1, "room.vm");
}

static int leave(lua_State *L)
{
    return vm_leave(L);
}

static int woken(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    lua_pushliteral(L, "woken");
    return 1;
}

static int wait(lua_State *L)
{
    vm_check_wait(L, "uuid");
    return vm_wait(L, 0, woken);
}

static int open(lua_State *L)
{
    sandbox_open(L);
    lua_pushcfunction(L, wait);
    sandbox_add(L, "uuid", false);
    lua_pushcfunction(L, leave);
    sandbox_add(L, "reject", false);
    return 0;
}

static int keep_result(lua_State *L, int status, lua_KContext context)
{
    struct chunk *chunk = (struct chunk *)context;
    (void)status;
    if (lua_isstring(L, -1)) {
        size_t len;
        const char *text = lua_tolstring(L, -1, &len);
        buf_add(&chunk->result, text, len);
    } else {
        buf_add_text(&chunk->result, lua_isboolean(L, -1) ? lua_toboolean(L, -1) ? "true" : "false"
                                                          : luaL_typename(L, -1));
    }
    return 0;
}

static int run_chunk(lua_State *L)
{
    struct chunk *chunk = lua_touserdata(L, 1);
    if (luaL_loadbufferx(L, chunk->source, chunk->len, "@chunk.lua", "t") != LUA_OK)
        return lua_error(L);
    sandbox_push_env(L);
    lua_setupvalue(L, -2, 1);
    lua_callk(L, 0, 1, (lua_KContext)chunk, keep_result);
    return keep_result(L, LUA_OK, (lua_KContext)chunk);
}

static void push_outcome(lua_State *L, const struct vm_outcome *outcome, const struct chunk *chunk)
{
    lua_createtable(L, 0, 6);
    lua_pushstring(L, ends[outcome->end]);
    lua_setfield(L, -2, "how");
    lua_pushstring(L, outcome->text);
    lua_setfield(L, -2, "text");
    lua_pushstring(L, outcome->file);
    lua_setfield(L, -2, "file");
    lua_pushinteger(L, outcome->line);
    lua_setfield(L, -2, "line");
    lua_pushstring(L, outcome->trace);
    lua_setfield(L, -2, "trace");
    lua_pushlstring(L, chunk->result.at ? chunk->result.at : "", chunk->result.len);
    lua_setfield(L, -2, "result");
}

/* A run that may wait. Kept by its Lua object, `fiber` while it waits. */
struct waiter {
    struct chunk chunk;
    struct fiber *fiber;
};

static void tell(lua_State *L, const struct vm_outcome *outcome, struct waiter *waiter)
{
    push_outcome(L, outcome, &waiter->chunk);
    if (outcome->end != VM_WAITS)
        buf_finish(&waiter->chunk.result);
}

static struct waiter *check_waiter(lua_State *L)
{
    return luaL_checkudata(L, 1, "room.vm.run");
}

/* begin(source) -> a run, how its first part ended: uuid() waits in it */
static int begin(lua_State *L)
{
    struct vm *vm = check_vm(L);
    struct vm_outcome outcome;
    struct waiter *waiter = lua_newuserdatauv(L, sizeof *waiter, 1);
    *waiter = (struct waiter){0};
    luaL_setmetatable(L, "room.vm.run");
    waiter->chunk.source = luaL_checklstring(L, 2, &waiter->chunk.len);
    waiter->fiber = vm_begin(vm, run_chunk, &waiter->chunk, &outcome);
    tell(L, &outcome, waiter);
    return 2;
}

static int resume(lua_State *L)
{
    struct waiter *waiter = check_waiter(L);
    struct vm_outcome outcome;
    luaL_argcheck(L, waiter->fiber != NULL, 1, "it does not wait");
    waiter->fiber = vm_resume(waiter->fiber, &outcome);
    tell(L, &outcome, waiter);
    return 1;
}

static int abandon(lua_State *L)
{
    struct waiter *waiter = check_waiter(L);
    struct vm_outcome outcome;
    luaL_argcheck(L, waiter->fiber != NULL, 1, "it does not wait");
    vm_abandon(waiter->fiber, &outcome);
    waiter->fiber = NULL;
    tell(L, &outcome, waiter);
    return 1;
}

static int forget(lua_State *L)
{
    struct waiter *waiter = check_waiter(L);
    if (waiter->fiber != NULL)
        vm_forget(waiter->fiber);
    waiter->fiber = NULL;
    buf_finish(&waiter->chunk.result);
    return 0;
}

/* run(source[, from, to]) -> how it ended, the growths of memory that it asked for */
static int run(lua_State *L)
{
    struct vm *vm = check_vm(L);
    struct vm_outcome outcome;
    struct chunk chunk = {0};
    struct refusal refusal = {.from = luaL_optinteger(L, 3, LUA_MAXINTEGER),
                              .to = luaL_optinteger(L, 4, LUA_MAXINTEGER)};
    chunk.source = luaL_checklstring(L, 2, &chunk.len);
    refusal.allocate = lua_getallocf(vm_state(vm), &refusal.context);
    lua_setallocf(vm_state(vm), allocate_or_not, &refusal);
    vm_run(vm, run_chunk, &chunk, &outcome);
    lua_setallocf(vm_state(vm), refusal.allocate, refusal.context);
    push_outcome(L, &outcome, &chunk);
    buf_finish(&chunk.result);
    lua_pushinteger(L, refusal.seen);
    return 2;
}

static int charged(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)vm_charged(check_vm(L)));
    return 1;
}

static int bytes(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)vm_bytes(check_vm(L)));
    return 1;
}

static int new (lua_State *L)
{
    struct vm_outcome outcome;
    struct vm_limits limits = {(size_t)luaL_optinteger(L, 1, 16 << 20),
                               (unsigned)luaL_optinteger(L, 2, 100)};
    struct vm **vm = lua_newuserdatauv(L, sizeof *vm, 0);
    *vm = vm_create(&limits);
    luaL_setmetatable(L, "room.vm");
    vm_run(*vm, open, NULL, &outcome);
    if (outcome.end != VM_DONE)
        return luaL_error(L, "%s", outcome.text);
    vm_settle(*vm);
    return 1;
}

static int finish(lua_State *L)
{
    vm_destroy(check_vm(L));
    return 0;
}

static const luaL_Reg methods[] = {
    {"run", run},         {"begin", begin},  {"bytes", bytes},
    {"charged", charged}, {"__gc", finish}, {NULL, NULL}};
static const luaL_Reg run_methods[] = {
    {"resume", resume}, {"abandon", abandon}, {"forget", forget}, {NULL, NULL}};

int luaopen_room_vm(lua_State *L);
int luaopen_room_vm(lua_State *L)
{
    luaL_newmetatable(L, "room.vm.run");
    luaL_setfuncs(L, run_methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    luaL_newmetatable(L, "room.vm");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, new);
    lua_setfield(L, -2, "new");
    return 1;
}
