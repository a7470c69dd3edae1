/* A hook under way: it may wait for something, and goes on when that has come, while others run. */
#ifndef SCRIPT_TASK_H
#define SCRIPT_TASK_H

#include "base/memory.h"
#include "loop/timer.h"
#include "script/program.h"
#include "script/services.h"

/* What a hook runs under, whichever it is. */
struct task_terms {
    const struct generation *generation;
    struct script_services *services; /* without timers it cannot wait */
    uint64_t limit_ms;                /* how long it may take in all, waiting included */
};

/* What a hook holds that somebody else waits for: dropped when the hook ends without having let go
 * of it. */
struct task_guard {
    struct task_guard *next;
    void (*drop)(struct task_guard *guard);
};

/* First member of what a room keeps for one hook, on the heap. The room fills `running` and
 * `conclude`, whoever has it run the rest when it waits. */
struct task {
    struct running running;
    struct task_terms terms;
    void *owner;     /* for `ended` */
    unsigned hook;   /* ... and what to count it as */
    uint64_t ran_ns; /* how long it has run, waiting left out */
    /* The hook has ended, however: fills its call's answer from *outcome. */
    void (*conclude)(struct task *task, struct vm_outcome *outcome);
    /* Then, if it had waited: tells the owner, which may free the call. */
    void (*ended)(struct task *task, const struct vm_outcome *outcome);
    /* private */
    struct fiber *fiber;               /* while it waits */
    struct timer limit;                /* set with the first wait */
    struct timer alarm;                /* for what waits for nothing but time */
    void (*cancel)(struct task *task); /* takes back what it waits for */
    struct mail mail;                  /* wakes it in the next turn */
    bool is_posted;                    /* ... and is on its way */
    bool is_over;                      /* then it is freed when that arrives */
    struct task_guard *guards;
    /* of the room that has it wait */
    void *source;    /* what it waits for */
    const void *got; /* what came, for `next` */
};

/* Runs `body(task)` (light userdata) in the program's VM. NULL: it has ended, *outcome says how,
 * `conclude` has been called and the task is freed. Else it waits, and is the loop's from now on.
 */
struct task *task_begin(struct task *task, lua_CFunction body, struct vm_outcome *outcome) MUST_USE;
/* What it waits for has come: goes on, to its end or its next wait. From a callback of the loop. */
void task_wake(struct task *task);
/* The same in the next turn: for callbacks that come from inside another hook. */
void task_wake_later(struct task *task);
/* Ends it where it waits, as if it had never been: neither `conclude` nor `ended` is called. */
void task_forget(struct task *task);

/* The hook that runs, which may wait here; raises "NAME() works in hooks only" and the like where
 * it is not so. */
struct task *task_check_wait(lua_State *L, const char *name);
/* For `return task_wait(...)` after that check: waits for task_wake, then calls next(L, status,
 * task). `cancel` is called when it must not wait any longer; afterwards nobody may wake it. */
int task_wait(lua_State *L, const char *what, void (*cancel)(struct task *task),
              lua_KFunction next);
void task_hold(struct task *task, struct task_guard *guard);
void task_let_go(struct task *task,
                 struct task_guard *guard); /* without dropping it; fine when it is not held */
/* Checks, and waits for time alone. */
int task_wait_ms(lua_State *L, const char *what, uint64_t ms, lua_KFunction next);

#endif
