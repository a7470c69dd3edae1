#include "script/runtime.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/secret.h"
#include "base/clock.h"
#include "base/memory.h"
#include "script/breakers.h"
#include "script/connect.h"
#include "script/declare.h"
#include "script/hook.h"
#include "script/problem.h"
#include "script/refresh.h"

/* A generation with a program for each of its scripts. */
struct edition {
    const struct script_set *set;
    struct program **programs;
};

struct runtime {
    struct runtime_options options;
    struct script_services services;
    struct meter meter;
    struct breakers breakers;
    struct edition *current, *prepared; /* NULL: none */
};

/* ---- generations ---- */

static void edition_destroy(struct edition *edition)
{
    if (edition == NULL)
        return;
    for (unsigned i = 0; i < edition->set->script_count; i++)
        program_unref(edition->programs[i]);
    free(edition->programs);
    free(edition);
}

/* The program that runs already, where the file and all libraries are as they were. */
static struct program *find_unchanged(const struct runtime *runtime, const struct script *script)
{
    if (runtime->current == NULL)
        return NULL;
    const struct script_set *set = runtime->current->set;
    for (unsigned i = 0; i < set->script_count; i++)
        if (set->scripts[i].hash == script->hash && strcmp(set->scripts[i].name, script->name) == 0)
            return runtime->current->programs[i];
    return NULL;
}

static struct program *make_program(struct runtime *runtime, const struct script_set *set,
                                    const struct script *script, struct error *err)
{
    struct problems problems = {0};
    /* What the file logs while it loads has been logged by the catalogue, once for all workers. */
    struct program *program =
        program_create(set, script, &runtime->options.limits, NULL, &problems);
    if (program == NULL) {
        problems_fail(&problems, err);
    } else {
        program->log = runtime->options.log;
        program->clock = runtime->options.clock;
        program->breakers = &runtime->breakers;
        program->explains = runtime->options.explains;
        program_meter(program, meter_row(&runtime->meter, script->name));
    }
    problems_finish(&problems);
    return program;
}

static bool fill_edition(struct runtime *runtime, struct edition *edition, struct error *err)
{
    for (unsigned i = 0; i < edition->set->script_count; i++) {
        const struct script *script = &edition->set->scripts[i];
        struct program *program = find_unchanged(runtime, script);
        if (program != NULL)
            program_ref(program);
        else if ((program = make_program(runtime, edition->set, script, err)) == NULL)
            return false;
        edition->programs[i] = program;
    }
    return true;
}

struct runtime *runtime_create(const struct runtime_options *options,
                               const struct script_services *services)
{
    struct runtime *runtime = xcalloc(1, sizeof *runtime);
    runtime->options = *options;
    if (services != NULL)
        runtime->services = *services;
    return runtime;
}

void runtime_destroy(struct runtime *runtime)
{
    if (runtime == NULL)
        return;
    edition_destroy(runtime->prepared);
    edition_destroy(runtime->current);
    meter_finish(&runtime->meter);
    breakers_finish(&runtime->breakers);
    free(runtime);
}

bool runtime_prepare(struct runtime *runtime, const struct script_set *set, struct error *err)
{
    runtime_discard(runtime);
    struct edition *edition = xcalloc(1, sizeof *edition);
    edition->set = set;
    edition->programs = xcalloc(set->script_count + 1, sizeof *edition->programs);
    if (!fill_edition(runtime, edition, err)) {
        edition_destroy(edition);
        return false;
    }
    runtime->prepared = edition;
    return true;
}

void runtime_discard(struct runtime *runtime)
{
    edition_destroy(runtime->prepared);
    runtime->prepared = NULL;
}

/* What is left behind never runs again: its channels come for their state and leave. What goes on is entered anew. */
static void retire(struct edition *edition)
{
    if (edition == NULL)
        return;
    for (unsigned i = 0; i < edition->set->script_count; i++) {
        struct program *program = edition->programs[i];
        meter_set_bytes(program->row, 0);
        program_retire(program);
    }
}

/* Of what does not go on: its set may be gone before they have ended. */
static void forget_refreshes(struct edition *edition, bool only_retired)
{
    for (unsigned i = 0; edition != NULL && i < edition->set->script_count; i++)
        if (!only_retired || edition->programs[i]->is_retired)
            refreshes_forget(edition->programs[i]);
}

void runtime_switch(struct runtime *runtime)
{
    struct edition *before = runtime->current, *now = runtime->prepared;
    ensure(now != NULL);
    retire(before);
    for (unsigned i = 0; i < now->set->script_count; i++) {
        program_enter(now->programs[i], now->set, &now->set->scripts[i]);
        meter_set_bytes(now->programs[i]->row, vm_bytes(now->programs[i]->vm));
    }
    runtime->current = now;
    runtime->prepared = NULL;
    forget_refreshes(before, true);
    edition_destroy(before);
}

