#include "server/server.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"
#include "dialect/centrifuge.h"
#include "dialect/event_stream.h"
#include "net/blocks.h"
#include "net/listener.h"
#include "server/inside.h"
#include "server/rollback.h"
#include "store/store_memory.h"

/* Memory is given back when only one in FEW is still there, and in CALM_MS hardly anybody came or
 * went: MOVES_CALM, and of many one in CALM_PART. */
enum { SPREAD_MS = 2000, CALM_MS = 2000, MOVES_CALM = 32, CALM_PART = 64, FEW = 8 };
/* What is over is forgotten by every call too, so a little now and then is enough. */
enum { SWEEP_MS = 1000, SWEEP_MOST = 10000 };

static const struct dialect *const dialects[] = {&centrifuge_json, &centrifuge_json_deflate,
                                                 &event_stream};

/* ---- what the rooms are told ---- */

static void on_api_reload(void *context, struct hub *hub, struct api_request *request)
{
    reload_want_for(context, hub, request);
}

static void put_store(struct store *store, struct buf *out)
{
    struct store_counts counts;
    store_counts(store, &counts);
    buf_printf(out,
               "# HELP weir_store_values Values that scripts keep in `store`.\n"
               "# TYPE weir_store_values gauge\nweir_store_values %llu\n"
               "# HELP weir_store_bytes What they take, of --store-bytes.\n"
               "# TYPE weir_store_bytes gauge\nweir_store_bytes %llu\n"
               "# HELP weir_store_expired_total Values whose ttl was over.\n"
               "# TYPE weir_store_expired_total counter\nweir_store_expired_total %llu\n",
               (unsigned long long)counts.values, (unsigned long long)counts.bytes,
               (unsigned long long)counts.expired);
}

static void on_api_rollback(void *context, struct hub *hub, struct api_request *request,
                            unsigned to)
{
    rollback_want_for(context, hub, request, to);
}

static void put_metrics(void *context, struct buf *out)
{
    struct server *server = context;
    stats_put(server->stats, server->worker_count, out);
    reload_put_metrics(&server->reload, out);
    runtime_put_metrics(server->runtimes, server->worker_count, out);
    put_store(server->store, out);
}

/* ---- memory comes back ---- */

static void give_back(struct server *server)
{
    uint64_t now = atomic_load(&server->net_shared.connections);
    blocks_trim();
    if (now > server->most_connections / FEW)
        return;
    server->most_connections = now;
    malloc_trim(0);
}

static void watch_moves(struct server *server);

static void on_look(struct timer *timer)
{
    struct server *server = CONTAINER(timer, struct server, trim);
    if (atomic_load(&server->net_shared.moves) - server->moves_seen <
        MOVES_CALM + server->most_connections / CALM_PART)
        give_back(server);
    else
        watch_moves(server);
}

/* Until hardly anybody comes or goes. Not on a worker, and only when most have left: it takes tens
 * of milliseconds, and while it is at a thread's arena that thread waits for memory. */
static void watch_moves(struct server *server)
{
    uint64_t now = atomic_load(&server->net_shared.connections);
    if (now > server->most_connections)
        server->most_connections = now;
    server->moves_seen = atomic_load(&server->net_shared.moves);
    timer_start(server->timers, &server->trim, CALM_MS, on_look);
}

static void open_moved_many(void *context, struct mail *mail)
{
    struct server *server = context;
    free(mail);
    if (!timer_is_set(&server->trim) && server->phase != SERVER_STOPPED)
        watch_moves(server);
}

/* Called by a worker. */
static void on_moved_many(void *context)
{
    struct server *server = context;
    struct mail *mail = xcalloc(1, sizeof *mail);
    mail->open = open_moved_many;
    mailbox_post(server->mailbox, mail);
}

