#include "server/worker.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/channel_timer.h"
#include "server/inside.h"

enum { DRAIN_LOOK_MS = 50 };

/* ---- mail: to a worker with its hub as context, back with the server as context ---- */

struct letter {
    struct mail mail;
    struct worker *worker;
    const struct script_set *set;
    unsigned spread_ms;
    bool is_ready;
    struct error error;
};

static struct letter *write_letter(struct worker *worker,
                                   void (*open)(void *context, struct mail *mail))
{
    struct letter *letter = xcalloc(1, sizeof *letter);
    letter->mail.open = open;
    letter->worker = worker;
    return letter;
}

static void send_to_worker(struct letter *letter)
{
    mailbox_post(letter->worker->hub->mailbox, &letter->mail);
}

static void send_back(struct letter *letter, void (*open)(void *context, struct mail *mail))
{
    letter->mail.open = open;
    mailbox_post(letter->worker->server->mailbox, &letter->mail);
}

/* ---- reload ---- */

static void open_prepared(void *context, struct mail *mail)
{
    struct letter *letter = (struct letter *)mail;
    reload_prepared(context, letter->is_ready, &letter->error);
    free(letter);
}

static void open_prepare(void *context, struct mail *mail)
{
    struct letter *letter = (struct letter *)mail;
    (void)context;
    const struct generation *next = &letter->set->generation;
    /* Going back is for when things go wrong: it is not held up. */
    letter->is_ready =
        runtime_prepare(letter->worker->runtime, letter->set, &letter->error) &&
        (next->made_from != 0 || channel_timers_fit(letter->worker->hub, next, &letter->error));
    send_back(letter, open_prepared);
}

void worker_post_prepare(struct worker *worker, const struct script_set *set)
{
    struct letter *letter = write_letter(worker, open_prepare);
    letter->set = set;
    send_to_worker(letter);
}

static void open_discard(void *context, struct mail *mail)
{
    struct letter *letter = (struct letter *)mail;
    (void)context;
    runtime_discard(letter->worker->runtime);
    free(letter);
}

void worker_post_discard(struct worker *worker)
{
    send_to_worker(write_letter(worker, open_discard));
}

static void open_moved(void *context, struct mail *mail)
{
    reload_moved(context);
    free(mail);
}

static void on_moved(void *context)
{
    send_back(write_letter(context, NULL), open_moved);
}

static void open_switched(void *context, struct mail *mail)
{
    reload_switched(context);
    free(mail);
}

static void open_switch(void *context, struct mail *mail)
{
    struct letter *letter = (struct letter *)mail;
    struct worker *worker = letter->worker;
    const struct script_set *set = letter->set;
    runtime_switch(worker->runtime);
    send_back(letter, open_switched);
    hub_switch(context, &set->generation, on_moved, worker);
}

void worker_post_switch(struct worker *worker, const struct script_set *set)
{
    struct letter *letter = write_letter(worker, open_switch);
    letter->set = set;
    send_to_worker(letter);
}

/* ---- the end ---- */

static void open_empty(void *context, struct mail *mail)
{
    server_worker_empty(context);
    free(mail);
}

static void look_whether_empty(struct timer *timer)
{
    struct worker *worker = CONTAINER(timer, struct worker, draining);
    if (net_is_empty(worker->net))
        send_back(write_letter(worker, NULL), open_empty);
    else
        timer_start(worker->hub->timers, &worker->draining, DRAIN_LOOK_MS, look_whether_empty);
}

static void open_drain(void *context, struct mail *mail)
{
    struct letter *letter = (struct letter *)mail;
    struct worker *worker = letter->worker;
    (void)context;
    net_stop_listening(worker->net);
    net_drain(worker->net, letter->spread_ms);
    look_whether_empty(&worker->draining);
    free(letter);
}

void worker_post_drain(struct worker *worker, unsigned spread_ms)
{
    struct letter *letter = write_letter(worker, open_drain);
    letter->spread_ms = spread_ms;
    send_to_worker(letter);
}

static void open_stop(void *context, struct mail *mail)
{
    struct hub *hub = context;
    loop_stop(hub->loop);
    free(mail);
}

void worker_post_stop(struct worker *worker)
{
    send_to_worker(write_letter(worker, open_stop));
}

/* ---- life ---- */

static void ignore_moved(void *context)
{
    (void)context;
}

void worker_init(struct worker *worker, struct server *server, unsigned index)
{
    struct error error;
    *worker = (struct worker){.server = server, .index = index};
    worker->loop = loop_create();
    worker->hub =
        hub_create(index, server->worker_count, server->hubs, worker->loop, &server->hub_options);
    worker->cache = cache_create(server->config->cache_bytes);
    worker->timers = timers_create(worker->loop);
    worker->fetch = fetch_create(worker->loop, worker->timers, &server->fetch_options, &error);
    ensure(worker->fetch != NULL); /* its options were checked with the configuration */
    struct script_services services = {.timers = worker->hub->timers,
                                       .mailbox = worker->hub->mailbox,
                                       .asking = asking_by(worker->fetch),
                                       .store = server->store,
                                       .cache = worker->cache,
                                       .stats = &worker->hub->stats};
    worker->runtime = runtime_create(&server->runtime_options, &services);
    runtime_fill(worker->runtime, &worker->hub->behaviour);
    server->hubs[index] = worker->hub;
    server->runtimes[index] = worker->runtime;
    server->stats[index] = &worker->hub->stats;
    /* What loads in the catalogue's scratch VM a moment ago loads here as well. */
    ensure(runtime_prepare(worker->runtime, server->reload.current, &error));
    runtime_switch(worker->runtime);
    hub_switch(worker->hub, &server->reload.current->generation, ignore_moved, NULL);
}

bool worker_open_net(struct worker *worker, struct error *err)
{
    worker->net = net_create(worker->hub, &worker->server->net_options, err);
    return worker->net != NULL;
}

void worker_close_net(struct worker *worker)
{
    net_destroy(worker->net);
    worker->net = NULL;
}

void worker_finish(struct worker *worker)
{
    timer_stop(worker->hub->timers, &worker->draining);
    hub_destroy(worker->hub);
    runtime_destroy(worker->runtime);
    fetch_destroy(worker->fetch);
    cache_destroy(worker->cache);
    timers_destroy(worker->timers);
    loop_destroy(worker->loop);
}

static void *run(void *context)
{
    struct worker *worker = context;
    loop_run(worker->loop);
    return NULL;
}

void worker_start(struct worker *worker, int listen_fd)
{
    net_listen(worker->net, listen_fd);
    ensure(pthread_create(&worker->thread, NULL, run, worker) == 0);
    worker->is_started = true;
}

void worker_join(struct worker *worker)
{
    if (worker->is_started)
        pthread_join(worker->thread, NULL);
    worker->is_started = false;
}