bool runtime_uses(const struct runtime *runtime, const struct script_set *set)
{
    return (runtime->current != NULL && runtime->current->set == set) ||
           (runtime->prepared != NULL && runtime->prepared->set == set);
}

/* ---- failures ---- */

struct failure {
    struct program *program;
    const char *hook;
    struct slice method, channel;
    const struct vm_outcome *outcome;
};

static void make_incident(char incident[INCIDENT_MAX])
{
    unsigned char bytes[6];
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(incident + 2 * i, 3, "%02x", bytes[i]);
}

static void put_place(char *text, size_t room, const struct failure *failure)
{
    const struct vm_outcome *outcome = failure->outcome;
    if (outcome->line > 0)
        snprintf(text, room, "%s:%d", outcome->file, outcome->line);
    else
        snprintf(text, room, "%s", failure->program->script->name);
}

static void log_failure(const struct runtime *runtime, const struct failure *failure,
                        const char *place, const char *incident)
{
    char hook[128], channel[PATTERN_LENGTH_MAX + 1];
    snprintf(hook, sizeof hook, failure->method.len > 0 ? "%s_%.*s" : "%s", failure->hook,
             SLICE_ARGS(failure->method));
    snprintf(channel, sizeof channel, "%.*s", SLICE_ARGS(failure->channel));
    log_event(runtime->options.log, LOG_ERROR, "script_failed", "incident", incident, "at", place,
              "reason", failure->outcome->text, "hook", hook, "channel", channel, "script",
              failure->program->script->name,
              LOG_NUMBER("generation", runtime->current->set->generation.number), "trace",
              failure->outcome->trace, NULL);
}

/* Logs it, and says to the client what the client may know. */
static void report(const struct runtime *runtime, const struct failure *failure,
                   struct error *error)
{
    char place[300], incident[INCIDENT_MAX];
    bool is_budget = failure->outcome->end != VM_FAILED;
    int code = is_budget ? ERROR_SCRIPT_BUDGET : ERROR_SCRIPT_FAILED;
    put_place(place, sizeof place, failure);
    make_incident(incident);
    log_failure(runtime, failure, place, incident);
    if (runtime->options.explains)
        fail(error, code, "%s: %s", place, failure->outcome->text);
    else
        fail(error, code, "%s (incident %s)", error_code_text(code), incident);
    memcpy(error->incident, incident, sizeof incident);
}

static bool is_failed(const struct vm_outcome *outcome)
{
    return outcome->end != VM_DONE && outcome->end != VM_LEFT;
}

/* `hook`: as for meter_count. A call of no method is nobody's: names that clients make up are not kept. */
static void count(const struct program *program, unsigned hook, const struct call *call,
                  const struct vm_outcome *outcome, uint64_t ns)
{
    if (hook != HOOK_CALL && hook != HOOK_COUNT + SERVER_CALL)
        meter_count(program->row, hook, is_failed(outcome), ns);
    else if (outcome->end != VM_LEFT || call->error.code != ERROR_METHOD_NOT_FOUND)
        meter_count_method(program->row, call->method, is_failed(outcome), ns);
    meter_set_bytes(program->row, program->is_retired ? 0 : vm_bytes(program->vm));
}

/* ---- a fresh start ---- */

enum { RESTART_EVERY_MS = 10000 };

/* A script that keeps things in its own variables until its memory is full gets a new VM: those are
 * lost, the channels' state is not. Not too often, for it may be the state that is too large. */
static bool may_restart(const struct program *program, const struct vm_outcome *outcome)
{
    if (outcome->end != VM_OVER_MEMORY || program->is_retired || !vm_is_full(program->vm))
        return false;
    uint64_t elapsed = clock_monotonic_ns() - program->started_ns;
    return program->started_ns == 0 || elapsed > RESTART_EVERY_MS * UINT64_C(1000000);
}

static void restart(struct runtime *runtime, struct program *program)
{
    struct error err;
    const struct script_set *set = runtime->current->set;
    size_t index = (size_t)(program->script - set->scripts);
    struct program *fresh = make_program(runtime, set, program->script, &err);
    log_event(runtime->options.log, LOG_WARN, "script_restarted", "script", program->script->name,
              "reason", fresh ? "its memory was full of what it keeps" : err.text, NULL);
    if (fresh == NULL)
        return;
    fresh->started_ns = clock_monotonic_ns();
    runtime->current->programs[index] = fresh;
    program_retire(program);
    refreshes_forget(program);
    program_unref(program);
}