static const char *none_if_empty(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static enum net_way way_of(const char *io)
{
    return strcmp(io, "uring") == 0 ? NET_URING : strcmp(io, "send") == 0 ? NET_SEND : NET_AUTO;
}

static void fill_fetch_options(struct server *server)
{
    const struct config *config = server->config;
    server->fetch_options = (struct fetch_options){
        .allow = config->is_dev && config->http_allow[0] == '\0' ? "*" : config->http_allow,
        .ca_file = config->http_ca[0] != '\0' ? config->http_ca : NULL,
        .at_once = (unsigned)config->http_at_once,
        .queue = (unsigned)config->http_queue,
        .request_max = config->http_bytes,
        .response_max = config->http_bytes,
    };
}

static void fill_options(struct server *server)
{
    const struct config *config = server->config;
    server->hub_options = (struct hub_options){
        .queue_bytes = config->queue_bytes,
        .queue_ms = (unsigned)config->queue_ms,
        .ping_ms = (unsigned)config->ping_ms,
        .pong_ms = (unsigned)config->pong_ms,
        .connect_ms = (unsigned)config->connect_ms,
        .linger_ms = (unsigned)config->linger_ms,
        .max_channels = (unsigned)config->max_channels,
        .recheck_rate = (unsigned)config->recheck_rate,
        .hook_queue = (unsigned)config->hook_queue,
        .hook_queue_bytes = config->hook_queue_bytes,
        .store = server->store,
        .keys = {.hmac_secret = slice_of(config->token_secret),
                 .ring = server->keyring,
                 .audience = config->token_audience,
                 .issuer = config->token_issuer,
                 .leeway_s = (int)config->token_leeway_s},
        .is_dev = config->is_dev,
        .deflates = config->deflate,
        .deflate_min = config->deflate_min,
        .dialects = dialects,
        .dialect_count = sizeof dialects / sizeof *dialects,
        .log = server->log,
    };
    server->runtime_options = (struct runtime_options){
        .limits = SCRIPT_LIMITS_DEFAULT,
        .explains = config->is_dev,
        .log = server->log,
    };
    server->runtime_options.limits.cpu_ms = (unsigned)config->hook_ms;
    server->runtime_options.limits.env = config->script_env;
    server->runtime_options.limits.wait_ms = (unsigned)config->hook_timeout_ms;
    server->runtime_options.limits.memory = config->hook_bytes;
    server->api_host = (struct api_host){.context = server,
                                         .reload = on_api_reload,
                                         .rollback = on_api_rollback,
                                         .node = server->node,
                                         .started_ms = loop_now_ms(server->loop)};
    server->net_options = (struct net_options){
        .tls_cert = none_if_empty(config->tls_cert),
        .tls_key = none_if_empty(config->tls_key),
        .head_ms = (unsigned)config->head_ms,
        .body_ms = (unsigned)config->body_ms,
        .idle_ms = (unsigned)config->idle_ms,
        .max_message = config->max_message,
        .way = way_of(config->io),
        .max_connections = config->max_connections,
        .api_key = config->api_key,
        .origins = config->origins,
        .test_echo = config->test_echo,
        .folder = config->is_dev ? config->scripts : NULL,
        .is_dev = config->is_dev,
        .is_dev_anywhere = config->is_dev && config->dev_anywhere,
        .api = &server->api_host,
        .put_metrics = put_metrics,
        .moved_many = on_moved_many,
        .server = server,
        .shared = &server->net_shared,
    };
}

/* ---- the end ---- */

static void stop(struct server *server)
{
    if (server->phase == SERVER_STOPPED)
        return;
    server->phase = SERVER_STOPPED;
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_post_stop(&server->workers[i]);
    loop_stop(server->loop);
}

static void on_deadline(struct timer *timer)
{
    struct server *server = CONTAINER(timer, struct server, deadline);
    log_event(server->log, LOG_WARN, "drain_over", "hint",
              "some clients did not leave in time (--drain-ms)", NULL);
    stop(server);
}

/* Workers go on serving each other until none has a client left. */
void server_worker_empty(struct server *server)
{
    if (++server->empty_count == server->worker_count)
        stop(server);
}

static void drain(struct server *server)
{
    unsigned long long spread = server->config->drain_ms / 2;
    server->phase = SERVER_DRAINING;
    atomic_store(&server->net_shared.is_ready, false);
    log_event(server->log, LOG_INFO, "draining", LOG_NUMBER("ms", server->config->drain_ms), NULL);
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_post_drain(&server->workers[i], spread < SPREAD_MS ? (unsigned)spread : SPREAD_MS);
    timer_start(server->timers, &server->deadline, server->config->drain_ms, on_deadline);
}

static void on_signal(void *context, int number)
{
    struct server *server = context;
    if (number == SIGHUP)
        reload_want(server);
    else if (server->phase == SERVER_RUNNING)
        drain(server);
    else
        stop(server); /* asked twice: now */
}

/* ---- birth ---- */

static bool load_scripts(struct server *server, struct error *err)
{
    struct problems problems = {0};
    if (reload_load_first(server, &problems))
        return true;
    struct buf text = {0};
    for (unsigned i = 0; i < problems.count; i++) {
        const struct problem *problem = &problems.all[i];
        buf_printf(&text, "%s%s", i > 0 ? "\n" : "", problem->file);
        if (problem->line > 0)
            buf_printf(&text, ":%d", problem->line);
        buf_printf(&text, "%s%s", problem->file[0] != '\0' ? ": " : "", problem->reason);
        if (problem->source[0] != '\0')
            buf_printf(&text, "\n    %s", problem->source);
    }
    fail(err, ERROR_SCRIPT, "the scripts in %s do not load:\n%s", server->config->scripts,
         buf_text(&text));
    buf_finish(&text);
    problems_finish(&problems);
    return false;
}

/* Descriptors for as many connections as may come, as far as the system lets us. */
static void raise_descriptors(const struct server *server)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)server->config->max_connections + 1024;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if ((setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted) &&
        !server->config->is_dev)
        log_event(server->log, LOG_WARN, "descriptors", LOG_NUMBER("limit", limit.rlim_cur), "hint",
                  "fewer connections than --max-connections fit; raise ulimit -n", NULL);
}

