#include "server/reload.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "script/advice.h"
#include "script/problem.h"
#include "server/inside.h"
#include "server/news.h"
#include "server/rollback.h"
#include "wire/json.h"

enum { OUTCOME_REFUSED, OUTCOME_DONE };
enum { SETTLE_MS = 40, PATIENCE_MS = 250 };

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
        next = waiter->next;
        if (waiter->request == NULL) {
            free(waiter);
            continue;
        }
        struct result_letter *letter = xcalloc(1, sizeof *letter + details.len);
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
    if (server->phase == SERVER_RUNNING)
        hub_tell_page(server->hubs[0], news);
}

static double milliseconds_since(uint64_t started_ns)
{
    return (double)(clock_monotonic_ns() - started_ns) / 1e6;
}

/* What was edited: the files that differ from those before, and from those that were refused last. */
static void put_edited(const struct reload *reload, const struct script_set *before, const struct script_set *now,
                       struct buf *out)
{
    catalogue_changes(before, now, out);
    if (reload->refused != NULL)
        catalogue_changes(reload->refused, now, out);
    for (unsigned i = 0; i < reload->problems.count; i++) /* a file that could not be read is not among them */
        if (reload->problems.all[i].file[0] != '\0')
            catalogue_put_change(now, reload->problems.all[i].file, out);
}

static void forget_refusal(struct reload *reload)
{
    script_set_destroy(reload->refused);
    problems_finish(&reload->problems);
    reload->refused = NULL;
    reload->is_refused = false;
    reload->repeated = 0;
}

/* The files of `now`, which came after those of `before`, are those in force: that is news for the page unless they
 * were before and nothing else was tried. */
static void tell_done(struct server *server, const struct script_set *before, const struct script_set *now,
                      bool is_news)
{
    struct reload *reload = &server->reload;
    const struct generation *generation = &reload->current->generation;
    struct buf files = {0}, news = {0};
    char ms[32];
    put_edited(reload, before, now, &files);
    snprintf(ms, sizeof ms, "%.1f", milliseconds_since(reload->started_ns));
    unsigned made_from = before != reload->current ? generation->made_from : 0;
    news_log_done(server->log, generation->number, made_from, &files, ms, reload->repeated);
    buf_printf(&news, "{\"generation\":%u,", generation->number);
    if (made_from != 0)
        buf_printf(&news, "\"made_from\":%u,", made_from);
    rollback_put_why(reload, &news);
    buf_add_text(&news, "\"files\":");
    news_put_files(&news, buf_slice(&files));
    buf_printf(&news, ",\"ms\":%s}", ms);
    tell_waiters(reload, NULL, buf_slice(&news));
    if (is_news)
        tell_page(server, buf_slice(&news));
    forget_refusal(reload);
    buf_finish(&files);
    buf_finish(&news);
}

/* The page's overlay says "no rules are in force" where it is 0. */
static unsigned number_of_rules(const struct server *server, const struct script_set *set)
{
    unsigned own = server->config->is_dev ? 1 : 0; /* weir/dev.lua */
    return set->script_count > own ? set->generation.number : 0;
}

/* To whoever writes them, each time they come into force. */
static void tell_warnings(const struct server *server)
{
    struct problems warnings = {0};
    if (server->config->is_dev)
        advise(server->reload.current, &warnings);
    for (unsigned i = 0; i < warnings.count; i++)
        news_log_warning(server->log, &warnings.all[i]);
    problems_finish(&warnings);
}

/* The first problem, and how many there are besides. */
static void tell_page_refused(struct server *server)
{
    const struct problems *problems = &server->reload.problems;
    struct buf news = {0};
    buf_printf(&news, "{\"generation\":%u,\"error\":", number_of_rules(server, server->reload.current));
    problem_put_json(&news, &problems->all[0]);
    if (problems->count > 1)
        buf_printf(&news, ",\"more\":%u", problems->count - 1);
    buf_add_byte(&news, '}');
    tell_page(server, buf_slice(&news));
    buf_finish(&news);
}