/* ---- the hub's table ---- */

static void fail_call(struct runtime *runtime, const struct failure *failure, struct call *call)
{
    call->verdict = VERDICT_REFUSE;
    buf_clear(&call->out);
    effects_discard(&call->effects);
    report(runtime, failure, &call->error);
    if (may_restart(failure->program, failure->outcome))
        restart(runtime, failure->program);
}

static void release_channel(void *context, struct channel *channel)
{
    (void)context;
    instance_destroy(channel->instance);
    channel->instance = NULL;
}

/* The channel's instance in the current generation, or NULL and *outcome. Where the state does not
 * go over it stays with the old instance, and the channel refuses until it does. While a hook of the channel
 * waits it stays as well: what that one still writes to self.state is not to be lost. */
static struct instance *move_in(struct runtime *runtime, struct channel *channel,
                                struct vm_outcome *outcome)
{
    struct instance *old = channel->instance;
    if (old != NULL && channel->waits > 0)
        return old;
    ensure(channel->generation == &runtime->current->set->generation);
    struct program *program = runtime->current->programs[channel->type->script];
    if (old != NULL && old->program == program) {
        ensure(old->class == channel->type->index); /* the same file has the same patterns */
        return old;
    }
    struct instance *instance = instance_create(program, channel, old, outcome);
    if (instance == NULL)
        return NULL;
    instance_destroy(old);
    channel->instance = instance;
    return instance;
}

static void bind_channel(void *context, struct channel *channel)
{
    struct runtime *runtime = context;
    struct vm_outcome outcome;
    struct error unused;
    if (channel->type == NULL) {
        release_channel(runtime, channel);
        return;
    }
    if (move_in(runtime, channel, &outcome) != NULL)
        return;
    struct failure failure = {
        .program = runtime->current->programs[channel->type->script],
        .hook = "bind",
        .channel = channel->name,
        .outcome = &outcome,
    };
    report(runtime, &failure, &unused);
}

/* Counts it, and has a failure reported and answered. */
static void finish_call(struct runtime *runtime, const struct failure *what, unsigned hook,
                        struct call *call, uint64_t ns)
{
    count(what->program, hook, call, what->outcome, ns);
    if (is_failed(what->outcome))
        fail_call(runtime, what, call);
}

static void on_ended(struct task *task, const struct vm_outcome *outcome)
{
    struct call *call = hook_call(task);
    const struct running *running = &task->running;
    struct failure failure = {running->program, running->hook, call->method,
                              running->channel ? running->channel->name : SLICE(""), outcome};
    finish_call(task->owner, &failure, task->hook, call, task->ran_ns);
    call->task = NULL;
    call->done(call);
}

static void wait_for(struct runtime *runtime, struct task *task, unsigned hook, uint64_t began_ns)
{
    task->owner = runtime;
    task->hook = hook;
    task->ran_ns = clock_monotonic_ns() - began_ns;
    task->ended = on_ended;
}

static struct task_terms terms_of(struct runtime *runtime, const struct generation *generation,
                                  const struct channel_type *type)
{
    uint64_t own = type != NULL ? (uint64_t)type->timeout_ms : 0;
    return (struct task_terms){generation, &runtime->services,
                               own > 0 ? own : runtime->options.limits.wait_ms};
}

static void call_channel(void *context, struct channel *channel, struct call *call)
{
    struct runtime *runtime = context;
    struct vm_outcome outcome;
    uint64_t began = clock_monotonic_ns();
    struct task_terms terms = terms_of(runtime, channel->generation, channel->type);
    struct instance *instance = move_in(runtime, channel, &outcome);
    struct program *program =
        instance ? instance->program : runtime->current->programs[channel->type->script];
    if (instance != NULL)
        call->task = hook_run_channel(instance, channel, &terms, call, &outcome);
    if (call->task != NULL) {
        wait_for(runtime, call->task, call->hook, began);
        return;
    }
    struct failure failure = {program, hook_name(call->hook), call->method, channel->name, &outcome};
    finish_call(runtime, &failure, call->hook, call, clock_monotonic_ns() - began);
}

/* Who answers; NULL: nobody, and the call has its answer. */
static struct program *find_server_program(const struct runtime *runtime, enum server_hook hook,
                                           struct call *call)
{
    const struct script_set *set = runtime->current->set;
    unsigned script = set->server_script[hook];
    if (hook == SERVER_CALL && !script_set_find_method(set, call->method, &script)) {
        call->verdict = VERDICT_REFUSE;
        fail_code(&call->error, ERROR_METHOD_NOT_FOUND);
        if (runtime->options.explains)
            script_set_suggest_method(set, call->method, &call->error);
        return NULL;
    }
    return runtime->current->programs[script];
}

