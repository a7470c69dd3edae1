#include "script/vm.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <lauxlib.h>

#include "base/memory.h"
#include "script/codec.h"

/* Instructions between two looks at the clock, and bytes of C work that count as much. */
enum { CHECK_INSTRUCTIONS = 1000, CHECK_UNITS = 1 << 18, TRACE_LEVELS = 10 };

struct vm {
    lua_State *main, *thread; /* thread: where runs happen, reused */
    void *owner;
    struct buf scratch;
    struct vm_limits limits;
    /* memory */
    size_t used, settled, lent;
    bool is_refused; /* the last growth was refused: Lua collects and asks once more */
    /* the run */
    bool is_running, is_leaving;
    bool may_wait, is_waiting; /* vm_wait has been called, and the run is yielded out of */
    enum vm_end stop;    /* VM_OVER_...: whatever runs is to end */
    int status;          /* of the protected call at the bottom */
    uint64_t cpu_left_ns; /* of the budget, when the run or this part of it began */
    uint64_t cpu_end_ns;  /* 0: the clock has not been looked at yet */
    size_t units;        /* of C work since then */
    size_t charged;      /* of it, by vm_charge, in the whole run */
    struct vm_outcome *outcome;
};

static void check_budget(lua_State *L, lua_Debug *event);

static void set_interval(struct vm *vm, int instructions)
{
    const struct vm_watcher *watcher = vm->limits.watcher;
    int lines = watcher != NULL && watcher->line != NULL ? LUA_MASKLINE : 0;
    lua_sethook(vm->thread, check_budget, LUA_MASKCOUNT | lines, instructions);
}

/* ---- where ---- */

static void add_place(struct vm_outcome *outcome, lua_Debug *at)
{
    size_t len = strlen(outcome->trace);
    const char *file = at->source + 1, *name = at->name ? at->name : "a function";
    if (*at->what == 'm')
        name = "the file";
    snprintf(outcome->trace + len, sizeof outcome->trace - len, "%s%s:%d in %s",
             len > 0 ? " < " : "", file, at->currentline, name);
    if (outcome->line == 0) {
        snprintf(outcome->file, sizeof outcome->file, "%s", file);
        outcome->line = at->currentline;
    }
}

/* Allocates nothing and cannot raise: it is called where memory is short as well. */
static void note_places(lua_State *L, struct vm_outcome *outcome)
{
    lua_Debug at;
    outcome->trace[0] = '\0';
    outcome->file[0] = '\0';
    outcome->line = 0;
    for (int level = 0, noted = 0; noted < TRACE_LEVELS && lua_getstack(L, level, &at); level++) {
        lua_getinfo(L, "Sln", &at);
        if (at.source[0] != '@' || at.currentline <= 0)
            continue;
        add_place(outcome, &at);
        noted++;
    }
}

/* ---- memory ---- */

static void stop_with(struct vm *vm, enum vm_end stop)
{
    if (vm->stop == VM_DONE) {
        vm->stop = stop;
        note_places(vm->thread, vm->outcome);
    }
    set_interval(vm, 1);
}

/* Lua answers a refusal with a full collection and a second try: only that one's refusal is the
 * end. Buffers of the auxiliary library give up at once, so the place is noted at the first. */
static bool may_grow(struct vm *vm, size_t more)
{
    size_t limit = vm->settled + vm->limits.memory + vm->lent;
    const struct vm_watcher *watcher = vm->limits.watcher;
    bool is_withheld = watcher != NULL && watcher->may_grow != NULL && !watcher->may_grow(watcher);
    if (vm->used + more <= limit && !is_withheld) {
        vm->is_refused = false;
        return true;
    }
    if (vm->is_refused)
        stop_with(vm, VM_OVER_MEMORY);
    else if (vm->stop == VM_DONE)
        note_places(vm->thread, vm->outcome);
    vm->is_refused = true;
    return false;
}

