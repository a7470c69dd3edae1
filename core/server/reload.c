#include "server/reload.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "server/inside.h"
#include "wire/json.h"

enum { OUTCOME_REFUSED, OUTCOME_DONE };

/* ---- telling: the API, the developer's page, the log ---- */

struct result_letter {
    struct mail mail;
    struct api_request *request;
    bool is_done;
    struct error error;
    size_t len;
    char details[];
};

static void open_result(void *context, struct mail *mail)
{
    struct result_letter *letter = (struct result_letter *)mail;
    (void)context;
    struct slice details = slice_make(letter->details, letter->len);
    if (letter->is_done)
        api_answer(letter->request, details);
    else
        api_refuse_with(letter->request, &letter->error, details);
    free(letter);
}

static void tell_waiters(struct reload *reload, const struct error *error, struct slice details)
{
    for (struct waiter *waiter = reload->waiters, *next; waiter != NULL; waiter = next) {
        struct result_letter *letter = xcalloc(1, sizeof *letter + details.len);
        next = waiter->next;
        letter->mail.open = open_result;
        letter->request = waiter->request;
        letter->is_done = error == NULL;
        if (error != NULL)
            letter->error = *error;
        letter->len = details.len;
        memcpy(letter->details, details.at, details.len);
        mailbox_post(waiter->hub->mailbox, &letter->mail);
        free(waiter);
    }
    reload->waiters = NULL;
}

static void tell_page(struct server *server, struct slice news)
{
    if (server->config->is_dev && server->phase == SERVER_RUNNING)
        hub_ask_later(server->hubs[0],
                      &(struct request){.verb = VERB_PUBLISH, .channel = SLICE("weir:dev"), .data = news});
}

static double milliseconds_since(uint64_t started_ns)
{
    return (double)(clock_monotonic_ns() - started_ns) / 1e6;
}

/* "a.lua,b.lua" as ["a.lua","b.lua"]. */
static void put_files(struct buf *out, struct slice names)
{
    const char *end = names.at + names.len;
    buf_add_byte(out, '[');
    for (const char *at = names.at; at < end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma != NULL ? comma : end;
        buf_add_text(out, at > names.at ? "," : "");
        json_quote(out, slice_make(at, (size_t)(stop - at)));
        at = stop + 1;
    }
    buf_add_byte(out, ']');
}

static void tell_done(struct server *server, struct script_set *before, struct script_set *now)
{
    struct buf files = {0}, news = {0};
    char ms[32];
    catalogue_changes(before, now, &files);
    snprintf(ms, sizeof ms, "%.1f", milliseconds_since(server->reload.started_ns));
    log_event(server->log, LOG_INFO, "reload", LOG_NUMBER("generation", now->generation.number),
              "files", buf_text(&files), LOG_JSON("ms", ms), NULL);
    buf_printf(&news, "{\"generation\":%u,\"files\":", now->generation.number);
    put_files(&news, buf_slice(&files));
    buf_printf(&news, ",\"ms\":%s}", ms);
    tell_waiters(&server->reload, NULL, buf_slice(&news));
    tell_page(server, buf_slice(&news));
    buf_finish(&files);
    buf_finish(&news);
}

static void log_problem(struct server *server, const struct problem *problem)
{
    log_event(server->log, LOG_ERROR, "reload_refused", "file", problem->file, LOG_NUMBER("line", problem->line),
              "reason", problem->reason, "source", problem->source,
              LOG_NUMBER("in_force", server->reload.current->generation.number), NULL);
}

/* ,"file":…,"line":… of the first problem and ,"problems":[…] of all. */
static void put_details(struct buf *out, const struct problems *problems)
{
    buf_add_byte(out, ',');
    size_t first = out->len;
    problem_put_json(out, &problems->all[0]);
    out->len--; /* the object's end, and its beginning, give way to the error's own */
    memmove(out->at + first, out->at + first + 1, out->len - first - 1);
    out->len--;
    buf_add_text(out, ",\"problems\":[");
    for (unsigned i = 0; i < problems->count; i++) {
        buf_add_text(out, i > 0 ? "," : "");
        problem_put_json(out, &problems->all[i]);
    }
    buf_add_byte(out, ']');
}

static void tell_refused(struct server *server, const struct problems *problems)
{
    const struct problem *first = &problems->all[0];
    struct buf details = {0}, news = {0};
    struct error error;
    fail(&error, ERROR_SCRIPT, "%s:%d: %s", first->file, first->line, first->reason);
    for (unsigned i = 0; i < problems->count; i++)
        log_problem(server, &problems->all[i]);
    put_details(&details, problems);
    tell_waiters(&server->reload, &error, buf_slice(&details));
    buf_printf(&news, "{\"generation\":%u,\"error\":", server->reload.current->generation.number);
    problem_put_json(&news, first);
    buf_add_byte(&news, '}');
    tell_page(server, buf_slice(&news));
    buf_finish(&details);
    buf_finish(&news);
}

/* A worker could not build what the catalogue could: rare (memory), told like any other refusal. */
static void tell_unprepared(struct server *server)
{
    struct problem problem = {(char *)"", 0, (char *)"", server->reload.error.text};
    struct problems problems = {&problem, 1};
    tell_refused(server, &problems);
}

static void count(struct reload *reload, int outcome)
{
    atomic_fetch_add_explicit(&reload->outcomes[outcome], 1, memory_order_relaxed);
}

void reload_put_metrics(struct reload *reload, struct buf *out)
{
    static const char *const names[] = {"refused", "done"};
    buf_add_text(out, "# HELP weir_reloads_total Reloads of the scripts, by outcome.\n"
                      "# TYPE weir_reloads_total counter\n");
    for (int i = 0; i < 2; i++)
        buf_printf(out, "weir_reloads_total{outcome=\"%s\"} %llu\n", names[i],
                   (unsigned long long)atomic_load_explicit(&reload->outcomes[i], memory_order_relaxed));
}