static void call_server(void *context, enum server_hook hook, struct call *call)
{
    struct runtime *runtime = context;
    struct vm_outcome outcome;
    uint64_t began = clock_monotonic_ns();
    struct task_terms terms = terms_of(runtime, &runtime->current->set->generation, NULL);
    struct program *program = find_server_program(runtime, hook, call);
    if (program == NULL)
        return;
    call->task = hook_run_server(program, hook, &terms, call, &outcome);
    if (call->task != NULL) {
        wait_for(runtime, call->task, HOOK_COUNT + hook, began);
        return;
    }
    struct failure failure = {program, server_hook_name(hook), call->method, {0}, &outcome};
    finish_call(runtime, &failure, HOOK_COUNT + hook, call, clock_monotonic_ns() - began);
}

static void finish_connect(struct runtime *runtime, struct program *program,
                           struct connect_call *call, const struct vm_outcome *outcome, uint64_t ns)
{
    count(program, HOOK_COUNT + SERVER_CONNECT, NULL, outcome, ns);
    if (!is_failed(outcome))
        return;
    call->verdict = VERDICT_REFUSE;
    buf_clear(&call->out);
    effects_discard(&call->effects);
    report(runtime, &(struct failure){program, "on_connect", {0}, {0}, outcome}, &call->error);
}

static void on_connect_ended(struct task *task, const struct vm_outcome *outcome)
{
    struct connect_call *call = connect_call_of(task);
    finish_connect(task->owner, task->running.program, call, outcome, task->ran_ns);
    call->task = NULL;
    call->done(call);
}

static void call_connect(void *context, struct connect_call *call)
{
    struct runtime *runtime = context;
    struct vm_outcome outcome;
    uint64_t began = clock_monotonic_ns();
    struct task_terms terms = terms_of(runtime, &runtime->current->set->generation, NULL);
    struct program *program =
        runtime->current->programs[runtime->current->set->server_script[SERVER_CONNECT]];
    call->task = connect_run(program, &terms, call, &outcome);
    if (call->task == NULL) {
        finish_connect(runtime, program, call, &outcome, clock_monotonic_ns() - began);
        return;
    }
    wait_for(runtime, call->task, HOOK_COUNT + SERVER_CONNECT, began);
    call->task->ended = on_connect_ended;
}

static void keep_call(struct call *call)
{
    hook_keep(call->task, call);
}

static void keep_connect(struct connect_call *call)
{
    connect_keep(call->task, call);
}

/* Nothing runs, so that nothing here can fail. */
static bool has_method(void *context, const struct channel_type *type, struct slice name)
{
    const struct runtime *runtime = context;
    const struct program *program = runtime->prepared->programs[type->script];
    lua_State *L = vm_state(program->vm);
    lua_rawgeti(L, LUA_REGISTRYINDEX, program->classes[type->index].table);
    lua_pushlstring(L, name.at, name.len);
    bool has = lua_rawget(L, -2) == LUA_TFUNCTION;
    lua_pop(L, 2);
    return has;
}

static void give_up(void *context)
{
    struct runtime *runtime = context;
    runtime->services.is_ending = true;
    forget_refreshes(runtime->current, false);
}

void runtime_fill(struct runtime *runtime, struct behaviour *behaviour)
{
    *behaviour = (struct behaviour){
        .runtime = runtime,
        .connect = call_connect,
        .server = call_server,
        .has_method = has_method,
        .bind = bind_channel,
        .channel = call_channel,
        .keep = keep_call,
        .keep_connect = keep_connect,
        .forget = task_forget,
        .give_up = give_up,
        .release = release_channel,
    };
}

void runtime_add_calls(const struct runtime *runtime, uint64_t *calls, uint64_t *errors)
{
    meter_total(&runtime->meter, calls, errors);
}

void runtime_put_metrics(struct runtime *const *runtimes, unsigned count_of, struct buf *out)
{
    struct meter **meters = xcalloc(count_of + 1, sizeof *meters);
    for (unsigned i = 0; i < count_of; i++)
        meters[i] = &runtimes[i]->meter;
    meters_put(meters, count_of, out);
    free(meters);
    struct breakers **breakers = xcalloc(count_of + 1, sizeof *breakers);
    for (unsigned i = 0; i < count_of; i++)
        breakers[i] = &runtimes[i]->breakers;
    breakers_put(breakers, count_of, out);
    free(breakers);
}