static void *allocate(void *context, void *old, size_t old_size, size_t size)
{
    struct vm *vm = context;
    if (old == NULL)
        old_size = 0; /* Lua passes a kind of object there */
    if (size == 0) {
        free(old);
        vm->used -= old_size;
        return NULL;
    }
    if (vm->is_running && size > old_size) {
        if (!may_grow(vm, size - old_size))
            return NULL;
        vm->units += size;
        if (vm->units > CHECK_UNITS)
            set_interval(vm, 1);
    }
    void *block = xrealloc(old, size);
    vm->used += size - old_size;
    return block;
}

/* ---- time ---- */

static uint64_t thread_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The first look starts the clock, so that short runs never pay for one. */
static bool is_over_time(struct vm *vm)
{
    uint64_t now = thread_cpu_ns();
    vm->units = 0;
    if (vm->cpu_end_ns == 0)
        vm->cpu_end_ns = now + vm->cpu_left_ns;
    return now > vm->cpu_end_ns;
}

/* A yield cannot be caught, and what is yielded out of is closed afterwards. Under a C function
 * that cannot be yielded out of, such as sort, an error unwinds to the nearest pcall instead, where
 * either vm_uncatch or the next instruction comes back here. */
static int leave_stopped(lua_State *L)
{
    if (lua_isyieldable(L))
        return lua_yield(L, 0);
    lua_pushlightuserdata(L, vm_of(L));
    return lua_error(L);
}

static void tell_line(lua_State *L, const struct vm_watcher *watcher, lua_Debug *event)
{
    if (lua_getinfo(L, "S", event) && event->source[0] == '@')
        watcher->line(watcher, event->source + 1, event->currentline);
}

static void check_budget(lua_State *L, lua_Debug *event)
{
    struct vm *vm = vm_of(L);
    if (event->event == LUA_HOOKLINE) {
        tell_line(L, vm->limits.watcher, event);
        return;
    }
    if (vm->stop == VM_DONE && is_over_time(vm))
        stop_with(vm, VM_OVER_CPU);
    if (vm->stop != VM_DONE)
        leave_stopped(L);
    else if (lua_gethookcount(L) != CHECK_INSTRUCTIONS)
        set_interval(vm, CHECK_INSTRUCTIONS);
}

void vm_charge(lua_State *L, size_t units)
{
    struct vm *vm = vm_of(L);
    vm->units += units;
    vm->charged += units;
    if (vm->units <= CHECK_UNITS)
        return;
    if (vm->stop == VM_DONE && is_over_time(vm))
        stop_with(vm, VM_OVER_CPU);
    if (vm->stop != VM_DONE)
        leave_stopped(L);
}

/* ---- life ---- */

struct vm *vm_create(const struct vm_limits *limits)
{
    struct vm *vm = xcalloc(1, sizeof *vm);
    vm->limits = *limits;
    vm->main = lua_newstate(allocate, vm);
    ensure(vm->main != NULL);
    *(struct vm **)lua_getextraspace(vm->main) = vm;
    vm->thread = lua_newthread(vm->main); /* stays on the main stack: that keeps it */
    return vm;
}

void vm_destroy(struct vm *vm)
{
    if (vm == NULL)
        return;
    ensure(!vm->is_running);
    lua_close(vm->main);
    ensure(vm->used == 0);
    buf_finish(&vm->scratch);
    free(vm);
}

void vm_settle(struct vm *vm)
{
    lua_gc(vm->main, LUA_GCCOLLECT);
    vm->settled = vm->used;
}

size_t vm_bytes(const struct vm *vm)
{
    return vm->used;
}

size_t vm_charged(const struct vm *vm)
{
    return vm->charged;
}

bool vm_is_full(const struct vm *vm)
{
    return vm->used > vm->settled + vm->limits.memory / 2;
}

lua_State *vm_state(struct vm *vm)
{
    return vm->main;
}

struct vm *vm_of(lua_State *L)
{
    return *(struct vm **)lua_getextraspace(L);
}

