#include "test/world.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "auth/jwt.h"
#include "base/memory.h"
#include "script/problem.h"
#include "store/store_memory.h"

/* Guests answer pings at once, so they only cost time when a day passes. */
enum { PING_MS = 24 * 3600 * 1000, START_MS = 1000000 };
#define START_UNIX_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z: the same in every run */

static void refuse_reload(void *context, struct hub *hub, struct api_request *request)
{
    struct error err;
    (void)context;
    (void)hub;
    fail(&err, ERROR_NOT_AVAILABLE, "a spec reloads by itself: s:reload()");
    api_refuse(request, &err);
}

static void refuse_rollback(void *context, struct hub *hub, struct api_request *request, unsigned to)
{
    (void)to;
    refuse_reload(context, hub, request);
}

static void fill_options(struct world *world)
{
    const struct config *config = world->config;
    world->dialects[0] = &guest_lines;
    world->options = (struct hub_options){
        .queue_bytes = config->queue_bytes,
        .queue_ms = (unsigned)config->queue_ms,
        .ping_ms = PING_MS,
        .pong_ms = (unsigned)config->pong_ms,
        .connect_ms = (unsigned)config->connect_ms,
        .linger_ms = (unsigned)config->linger_ms,
        .max_channels = (unsigned)config->max_channels,
        .recheck_rate = (unsigned)config->recheck_rate,
        .hook_queue = (unsigned)config->hook_queue,
        .hook_queue_bytes = config->hook_queue_bytes,
        .keys = {.hmac_secret = SLICE("the secret of a spec")},
        .store = world->store,
        .clock = &world->clock,
        .is_dev = true,
        .dialects = world->dialects,
        .dialect_count = 1,
        .log = &world->log,
    };
    world->host = (struct api_host){.context = world,
                                    .reload = refuse_reload,
                                    .rollback = refuse_rollback,
                                    .node = "spec",
                                    .started_ms = world->clock.monotonic_ms};
}

/* ---- what hooks ask other servers ---- */

static void errand_finish(struct errand *errand)
{
    timer_stop(errand->world->hub->timers, &errand->deadline);
    *errand->link = errand->next;
    if (errand->next != NULL)
        errand->next->link = errand->link;
    buf_finish(&errand->method);
    buf_finish(&errand->url);
    buf_finish(&errand->headers);
    buf_finish(&errand->body);
    free(errand);
}

void errand_answer(struct errand *errand, const struct fetch_answer *answer, const struct error *err)
{
    errand->done(errand->whose, answer, err);
    errand_finish(errand);
}

static void on_errand_late(struct timer *timer)
{
    struct error err;
    struct errand *errand = CONTAINER(timer, struct errand, deadline);
    fail(&err, ERROR_TIMED_OUT, "%s %s: no answer within %u ms", buf_text(&errand->method), buf_text(&errand->url),
         errand->timeout_ms);
    errand_answer(errand, NULL, &err);
}

static void take_request(struct errand *errand, const struct fetch_request *request)
{
    errand->has_body = request->body.at != NULL;
    buf_add_slice(&errand->url, request->url);
    buf_add_slice(&errand->body, errand->has_body ? request->body : SLICE(""));
    if (request->method.len > 0)
        buf_add_slice(&errand->method, request->method);
    else
        buf_add_slice(&errand->method, errand->has_body ? SLICE("POST") : SLICE("GET"));
    for (size_t i = 0; i < request->header_count; i++)
        buf_printf(&errand->headers, "%.*s: %.*s\n", SLICE_ARGS(request->headers[i].name),
                   SLICE_ARGS(request->headers[i].value));
}

static void *start_errand(void *context, const struct fetch_request *request,
                          void (*done)(void *whose, const struct fetch_answer *answer, const struct error *err),
                          void *whose)
{
    struct world *world = context;
    struct errand *errand = xcalloc(1, sizeof *errand);
    errand->world = world;
    errand->number = ++world->errand_count;
    errand->done = done;
    errand->whose = whose;
    errand->timeout_ms = request->timeout_ms;
    take_request(errand, request);
    errand->link = &world->errands;
    errand->next = world->errands;
    if (errand->next != NULL)
        errand->next->link = &errand->next;
    world->errands = errand;
    timer_start(world->hub->timers, &errand->deadline, request->timeout_ms, on_errand_late);
    return errand;
}

static void cancel_errand(void *call)
{
    errand_finish(call);
}

static struct asking errands_of(struct world *world)
{
    return (struct asking){world, start_errand, cancel_errand};
}

struct errand *world_next_errand(struct world *world)
{
    struct errand *oldest = NULL;
    for (struct errand *errand = world->errands; errand != NULL; errand = errand->next)
        if (!errand->is_seen)
            oldest = errand;
    return oldest;
}

struct errand *world_find_errand(struct world *world, uint64_t number)
{
    struct errand *errand = world->errands;
    while (errand != NULL && errand->number != number)
        errand = errand->next;
    return errand;
}

static void mark_line(const struct vm_watcher *watcher, const char *file, int line)
{
    const struct world *world = (const struct world *)watcher;
    struct covered_file *covered = map_find(&world->measured, slice_of(file));
    if (covered != NULL)
        covered_mark(covered, line);
}

static bool may_grow(const struct vm_watcher *watcher)
{
    struct world *world = (struct world *)watcher;
    world->growths++;
    return world->growths < world->refused_from || world->growths >= world->refused_to;
}

/* Counting lines takes time that scripts are not to blame for. */
static struct script_limits limits_of(const struct world *world)
{
    struct script_limits limits = SCRIPT_LIMITS_DEFAULT;
    limits.cpu_ms = (unsigned)world->config->hook_ms * (world->coverage != NULL ? 10 : 1);
    limits.memory = world->config->hook_bytes;
    limits.env = world->config->script_env;
    limits.wait_ms = (unsigned)world->config->hook_timeout_ms;
    limits.watcher = &world->watcher;
    return limits;
}