static bool make_workers(struct server *server, struct error *err)
{
    unsigned count = server->worker_count;
    server->workers = xcalloc(count, sizeof *server->workers);
    server->hubs = xcalloc(count, sizeof *server->hubs);
    server->runtimes = xcalloc(count, sizeof *server->runtimes);
    server->stats = xcalloc(count, sizeof *server->stats);
    for (unsigned i = 0; i < count; i++)
        worker_init(&server->workers[i], server, i);
    for (unsigned i = 0; i < count; i++)
        if (!worker_open_net(&server->workers[i], err))
            return false;
    if (server->net_options.way == NET_URING && !net_has_ring(server->workers[0].net))
        return fail(err, ERROR_SYSTEM,
                    "--io uring: this system does not offer io_uring; use --io auto");
    return true;
}

static bool has_page(const char *folder)
{
    struct buf path = {0};
    buf_printf(&path, "%s/index.html", folder);
    bool is_there = access(buf_text(&path), R_OK) == 0;
    buf_finish(&path);
    return is_there;
}

static void say_where(const struct server *server, struct slice bound)
{
    const char *scheme = server->net_options.tls_cert != NULL ? "https" : "http";
    printf("listening on %s://%.*s\n", scheme, SLICE_ARGS(bound));
    if (server->config->is_dev && has_page(server->config->scripts))
        printf("open %s://%.*s/ in two tabs, then edit the scripts in %s\n", scheme,
               SLICE_ARGS(bound), server->config->scripts);
    else if (server->config->is_dev)
        printf(
            "connect to %s://%.*s/connection/websocket?as=NAME (no page: %s has no index.html)\n",
            server->net_options.tls_cert != NULL ? "wss" : "ws", SLICE_ARGS(bound),
            server->config->scripts);
    fflush(stdout);
}

static bool listen_all(struct server *server, struct error *err)
{
    int *fds = xcalloc(server->worker_count, sizeof *fds);
    struct buf bound = {0};
    bool is_open = listener_open(server->config->listen, server->worker_count, fds, &bound, err);
    for (unsigned i = 0; is_open && i < server->worker_count; i++)
        worker_start(&server->workers[i], fds[i]);
    if (is_open) {
        server->phase = SERVER_RUNNING;
        atomic_store(&server->net_shared.is_ready, true);
        say_where(server, buf_slice(&bound));
    }
    buf_finish(&bound);
    free(fds);
    return is_open;
}

/* Whether workers will be able to ask other servers: what is wrong with the certificates is told
 * here. */
static bool check_fetch(const struct server *server, struct error *err)
{
    struct fetch *fetch = fetch_create(server->loop, server->timers, &server->fetch_options, err);
    bool is_good = fetch != NULL;
    fetch_destroy(fetch);
    return is_good;
}

static void sweep(struct timer *timer)
{
    struct server *server = CONTAINER(timer, struct server, sweep);
    store_sweep(server->store, clock_steady_ms(NULL), SWEEP_MOST);
    timer_start(server->timers, &server->sweep, SWEEP_MS, sweep);
}