void vm_set_owner(struct vm *vm, void *owner)
{
    vm->owner = owner;
}

void *vm_owner(lua_State *L)
{
    return vm_of(L)->owner;
}

struct buf *vm_scratch(lua_State *L)
{
    struct buf *scratch = &vm_of(L)->scratch;
    buf_clear(scratch);
    return scratch;
}

void vm_lend(lua_State *L, size_t bytes)
{
    vm_of(L)->lent = bytes;
}

void vm_take_back(lua_State *L)
{
    struct vm *vm = vm_of(L);
    vm->lent = 0;
    if (vm->used > vm->settled + vm->limits.memory)
        lua_gc(L, LUA_GCCOLLECT);
    if (vm->used > vm->settled + vm->limits.memory)
        vm_overfill(L);
}

/* ---- running ---- */

/* A table as JSON, so that what it says is not lost. Allocates nothing in the VM. */
static void note_table(lua_State *L, struct vm_outcome *outcome)
{
    static const struct codec_limits limits = {.depth = 8, .bytes = ERROR_TEXT_MAX - 8};
    struct buf json = {0};
    struct error unused;
    if (codec_encode(L, 1, "", &limits, &json, &unused))
        snprintf(outcome->text, sizeof outcome->text, "error(%.*s)", SLICE_ARGS(buf_slice(&json)));
    else
        snprintf(outcome->text, sizeof outcome->text, "an error that is no text but a table");
    buf_finish(&json);
}

static void note_text(lua_State *L, struct vm_outcome *outcome)
{
    if (lua_type(L, 1) == LUA_TSTRING)
        snprintf(outcome->text, sizeof outcome->text, "%s", lua_tostring(L, 1));
    else if (lua_isinteger(L, 1))
        snprintf(outcome->text, sizeof outcome->text, "%lld", (long long)lua_tointeger(L, 1));
    else if (lua_isnil(L, 1))
        snprintf(outcome->text, sizeof outcome->text, "error() with no message");
    else if (lua_istable(L, 1))
        note_table(L, outcome);
    else
        snprintf(outcome->text, sizeof outcome->text, "an error that is no text but a %s",
                 luaL_typename(L, 1));
}

/* "chat.lua:12: reason" -> the reason alone, and its place, which is better than the innermost one
 * where it was raised by error("...", 2). */
static void split_position(struct vm_outcome *outcome)
{
    char *text = outcome->text, *end;
    size_t len = strcspn(text, ": \"'`\n");
    if (len < 4 || text[len] != ':' || memcmp(text + len - 4, ".lua", 4) != 0)
        return;
    long line = strtol(text + len + 1, &end, 10);
    if (line <= 0 || strncmp(end, ": ", 2) != 0)
        return;
    if (strncmp(text, "...", 3) != 0)
        snprintf(outcome->file, sizeof outcome->file, "%.*s", (int)len, text);
    outcome->line = (int)line;
    memmove(text, end + 2, strlen(end + 2) + 1);
}

/* The message handler at the bottom: the stack is still as it was where the error happened. */
static int note_error(lua_State *L)
{
    struct vm *vm = vm_of(L);
    if (vm->stop == VM_DONE && !vm->is_leaving) {
        note_places(L, vm->outcome);
        note_text(L, vm->outcome);
        split_position(vm->outcome);
    }
    return 1;
}

static int end_body(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    vm_of(L)->status = status == LUA_YIELD ? LUA_OK : status;
    return 0;
}

/* The protected call at the bottom is there because an error that the hook raises switches hooks
 * off until a pcall has caught it: without one, __close handlers would run unwatched. */
static int begin_body(lua_State *L)
{
    lua_pushcfunction(L, note_error);
    lua_insert(L, 1);
    return end_body(L, lua_pcallk(L, 1, 0, 1, 0, end_body), 0);
}