/* ---- the steps ---- */

static struct catalogue_options catalogue_options(const struct server *server)
{
    return (struct catalogue_options){
        .folder = server->config->scripts,
        .is_dev = server->config->is_dev,
        .limits = server->runtime_options.limits,
        .log = server->log,
    };
}

bool reload_load_first(struct server *server, struct problems *problems)
{
    struct catalogue_options options = catalogue_options(server);
    server->reload.current = catalogue_load(&options, 1, problems);
    return server->reload.current != NULL;
}

void reload_finish(struct reload *reload)
{
    for (struct waiter *waiter = reload->waiters, *next; waiter != NULL; waiter = next) {
        next = waiter->next;
        free(waiter);
    }
    for (struct waiter *waiter = reload->later, *next; waiter != NULL; waiter = next) {
        next = waiter->next;
        free(waiter);
    }
    script_set_destroy(reload->old);
    script_set_destroy(reload->next);
    script_set_destroy(reload->current);
}

static void start(struct server *server)
{
    struct reload *reload = &server->reload;
    struct catalogue_options options = catalogue_options(server);
    struct problems problems = {0};
    reload->started_ns = clock_monotonic_ns();
    reload->next = catalogue_load(&options, reload->current->generation.number + 1, &problems);
    if (reload->next == NULL) {
        count(reload, OUTCOME_REFUSED);
        tell_refused(server, &problems);
    } else {
        reload->phase = RELOAD_PREPARING;
        reload->has_failed = false;
        reload->waiting_for = server->worker_count;
        for (unsigned i = 0; i < server->worker_count; i++)
            worker_post_prepare(&server->workers[i], reload->next);
    }
    problems_finish(&problems);
}

static void end(struct server *server)
{
    struct reload *reload = &server->reload;
    reload->phase = RELOAD_IDLE;
    while (reload->is_wanted_again && reload->phase == RELOAD_IDLE && server->phase == SERVER_RUNNING) {
        reload->is_wanted_again = false;
        reload->waiters = reload->later;
        reload->later = NULL;
        start(server);
    }
}

static void refuse_unprepared(struct server *server)
{
    struct reload *reload = &server->reload;
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_post_discard(&server->workers[i]);
    count(reload, OUTCOME_REFUSED);
    tell_unprepared(server);
    /* A worker opens the discard before anything later: it is safe to destroy once all answer the next time. */
    reload->old = reload->next;
    reload->next = NULL;
    end(server);
}

void reload_prepared(struct server *server, bool is_ready, const struct error *error)
{
    struct reload *reload = &server->reload;
    if (!is_ready && !reload->has_failed) {
        reload->has_failed = true;
        reload->error = *error;
    }
    if (--reload->waiting_for > 0)
        return;
    script_set_destroy(reload->old);
    reload->old = NULL;
    if (reload->has_failed) {
        refuse_unprepared(server);
        return;
    }
    reload->phase = RELOAD_SWITCHING;
    reload->waiting_for = server->worker_count;
    reload->moved = 0;
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_post_switch(&server->workers[i], reload->next);
}

/* The last channel of the last worker has left the old generation. */
static void end_if_moved(struct server *server)
{
    struct reload *reload = &server->reload;
    if (reload->phase != RELOAD_MOVING || reload->moved < server->worker_count)
        return;
    script_set_destroy(reload->old);
    reload->old = NULL;
    end(server);
}

void reload_switched(struct server *server)
{
    struct reload *reload = &server->reload;
    if (--reload->waiting_for > 0)
        return;
    reload->phase = RELOAD_MOVING;
    reload->old = reload->current;
    reload->current = reload->next;
    reload->next = NULL;
    count(reload, OUTCOME_DONE);
    tell_done(server, reload->old, reload->current);
    end_if_moved(server);
}

/* One worker may have moved all its channels before another has switched. */
void reload_moved(struct server *server)
{
    server->reload.moved++;
    end_if_moved(server);
}

void reload_want(struct server *server)
{
    struct reload *reload = &server->reload;
    if (server->phase != SERVER_RUNNING)
        return;
    reload->is_wanted_again = true;
    if (reload->phase == RELOAD_IDLE)
        end(server);
}

/* ---- asked by the API, on a worker's thread ---- */

struct want_letter {
    struct mail mail;
    struct waiter *waiter;
};

static void refuse_all(struct waiter **list)
{
    struct reload waiting = {.waiters = *list};
    struct error error;
    fail(&error, ERROR_NOT_AVAILABLE, "not available: the server is shutting down");
    tell_waiters(&waiting, &error, SLICE(""));
    *list = NULL;
}

void reload_refuse_waiters(struct reload *reload)
{
    refuse_all(&reload->waiters);
    refuse_all(&reload->later);
}

static void open_want(void *context, struct mail *mail)
{
    struct want_letter *letter = (struct want_letter *)mail;
    struct server *server = context;
    letter->waiter->next = server->reload.later;
    server->reload.later = letter->waiter;
    free(letter);
    if (server->phase == SERVER_RUNNING)
        reload_want(server);
    else
        refuse_all(&server->reload.later);
}

void reload_want_for(struct server *server, struct hub *hub, struct api_request *request)
{
    struct want_letter *letter = xcalloc(1, sizeof *letter);
    letter->mail.open = open_want;
    letter->waiter = xmalloc(sizeof *letter->waiter);
    *letter->waiter = (struct waiter){NULL, hub, request};
    mailbox_post(server->mailbox, &letter->mail);
}