static bool load_keys(struct server *server, struct error *err)
{
    struct error why;
    if (server->config->token_keys[0] == '\0')
        return true;
    server->keyring = keyring_load(server->config->token_keys, &why);
    return server->keyring != NULL || fail(err, ERROR_CONFIG, "option --token-keys: %s", why.text);
}

/* The config has looked at the names; that one of them can ever be is found out here. */
static bool check_algs(struct server *server, struct error *err)
{
    struct jwt_keys *keys = &server->hub_options.keys;
    return !algs_parse(server->config->token_algs, &keys->algs, err) || keys->algs == 0 ||
           jwt_algs(keys) != 0 ||
           fail(err, ERROR_CONFIG,
                "option --token-algs: there is no secret and no key for any of %s",
                server->config->token_algs);
}

static bool start(struct server *server, struct error *err)
{
    if (!load_keys(server, err))
        return false;
    uuid_make(server->node);
    fill_options(server);
    fill_fetch_options(server);
    raise_descriptors(server);
    if (!check_algs(server, err) || !load_scripts(server, err) || !check_fetch(server, err) ||
        !make_workers(server, err))
        return false;
    sweep(&server->sweep);
    server->signals = signals_create(server->loop, on_signal, server);
    if (!listen_all(server, err))
        return false;
    log_event(server->log, LOG_INFO, "started", "version", WEIR_VERSION,
              LOG_NUMBER("workers", server->worker_count), "io",
              net_has_ring(server->workers[0].net) ? "uring" : "send", "scripts",
              server->config->scripts, NULL);
    reload_begin(server);
    return true;
}

/* What workers have told each other, and the control thread. */
static void hear_all(struct server *server, unsigned made)
{
    for (bool is_talking = true; is_talking;) {
        is_talking = mailbox_open_all(server->mailbox);
        for (unsigned i = 0; i < made; i++)
            is_talking = mailbox_open_all(server->hubs[i]->mailbox) || is_talking;
    }
}

/* Threads have ended. Connections go first, on every worker; what they still had to say to each
 * other is heard; then the rest. */
static void finish(struct server *server)
{
    unsigned made = server->workers == NULL ? 0 : server->worker_count;
    for (unsigned i = 0; i < made; i++)
        worker_join(&server->workers[i]);
    for (unsigned i = 0; i < made; i++)
        worker_close_net(&server->workers[i]);
    for (unsigned i = 0; i < made; i++)
        wishes_end(server->hubs[i]);
    reload_refuse_all(&server->reload);
    hear_all(server, made);
    for (unsigned i = 0; i < made; i++)
        hub_give_up(server->hubs[i]);
    hear_all(server, made);
    for (unsigned i = 0; i < made; i++)
        worker_finish(&server->workers[i]);
    keyring_destroy(server->keyring);
    store_destroy(server->store);
    testing_stop(server);
    watch_destroy(server->watch);
    signals_destroy(server->signals);
    /* The end is under way: a signal more must not turn it into a death. */
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    mailbox_destroy(server->mailbox);
    timer_stop(server->timers, &server->deadline);
    timer_stop(server->timers, &server->trim);
    timer_stop(server->timers, &server->reload.guard.timer);
    timer_stop(server->timers, &server->sweep);
    timers_destroy(server->timers);
    loop_destroy(server->loop);
    reload_finish(&server->reload);
    free(server->workers);
    free(server->hubs);
    free(server->runtimes);
    free(server->stats);
}

int server_run(const struct config *config, const struct log *log, struct error *err)
{
    struct server server = {.config = config, .log = log};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    server.worker_count = config->workers > 0 ? (unsigned)config->workers
                          : cores > 0         ? (unsigned)cores
                                              : 1;
    if (config->tls_cert[0] != '\0')
        blocks_start();
    server.loop = loop_create();
    server.mailbox = mailbox_create(server.loop, &server);
    server.store = store_memory_create(config->store_bytes);
    server.timers = timers_create(server.loop);
    bool is_started = start(&server, err);
    if (is_started)
        loop_run(server.loop);
    finish(&server);
    if (is_started)
        log_event(log, LOG_INFO, "stopped", NULL);
    return is_started ? 0 : 1;
}
