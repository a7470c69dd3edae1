#include "script/task.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

/* What scripts call finds out here for whom it is called. */
static void enter(struct task *task)
{
    task->running.program->running = &task->running;
}

static void leave(struct task *task)
{
    task->running.program->running = NULL;
}

static bool can_wait(const struct task *task)
{
    return task->terms.services != NULL && task->terms.services->timers != NULL;
}

static void drop_guards(struct task *task)
{
    for (struct task_guard *guard = task->guards, *next; guard != NULL; guard = next) {
        next = guard->next;
        guard->drop(guard);
    }
    task->guards = NULL;
}

/* Mail cannot be called back. */
static void free_task(struct task *task)
{
    if (task->is_posted)
        task->is_over = true;
    else
        free(task);
}

static void put_down(struct task *task)
{
    timer_stop(task->terms.services->timers, &task->limit);
    task->fiber = NULL;
    task->cancel = NULL;
}

/* It ends behind a wait: whoever began it has returned long ago. Its program has its script until all is told. */
static void end(struct task *task, struct vm_outcome *outcome)
{
    struct program *program = program_ref(task->running.program);
    put_down(task);
    drop_guards(task);
    task->conclude(task, outcome);
    task->ended(task, outcome);
    free_task(task);
    program_end_wait(program);
    program_unref(program);
}

static void on_limit(struct timer *timer)
{
    struct task *task = CONTAINER(timer, struct task, limit);
    struct vm_outcome outcome;
    task->cancel(task);
    drop_guards(task);
    vm_abandon(task->fiber, &outcome);
    snprintf(outcome.text, sizeof outcome.text, "stopped after %llu ms: it waited too long",
             (unsigned long long)task->terms.limit_ms);
    end(task, &outcome);
}

struct task *task_begin(struct task *task, lua_CFunction body, struct vm_outcome *outcome)
{
    struct program *program = task->running.program;
    program->log_lines = 0;
    enter(task);
    if (can_wait(task))
        task->fiber = vm_begin(program->vm, body, task, outcome);
    else
        vm_run(program->vm, body, task, outcome);
    leave(task);
    if (task->fiber == NULL) {
        drop_guards(task);
        task->conclude(task, outcome);
        free(task);
        return NULL;
    }
    program_begin_wait(program);
    timer_start(task->terms.services->timers, &task->limit, task->terms.limit_ms, on_limit);
    return task;
}

void task_wake(struct task *task)
{
    struct vm_outcome outcome;
    uint64_t began = clock_monotonic_ns();
    enter(task);
    task->cancel = NULL;
    task->fiber = vm_resume(task->fiber, &outcome);
    leave(task);
    task->ran_ns += clock_monotonic_ns() - began;
    if (task->fiber == NULL)
        end(task, &outcome);
}

static void open_mail(void *context, struct mail *mail)
{
    struct task *task = CONTAINER(mail, struct task, mail);
    (void)context;
    task->is_posted = false;
    if (task->is_over)
        free(task);
    else
        task_wake(task);
}

void task_wake_later(struct task *task)
{
    ensure(!task->is_posted);
    task->is_posted = true;
    task->mail.open = open_mail;
    mailbox_post(task->terms.services->mailbox, &task->mail);
}

void task_hold(struct task *task, struct task_guard *guard)
{
    guard->next = task->guards;
    task->guards = guard;
}

void task_let_go(struct task *task, struct task_guard *guard)
{
    struct task_guard **link = &task->guards;
    while (*link != NULL && *link != guard)
        link = &(*link)->next;
    if (*link != NULL)
        *link = guard->next;
}

void task_forget(struct task *task)
{
    task->cancel(task);
    drop_guards(task);
    vm_forget(task->fiber);
    put_down(task);
    program_end_wait(task->running.program);
    free_task(task);
}

static struct task *task_running(lua_State *L, const char *name)
{
    return CONTAINER(program_running(L, name), struct task, running);
}

struct task *task_check_wait(lua_State *L, const char *what)
{
    struct task *task = task_running(L, what);
    vm_check_wait(L, what);
    if (task->fiber == NULL &&
        task->running.program->waits >= task->running.program->limits.waits) {
        fail(task->running.error, ERROR_OVERLOADED,
             "overloaded: %u hooks of this script wait already", task->running.program->waits);
        vm_leave(L);
    }
    return task;
}

int task_wait(lua_State *L, const char *what, void (*cancel)(struct task *task), lua_KFunction next)
{
    struct task *task = task_running(L, what);
    ensure(can_wait(task));
    task->cancel = cancel;
    return vm_wait(L, (lua_KContext)task, next);
}

static void on_alarm(struct timer *timer)
{
    task_wake(CONTAINER(timer, struct task, alarm));
}

static void stop_alarm(struct task *task)
{
    timer_stop(task->terms.services->timers, &task->alarm);
}

int task_wait_ms(lua_State *L, const char *what, uint64_t ms, lua_KFunction next)
{
    struct task *task = task_check_wait(L, what);
    timer_start(task->terms.services->timers, &task->alarm, ms, on_alarm);
    return task_wait(L, what, stop_alarm, next);
}
