/* One thread with everything it needs: loop, hub, scripts, network. */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "hub/hub.h"
#include "net/net.h"
#include "script/runtime.h"

#include <pthread.h>

struct server;

/* Owned by the server, which makes and destroys it on the main thread; in between it runs on its own. */
struct worker {
    struct server *server;
    unsigned index;
    struct loop *loop;
    struct runtime *runtime;
    struct hub *hub;
    struct net *net;
    struct timers *timers; /* of fetch, which outlives the hub and its timers */
    struct fetch *fetch;
    struct cache *cache;
    pthread_t thread;
    bool is_started;
    struct timer draining; /* looks whether all clients have left */
};

/* Makes all but the network, which needs the certificates. */
void worker_init(struct worker *worker, struct server *server, unsigned index);
bool worker_open_net(struct worker *worker, struct error *err);
/* In order: after the thread was joined; worker_close_net of all workers before worker_finish of any. */
void worker_close_net(struct worker *worker);
void worker_finish(struct worker *worker);

void worker_start(struct worker *worker, int listen_fd); /* starts the thread; the socket becomes its own */
void worker_join(struct worker *worker);                 /* after worker_post_stop */

/* From the control thread, answered by mail to the server's mailbox (server/inside.h). */
void worker_post_prepare(struct worker *worker, const struct script_set *set); /* reload_prepared */
void worker_post_discard(struct worker *worker);
void worker_post_switch(struct worker *worker, const struct script_set *set);  /* reload_switched, reload_moved */
void worker_post_drain(struct worker *worker, unsigned spread_ms);             /* server_worker_empty */
void worker_post_stop(struct worker *worker);

#endif