static struct script_services services_of(struct world *world)
{
    return (struct script_services){.timers = world->hub->timers,
                                    .mailbox = world->hub->mailbox,
                                    .asking = errands_of(world),
                                    .store = world->store,
                                    .cache = world->cache,
                                    .stats = &world->hub->stats};
}

static void on_turn_end(void *context)
{
    guests_flush(context);
}

struct world *world_create(const struct config *config, struct coverage *coverage)
{
    struct world *world = xcalloc(1, sizeof *world);
    world->watcher.line = coverage != NULL ? mark_line : NULL;
    world->watcher.may_grow = may_grow;
    world->config = config;
    world->coverage = coverage;
    world->clock = (struct clock){START_MS, START_UNIX_MS};
    log_init(&world->log, LOG_INFO, LOG_FORMAT_JSON, memfd_create("log", MFD_CLOEXEC));
    world->store = store_memory_create(config->store_bytes);
    world->cache = cache_create(config->cache_bytes);
    fill_options(world);
    world->loop = loop_create();
    loop_use_clock(world->loop, &world->clock);
    world->hub = hub_create(0, 1, world->hubs, world->loop, &world->options);
    world->hubs[0] = world->hub;
    struct script_services services = services_of(world);
    world->runtime = runtime_create(&(struct runtime_options){.limits = limits_of(world),
                                                              .explains = true,
                                                              .log = &world->log,
                                                              .clock = &world->clock},
                                    &services);
    runtime_fill(world->runtime, &world->hub->behaviour);
    loop_at_turn_end(world->loop, on_turn_end, world);
    return world;
}

void world_destroy(struct world *world)
{
    if (world == NULL)
        return;
    while (world->guests != NULL)
        guest_destroy(world->guests);
    if (world->set_count > 0)
        world_settle(world);
    hub_destroy(world->hub);
    runtime_destroy(world->runtime);
    store_destroy(world->store);
    cache_destroy(world->cache);
    loop_destroy(world->loop);
    for (unsigned i = 0; i < world->set_count; i++)
        script_set_destroy(world->sets[i]);
    free(world->sets);
    map_finish(&world->measured);
    close(world->log.fd);
    free(world);
}

/* ---- scripts ---- */

static void ignore_moved(void *context)
{
    (void)context;
}

/* What has loaded in the catalogue's scratch VM a moment ago loads here as well, unless a spec has memory refused. */
static bool put_in_force(struct world *world, struct script_set *set, struct problems *problems)
{
    struct error err;
    if (!runtime_prepare(world->runtime, set, &err)) {
        problem_add(problems, set, "", 0, "%s", err.text);
        script_set_destroy(set);
        return false;
    }
    world->sets = xrealloc(world->sets, (world->set_count + 1) * sizeof(struct script_set *));
    world->sets[world->set_count++] = set;
    runtime_switch(world->runtime);
    hub_switch(world->hub, &set->generation, ignore_moved, NULL);
    world_settle(world);
    return true;
}

bool world_load(struct world *world, const char *folder, struct problems *problems)
{
    struct catalogue_options options = {
        .folder = folder, .limits = limits_of(world), .log = &world->log};
    struct script_set *set = catalogue_load(&options, world->set_count + 1, problems);
    if (set == NULL)
        return false;
    if (world->set_count == 0 || !catalogue_is_same(set, world->sets[world->set_count - 1]))
        return put_in_force(world, set, problems);
    script_set_destroy(set);
    return true;
}

void world_measure_nothing(struct world *world)
{
    map_finish(&world->measured);
    world->measured = (struct map){0};
}

void world_measure(struct world *world, struct slice file)
{
    if (world->coverage == NULL)
        return;
    struct covered_file *covered = coverage_file(world->coverage, file);
    if (map_find(&world->measured, file) == NULL)
        map_add(&world->measured, slice_of(covered->name), covered);
}

/* ---- time ---- */

/* Mail is what keeps the core busy; it is opened here until there is none, so that a spec need not
 * know how many turns a thing takes. */
void world_settle(struct world *world)
{
    do
        loop_turn(world->loop);
    while (mailbox_open_all(world->hub->mailbox) || guests_flush(world));
}

uint64_t world_pass(struct world *world, uint64_t ms)
{
    uint64_t now = world->clock.monotonic_ms, end = now + ms, due;
    int64_t unix_end = world->clock.unix_ms + (int64_t)ms;
    while (timers_next_ms(world->hub->timers, &due) && due <= end) {
        world->clock.monotonic_ms = due > now ? due : now;
        world->clock.unix_ms = unix_end - (int64_t)(end - world->clock.monotonic_ms);
        timers_serve(world->hub->timers);
        world_settle(world);
        if (world_next_errand(world) != NULL)
            return end - world->clock.monotonic_ms;
    }
    world->clock = (struct clock){end, unix_end};
    world_settle(world);
    return 0;
}

/* ---- the rest ---- */

void world_sign(const struct world *world, struct slice claims, struct buf *token)
{
    jwt_sign(token, claims, world->options.keys.hmac_secret);
}

void world_take_log(struct world *world, struct buf *lines)
{
    char part[4096];
    off_t at = 0;
    ssize_t len;
    while ((len = pread(world->log.fd, part, sizeof part, at)) > 0) {
        buf_add(lines, part, (size_t)len);
        at += len;
    }
    ensure(ftruncate(world->log.fd, 0) == 0 && lseek(world->log.fd, 0, SEEK_SET) == 0);
}