static void tell_waiters_refused(struct reload *reload)
{
    struct buf details = {0};
    struct error error;
    problems_fail(&reload->problems, &error);
    news_put_details(&details, &reload->problems);
    tell_waiters(reload, &error, buf_slice(&details));
    buf_finish(&details);
}

static void tell_refused(struct server *server)
{
    struct reload *reload = &server->reload;
    for (unsigned i = 0; i < reload->problems.count; i++)
        news_log_problem(server->log, &reload->problems.all[i], reload->current->generation.number,
                         i == 0 ? reload->repeated : 0);
    reload->repeated = 0;
    tell_waiters_refused(reload);
    tell_page_refused(server);
}

void reload_put_metrics(struct reload *reload, struct buf *out)
{
    static const char *const names[] = {"refused", "done"};
    buf_add_text(out, "# HELP weir_reloads_total Reloads of the scripts, by outcome.\n"
                      "# TYPE weir_reloads_total counter\n");
    for (int i = 0; i < 2; i++)
        buf_printf(out, "weir_reloads_total{outcome=\"%s\"} %llu\n", names[i],
                   (unsigned long long)atomic_load_explicit(&reload->outcomes[i], memory_order_relaxed));
    rollback_put_metrics(reload, out);
}

/* ---- the steps ---- */

static void want(struct server *server, bool is_asked);

static struct catalogue_options catalogue_options(const struct server *server)
{
    return (struct catalogue_options){
        .folder = server->config->scripts,
        .is_dev = server->config->is_dev,
        .limits = server->runtime_options.limits,
        .log = server->log,
    };
}

/* Keeps what was refused (the set may be NULL), to compare the next attempt with it; tells how it compares to the
 * one before. */
static enum problems_change keep_refusal(struct reload *reload, struct script_set *set, struct problems *problems)
{
    enum problems_change change = reload->is_refused ? problems_compare(&reload->problems, problems) : PROBLEMS_OTHER;
    unsigned repeated = reload->repeated;
    forget_refusal(reload);
    reload->is_refused = true;
    reload->refused = set;
    reload->problems = *problems;
    reload->repeated = repeated;
    *problems = (struct problems){0};
    return change;
}

/* A file written slowly is refused again and again for the same, in one line or another: once is enough for the
 * log, unless somebody asks. The page shows the place, so that has to be right. */
static void refuse(struct server *server, struct script_set *set, struct problems *problems, bool is_asked)
{
    struct reload *reload = &server->reload;
    atomic_fetch_add_explicit(&reload->outcomes[OUTCOME_REFUSED], 1, memory_order_relaxed);
    bool is_other = set == NULL || reload->refused == NULL || !catalogue_is_same(reload->refused, set);
    enum problems_change change = keep_refusal(reload, set, problems);
    if (is_asked || change == PROBLEMS_OTHER) {
        tell_refused(server);
        return;
    }
    reload->repeated += is_other;
    if (change == PROBLEMS_MOVED)
        tell_page_refused(server);
}

static bool has_no_folder(const struct problems *problems)
{
    return problems->count > 0 && problems->all[0].file[0] == '\0';
}

bool reload_load_first(struct server *server, struct problems *problems)
{
    struct reload *reload = &server->reload;
    struct catalogue_options options = catalogue_options(server);
    struct script_set *set = catalogue_read(&options, 1, problems);
    if (catalogue_check(&options, set, problems)) {
        reload->current = set;
        return true;
    }
    if (!options.is_dev || has_no_folder(problems)) {
        script_set_destroy(set);
        return false;
    }
    keep_refusal(reload, set, problems);
    options.folder = NULL;
    reload->current = catalogue_load(&options, 1, problems);
    return reload->current != NULL;
}

