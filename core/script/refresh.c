#include "script/refresh.h"

#include <stdlib.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "hub/effect.h"
#include "script/codec.h"

struct refresh {
    struct task task; /* first: this is freed as one */
    struct refresh *next;
    struct mail mail;    /* begins it */
    bool is_begun;       /* else its mail is on its way */
    bool is_over;        /* forgotten before */
    int fetch;           /* registry reference: the function */
    struct effects none; /* none are ever in it */
    struct error error;  /* what a reject said */
    struct cache_wish wish;
    struct cache_flight *flight; /* NULL once it has landed */
};

void cache_tell(struct script_services *services)
{
    const struct cache_counts *now = cache_counts(services->cache), *seen = &services->cache_seen;
    stats_add(services->stats, STAT_CACHE_HITS, (int64_t)(now->hits - seen->hits));
    stats_add(services->stats, STAT_CACHE_STALE, (int64_t)(now->stale - seen->stale));
    stats_add(services->stats, STAT_CACHE_MISSES, (int64_t)(now->misses - seen->misses));
    stats_add(services->stats, STAT_CACHE_JOINED, (int64_t)(now->joined - seen->joined));
    stats_add(services->stats, STAT_CACHE_EVICTED, (int64_t)(now->evicted - seen->evicted));
    stats_add(services->stats, STAT_CACHE_BYTES, (int64_t)(now->bytes - seen->bytes));
    services->cache_seen = *now;
}

static void unlink_refresh(struct refresh *refresh)
{
    struct refresh **link = &refresh->task.running.program->refreshes;
    while (*link != refresh)
        link = &(*link)->next;
    *link = refresh->next;
}

/* Its function and its place in the program; its own memory stays. */
static void let_go(struct refresh *refresh)
{
    struct program *program = refresh->task.running.program;
    unlink_refresh(refresh);
    luaL_unref(vm_state(program->vm), LUA_REGISTRYINDEX, refresh->fetch);
    program_end_wait(program);
}

/* ---- the run ---- */

static int take(lua_State *L, int status, lua_KContext context)
{
    struct refresh *refresh = (struct refresh *)context;
    struct cache_flight *flight = refresh->flight;
    struct buf *json = vm_scratch(L);
    struct error err;
    (void)status;
    if (lua_isnil(L, -1))
        buf_add_text(json, "null");
    else if (!codec_encode(L, lua_gettop(L), "data", &CODEC_LIMITS_DEFAULT, json, &err))
        luaL_error(L, "cache: %s", err.text);
    vm_charge(L, json->len);
    refresh->flight = NULL;
    cache_fill(flight, buf_slice(json), &refresh->wish.terms,
               clock_steady_ms(refresh->task.running.program->clock));
    return 0;
}

static int run(lua_State *L)
{
    struct refresh *refresh = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, refresh->fetch);
    lua_callk(L, 0, 1, (lua_KContext)refresh, take);
    return take(L, LUA_OK, (lua_KContext)refresh);
}

/* A reject is a verdict, an error an outage; over a budget nothing has been said. */
static void fail_flight(struct refresh *refresh, const struct vm_outcome *outcome)
{
    struct slice unused;
    struct cache_flight *flight = refresh->flight;
    struct error err = refresh->error;
    refresh->flight = NULL;
    if (outcome->end == VM_FAILED)
        fail(&err, ERROR_SCRIPT_FAILED, "%s", outcome->text);
    if (outcome->end == VM_FAILED || outcome->end == VM_LEFT)
        (void)cache_fail(flight, outcome->end == VM_FAILED ? CACHE_OUTAGE : CACHE_VERDICT, &err,
                         clock_steady_ms(refresh->task.running.program->clock), &unused);
    else
        cache_abandon(flight);
}

static void conclude(struct task *task, struct vm_outcome *outcome)
{
    struct refresh *refresh = (struct refresh *)task;
    struct script_services *services = task->terms.services;
    if (refresh->flight != NULL)
        fail_flight(refresh, outcome);
    if (outcome->end != VM_DONE)
        stats_add(services->stats, STAT_CACHE_FAILED, 1);
    cache_tell(services);
    let_go(refresh);
}

static void ended(struct task *task, const struct vm_outcome *outcome)
{
    (void)task;
    (void)outcome;
}

static void open_mail(void *context, struct mail *mail)
{
    struct refresh *refresh = CONTAINER(mail, struct refresh, mail);
    struct vm_outcome outcome;
    (void)context;
    if (refresh->is_over) {
        free(refresh);
        return;
    }
    refresh->is_begun = true;
    (void)!task_begin(&refresh->task, run, &outcome);
}

/* ---- beginning and forgetting ---- */

static void fill_task(struct refresh *refresh, const struct task *asker)
{
    struct task *task = &refresh->task;
    task->running.program = asker->running.program;
    task->running.hook = "cache";
    task->running.fetches = 1;
    task->running.effects = &refresh->none;
    task->running.error = &refresh->error;
    task->terms = asker->terms;
    task->terms.generation = NULL; /* it may outlive the asker's */
    task->conclude = conclude;
    task->ended = ended;
}

bool refresh_begin(lua_State *L, const struct task *asker, const struct cache_wish *wish,
                   struct cache_flight *flight)
{
    struct program *program = asker->running.program;
    struct script_services *services = asker->terms.services;
    if (services->is_ending || program->is_retired || program->waits >= program->limits.waits)
        return false;
    lua_pushvalue(L, -1);
    int fetch = luaL_ref(L, LUA_REGISTRYINDEX); /* raises before there is anything to lose */
    struct refresh *refresh = xcalloc(1, sizeof *refresh);
    fill_task(refresh, asker);
    refresh->fetch = fetch;
    refresh->wish = *wish;
    refresh->flight = flight;
    refresh->next = program->refreshes;
    program->refreshes = refresh;
    program_begin_wait(program);
    refresh->mail.open = open_mail;
    mailbox_post(services->mailbox, &refresh->mail);
    return true;
}

static void forget(struct refresh *refresh)
{
    struct cache_flight *flight = refresh->flight;
    refresh->flight = NULL;
    let_go(refresh);
    if (refresh->is_begun)
        task_forget(&refresh->task);
    else
        refresh->is_over = true;
    if (flight != NULL)
        cache_abandon(flight);
}

void refreshes_forget(struct program *program)
{
    program_ref(program);
    while (program->refreshes != NULL)
        forget(program->refreshes);
    program_unref(program);
}
