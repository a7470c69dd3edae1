/* One Lua state for one script: what it may hold, how long it may run, and the one door into it. */
#ifndef SCRIPT_VM_H
#define SCRIPT_VM_H

#include "base/buf.h"
#include "base/error.h"

#include <lua.h>
#include <stdint.h>

/* Bounds are kept while vm_run is inside and at no other time, so that creating, collecting and
 * tearing down never fail. */
struct vm_limits {
    size_t memory;                    /* bytes a run may add to what vm_settle found */
    unsigned cpu_ms;                  /* of this thread, one run */
    const struct vm_watcher *watcher; /* NULL: nobody */
};

/* For specs; it outlives the VM. */
struct vm_watcher {
    /* Told each line that runs; NULL: not. */
    void (*line)(const struct vm_watcher *watcher, const char *file, int line);
    /* Whether memory that a run asks for is to be had, below its limit; NULL: always. */
    bool (*may_grow)(const struct vm_watcher *watcher);
};

struct vm; /* owned by its program; used on one thread */

struct vm *vm_create(const struct vm_limits *limits);
void vm_destroy(struct vm *vm); /* NULL is fine. No Lua code runs */

/* Collects, and takes what is left as the size that `memory` is added to. */
void vm_settle(struct vm *vm);
size_t vm_bytes(const struct vm *vm);
/* What vm_charge was told in the last run: how far it went, in a measure that no machine changes.
 */
size_t vm_charged(const struct vm *vm);
/* Whether more than half of the memory is taken for good: by what is left after a run over it. */
bool vm_is_full(const struct vm *vm);
/* The main thread of the state: for reading by code that cannot raise. */
lua_State *vm_state(struct vm *vm);

enum vm_end {
    VM_DONE,
    VM_FAILED,      /* an error: place, text and trace say which */
    VM_LEFT,        /* vm_leave: somebody's decision, not an error */
    VM_OVER_CPU,    /* stopped, nothing of the script runs any more */
    VM_OVER_MEMORY, /* the same */
    VM_OVER_TIME,   /* the same, by vm_abandon */
    VM_WAITS,       /* vm_wait: it goes on with vm_resume */
};

/* How a run ended. `text` has no position in front; `file` is "" and `line` 0 where unknown. */
struct vm_outcome {
    enum vm_end end;
    char file[256];
    int line;
    char text[ERROR_TEXT_MAX];
    char trace[1024]; /* innermost first: "lib/words.lua:3 in mask < chat.lua:12 in on_publish" */
};

/* The one function in script/ that calls Lua protected. Runs `body` in a coroutine with `context`
 * as its only argument (light userdata); body may raise and be yielded out of at any call, so what
 * it holds must be Lua's or belong to `context`. Calls to Lua inside it use lua_callk. After a run
 * over budget nothing is left running: neither pcall, nor message handlers, metamethods or __close
 * can hold on. */
void vm_run(struct vm *vm, lua_CFunction body, void *context, struct vm_outcome *outcome);

/* A run that may wait and goes on later, while others run in between. Owned by whoever called
 * vm_begin; its budgets are of all its parts together. */
struct fiber;
/* As vm_run, but vm_wait is allowed: then the outcome is VM_WAITS and the fiber comes back. NULL: it
 * has ended. */
struct fiber *vm_begin(struct vm *vm, lua_CFunction body, void *context, struct vm_outcome *outcome)
    MUST_USE;
/* Goes on behind vm_wait, whose continuation is called. The same fiber when it waits once more, NULL
 * when it has ended and is freed. */
struct fiber *vm_resume(struct fiber *fiber, struct vm_outcome *outcome) MUST_USE;
/* Ends it where it waits: as VM_OVER_TIME, placed there. Nothing of it runs any more. */
void vm_abandon(struct fiber *fiber, struct vm_outcome *outcome);
/* Frees it without running anything. */
void vm_forget(struct fiber *fiber);

/* For C functions that scripts call. */
struct vm *vm_of(lua_State *L);
void vm_set_owner(struct vm *vm, void *owner);
void *vm_owner(lua_State *L); /* what vm_set_owner said */
/* Bytes for building something while Lua may raise: emptied by each call, kept by the VM. */
struct buf *vm_scratch(lua_State *L);
/* Says that work of so many bytes or elements is coming up, which the instruction count will not
 * see. Does not return when the budget is used up. */
void vm_charge(lua_State *L, size_t units);
/* Lends `bytes` over the memory limit until vm_take_back, which ends the run if they are still
 * needed, or until an error is caught. */
void vm_lend(lua_State *L, size_t bytes);
void vm_take_back(lua_State *L);
/* Raises "WHAT: ..." where nothing can wait: in a callback of sort, gsub and the like, and in runs that
 * are not to wait. */
void vm_check_wait(lua_State *L, const char *what);
/* Where that is good: waits until somebody calls vm_resume; then `next` is called with `context`, and what
 * it returns are the results. For `return vm_wait(...)`. */
int vm_wait(lua_State *L, lua_KContext context, lua_KFunction next);
/* Ends the run as VM_LEFT: no pcall stops it. Never returns. */
int vm_leave(lua_State *L);
/* For pcall and the like after they caught something: goes on unwinding when it was not theirs to
 * catch. */
void vm_uncatch(lua_State *L);
/* What was caught: an error of the script's (VM_FAILED), or the end of its run. */
enum vm_end vm_caught(lua_State *L);
/* Ends the run as VM_OVER_MEMORY, for memory that is held outside the VM on the script's behalf. */
int vm_overfill(lua_State *L);

#endif