static void tell_gap(struct server *server)
{
    const char *gap = server->watch == NULL ? server->config->scripts : watch_gap(server->watch);
    if (gap != NULL && !server->reload.is_gap_told)
        log_event(server->log, LOG_WARN, "watch", "folder", gap, "hint",
                  "changes there are not noticed by themselves: too many folders or links, or fs.inotify.max_user_watches "
                  "is too low; run `weir reload`",
                  NULL);
    server->reload.is_gap_told = gap != NULL;
}

static void on_files_changed(void *context)
{
    struct server *server = context;
    tell_gap(server);
    want(server, false);
}

void reload_begin(struct server *server)
{
    if (!server->config->is_dev)
        return;
    if (server->reload.is_refused)
        tell_refused(server);
    tell_warnings(server);
    server->watch = watch_create(server->loop, server->config->scripts, SETTLE_MS, on_files_changed, server);
    tell_gap(server);
    want(server, false); /* edited since they were read */
}

static void forget_waiters(struct waiter *waiter)
{
    for (struct waiter *next; waiter != NULL; waiter = next) {
        next = waiter->next;
        free(waiter);
    }
}

void reload_finish(struct reload *reload)
{
    forget_waiters(reload->waiters);
    forget_waiters(reload->later);
    forget_waiters(reload->rollbacks);
    forget_refusal(reload);
    shelf_finish(&reload->shelf);
    script_set_destroy(reload->old);
    script_set_destroy(reload->next);
    script_set_destroy(reload->current);
}

static void prepare(struct server *server, struct script_set *set)
{
    struct reload *reload = &server->reload;
    reload->next = set;
    reload->phase = RELOAD_PREPARING;
    reload->has_failed = false;
    reload->waiting_for = server->worker_count;
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_post_prepare(&server->workers[i], set);
}

/* The files are those in force: nothing to do but to tell whoever was told otherwise, and whoever asked. */
static void stay(struct server *server, struct script_set *set, bool is_asked)
{
    if (server->reload.is_refused || is_asked)
        tell_done(server, server->reload.current, set, server->reload.is_refused);
    script_set_destroy(set);
}

static void on_patience_over(struct timer *timer)
{
    struct server *server = CONTAINER(timer, struct server, reload.patience);
    server->reload.was_patient = true;
    want(server, false);
}

/* Somebody may be in the middle of it: a file is empty before it is written, a folder gone before another comes. */
static bool must_wait(struct server *server, const struct script_set *set, const struct problems *problems)
{
    struct reload *reload = &server->reload;
    bool is_odd = has_no_folder(problems) || catalogue_is_emptied(reload->current, set);
    bool must_wait = is_odd && !reload->was_patient;
    reload->was_patient = false;
    if (!must_wait)
        timer_stop(server->timers, &reload->patience);
    else if (!timer_is_set(&reload->patience))
        timer_start(server->timers, &reload->patience, PATIENCE_MS, on_patience_over);
    return must_wait;
}

static void test(struct server *server, struct script_set *set, bool is_asked)
{
    server->reload.phase = RELOAD_TESTING;
    testing_begin(server, set, is_asked);
}

static void take(struct server *server, struct script_set *set, struct problems *problems, bool is_asked)
{
    struct catalogue_options options = catalogue_options(server);
    if (problems->count == 0 && catalogue_is_same(server->reload.current, set))
        stay(server, set, is_asked);
    else if (!catalogue_check(&options, set, problems))
        refuse(server, set, problems, is_asked);
    else if (testing_is_due(server, set))
        test(server, set, is_asked);
    else
        prepare(server, set);
}

void reload_take(struct server *server, struct script_set *set)
{
    struct problems problems = {0};
    server->reload.started_ns = clock_monotonic_ns();
    take(server, set, &problems, true);
    problems_finish(&problems);
}

static void start(struct server *server, bool is_asked)
{
    struct reload *reload = &server->reload;
    struct catalogue_options options = catalogue_options(server);
    struct problems problems = {0};
    reload->started_ns = clock_monotonic_ns();
    struct script_set *set = catalogue_read(&options, reload->current->generation.number + 1, &problems);
    if (!is_asked && must_wait(server, set, &problems))
        script_set_destroy(set);
    else
        take(server, set, &problems, is_asked);
    problems_finish(&problems);
}