static enum vm_end how_it_ended(const struct vm *vm, int status)
{
    if (vm->stop != VM_DONE)
        return vm->stop;
    if (vm->is_leaving)
        return VM_LEFT;
    if (status == LUA_OK)
        status = vm->status;
    if (status == LUA_ERRMEM)
        return VM_OVER_MEMORY;
    return status == LUA_OK ? VM_DONE : VM_FAILED;
}

static void name_stop(const struct vm *vm, struct vm_outcome *outcome)
{
    if (outcome->end == VM_OVER_CPU)
        snprintf(outcome->text, sizeof outcome->text, "stopped after %u ms of CPU time",
                 vm->limits.cpu_ms);
    if (outcome->end == VM_OVER_MEMORY)
        snprintf(outcome->text, sizeof outcome->text, "stopped at its memory limit of %zu bytes",
                 vm->limits.memory);
    if (outcome->end == VM_OVER_TIME)
        snprintf(outcome->text, sizeof outcome->text, "stopped, for it waited too long");
    if (outcome->end == VM_FAILED && outcome->text[0] == '\0')
        snprintf(outcome->text, sizeof outcome->text, "an error while handling an error");
}

static void begin_part(struct vm *vm, struct vm_outcome *outcome)
{
    ensure(!vm->is_running);
    *outcome = (struct vm_outcome){0};
    vm->outcome = outcome;
    vm->is_running = true;
    vm->is_leaving = vm->is_refused = vm->is_waiting = false;
    vm->stop = VM_DONE;
    vm->status = LUA_OK;
    vm->cpu_end_ns = 0;
    vm->units = vm->charged = vm->lent = 0;
    set_interval(vm, CHECK_INSTRUCTIONS);
}

static void end_part(struct vm *vm)
{
    lua_sethook(vm->thread, NULL, 0, 0);
    vm->is_running = vm->may_wait = false;
    vm->outcome = NULL;
    bool is_stopped = vm->stop != VM_DONE && vm->used > vm->settled + vm->limits.memory / 32;
    if (is_stopped || vm->stop == VM_OVER_MEMORY || vm->status == LUA_ERRMEM) {
        lua_gc(vm->main, LUA_GCCOLLECT);
        malloc_trim(0); /* what was taken goes back to the system, not only to us */
    }
}

/* The thread is at rest again, whatever was in it. */
static void end_run(struct vm *vm, int status, struct vm_outcome *outcome)
{
    if (status != LUA_OK)
        lua_resetthread(vm->thread); /* __close handlers run here, still within the budget */
    ensure(lua_status(vm->thread) == LUA_OK);
    outcome->end = how_it_ended(vm, status);
    name_stop(vm, outcome);
    lua_settop(vm->thread, 0);
    end_part(vm);
}

static bool is_at_rest(const struct vm *vm, int status)
{
    return status == LUA_YIELD && vm->is_waiting && vm->stop == VM_DONE;
}

static int start(struct vm *vm, lua_CFunction body, void *context, struct vm_outcome *outcome)
{
    int results;
    vm->cpu_left_ns = vm->limits.cpu_ms * UINT64_C(1000000);
    begin_part(vm, outcome);
    lua_pushcfunction(vm->thread, begin_body);
    lua_pushcfunction(vm->thread, body);
    lua_pushlightuserdata(vm->thread, context);
    return lua_resume(vm->thread, vm->main, 2, &results);
}

void vm_run(struct vm *vm, lua_CFunction body, void *context, struct vm_outcome *outcome)
{
    vm->may_wait = false;
    end_run(vm, start(vm, body, context, outcome), outcome);
}

/* ---- waiting ---- */

struct fiber {
    struct vm *vm;
    lua_State *thread;
    int ref; /* in the registry: keeps the thread */
    uint64_t cpu_left_ns;
};

static uint64_t cpu_left(const struct vm *vm)
{
    if (vm->cpu_end_ns == 0)
        return vm->cpu_left_ns;
    uint64_t now = thread_cpu_ns();
    return now < vm->cpu_end_ns ? vm->cpu_end_ns - now : 0;
}