static void end(struct server *server)
{
    struct reload *reload = &server->reload;
    reload->phase = RELOAD_IDLE;
    while (reload->phase == RELOAD_IDLE && server->phase == SERVER_RUNNING) {
        if (rollback_is_next(server)) {
            rollback_begin(server);
            continue;
        }
        if (!reload->is_wanted_again)
            return;
        bool is_asked = reload->is_asked;
        reload->is_wanted_again = reload->is_asked = false;
        reload->waiters = reload->later;
        reload->later = NULL;
        start(server, is_asked);
    }
}

/* What has passed may not be what is there now: then all begins anew, for whoever waits as well. */
void reload_tested(struct server *server, struct script_set *set, bool is_asked)
{
    struct reload *reload = &server->reload;
    struct catalogue_options options = catalogue_options(server);
    struct problems problems = {0};
    struct script_set *now = catalogue_read(&options, set->generation.number, &problems);
    bool is_same = problems.count == 0 && catalogue_is_same(set, now);
    script_set_destroy(now);
    problems_finish(&problems);
    if (is_same) {
        prepare(server, set);
        return;
    }
    script_set_destroy(set);
    for (struct waiter *waiter; (waiter = reload->waiters) != NULL;) {
        reload->waiters = waiter->next;
        waiter->next = reload->later;
        reload->later = waiter;
    }
    reload->is_wanted_again = true;
    reload->is_asked = reload->is_asked || is_asked;
    end(server);
}

void reload_refuse(struct server *server, struct script_set *set, struct problems *problems, bool is_asked)
{
    refuse(server, set, problems, is_asked);
    end(server);
}

void reload_go_on(struct server *server)
{
    if (server->phase != SERVER_RUNNING)
        reload_refuse_all(&server->reload);
    else if (server->reload.phase == RELOAD_IDLE)
        end(server);
}

static void want(struct server *server, bool is_asked)
{
    struct reload *reload = &server->reload;
    if (server->phase != SERVER_RUNNING)
        return;
    reload->is_wanted_again = true;
    reload->is_asked = reload->is_asked || is_asked;
    reload_go_on(server);
}

void reload_want(struct server *server)
{
    want(server, true);
}

/* A worker could not build what the catalogue could: rare (memory), told like any other refusal. */
static void refuse_unprepared(struct server *server)
{
    struct reload *reload = &server->reload;
    struct problems problems = {0};
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_post_discard(&server->workers[i]);
    problem_add(&problems, NULL, "", 0, "%s", reload->error.text);
    refuse(server, NULL, &problems, true);
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
    if (number_of_rules(server, reload->old) > 0)
        shelf_keep(&reload->shelf, reload->old);
    rollback_count(reload);
    atomic_fetch_add_explicit(&reload->outcomes[OUTCOME_DONE], 1, memory_order_relaxed);
    guard_watch(server);
    tell_done(server, reload->old, reload->current, true);
    tell_warnings(server);
    end_if_moved(server);
}

/* One worker may have moved all its channels before another has switched. */
void reload_moved(struct server *server)
{
    server->reload.moved++;
    end_if_moved(server);
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

void reload_refuse_all(struct reload *reload)
{
    refuse_all(&reload->waiters);
    refuse_all(&reload->later);
    refuse_all(&reload->rollbacks);
}

void reload_refuse_waiters(struct reload *reload, const struct error *error)
{
    tell_waiters(reload, error, SLICE(""));
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
        reload_refuse_all(&server->reload);
}

void reload_want_for(struct server *server, struct hub *hub, struct api_request *request)
{
    struct want_letter *letter = xcalloc(1, sizeof *letter);
    letter->mail.open = open_want;
    letter->waiter = xmalloc(sizeof *letter->waiter);
    *letter->waiter = (struct waiter){.hub = hub, .request = request};
    mailbox_post(server->mailbox, &letter->mail);
}