static void rest(struct fiber *fiber, struct vm_outcome *outcome)
{
    fiber->cpu_left_ns = cpu_left(fiber->vm);
    outcome->end = VM_WAITS;
    end_part(fiber->vm);
}

void vm_forget(struct fiber *fiber)
{
    luaL_unref(fiber->vm->main, LUA_REGISTRYINDEX, fiber->ref);
    free(fiber);
}

/* The thread goes with the fiber; the next run gets a new one, in the same place. */
static void detach(struct fiber *fiber)
{
    struct vm *vm = fiber->vm;
    lua_pushvalue(vm->main, 1);
    fiber->ref = luaL_ref(vm->main, LUA_REGISTRYINDEX);
    vm->thread = lua_newthread(vm->main);
    lua_replace(vm->main, 1);
}

struct fiber *vm_begin(struct vm *vm, lua_CFunction body, void *context, struct vm_outcome *outcome)
{
    vm->may_wait = true;
    int status = start(vm, body, context, outcome);
    if (!is_at_rest(vm, status)) {
        end_run(vm, status, outcome);
        return NULL;
    }
    struct fiber *fiber = xmalloc(sizeof *fiber);
    *fiber = (struct fiber){.vm = vm, .thread = vm->thread};
    rest(fiber, outcome);
    detach(fiber);
    return fiber;
}

/* Runs the fiber's thread in the place of the VM's own. */
static lua_State *enter(struct fiber *fiber, struct vm_outcome *outcome)
{
    struct vm *vm = fiber->vm;
    lua_State *own = vm->thread;
    vm->thread = fiber->thread;
    vm->may_wait = true;
    vm->cpu_left_ns = fiber->cpu_left_ns;
    begin_part(vm, outcome);
    return own;
}

struct fiber *vm_resume(struct fiber *fiber, struct vm_outcome *outcome)
{
    struct vm *vm = fiber->vm;
    int results;
    lua_State *own = enter(fiber, outcome);
    int status = lua_resume(vm->thread, vm->main, 0, &results);
    if (is_at_rest(vm, status)) {
        rest(fiber, outcome);
    } else {
        end_run(vm, status, outcome);
        vm_forget(fiber);
        fiber = NULL;
    }
    vm->thread = own;
    return fiber;
}

void vm_abandon(struct fiber *fiber, struct vm_outcome *outcome)
{
    struct vm *vm = fiber->vm;
    lua_State *own = enter(fiber, outcome);
    stop_with(vm, VM_OVER_TIME);
    end_run(vm, LUA_YIELD, outcome);
    vm_forget(fiber);
    vm->thread = own;
}

void vm_check_wait(lua_State *L, const char *what)
{
    if (!vm_of(L)->may_wait)
        luaL_error(L, "%s: nothing can wait here", what);
    if (!lua_isyieldable(L))
        luaL_error(L, "%s: a callback of sort, gsub and the like cannot wait", what);
}

int vm_wait(lua_State *L, lua_KContext context, lua_KFunction next)
{
    vm_of(L)->is_waiting = true;
    return lua_yieldk(L, 0, context, next);
}

int vm_leave(lua_State *L)
{
    vm_of(L)->is_leaving = true;
    lua_pushlightuserdata(L, vm_of(L));
    return lua_error(L);
}

void vm_uncatch(lua_State *L)
{
    struct vm *vm = vm_of(L);
    vm->lent = 0;
    if (vm->stop != VM_DONE)
        leave_stopped(L);
    if (vm->is_leaving)
        vm_leave(L);
}

enum vm_end vm_caught(lua_State *L)
{
    const struct vm *vm = vm_of(L);
    if (vm->stop != VM_DONE)
        return vm->stop;
    return vm->is_leaving ? VM_LEFT : VM_FAILED;
}

int vm_overfill(lua_State *L)
{
    stop_with(vm_of(L), VM_OVER_MEMORY);
    return leave_stopped(L);
}
