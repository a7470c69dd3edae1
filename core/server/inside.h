/* What the rooms of server/ know of the running server; not for other floors. */
#ifndef SERVER_INSIDE_H
#define SERVER_INSIDE_H

#include "config/config.h"
#include "loop/watch.h"
#include "server/reload.h"
#include "server/worker.h"

#include "auth/secret.h"

enum server_phase { SERVER_STARTING, SERVER_RUNNING, SERVER_DRAINING, SERVER_STOPPED };

/* On server_run's stack. The control thread is the only one that changes it; workers read what is constant after
 * the start and post to `mailbox`. */
struct server {
    const struct config *config;
    const struct log *log;
    struct loop *loop;
    struct mailbox *mailbox; /* its context is the server */
    struct timers *timers;
    struct signals *signals;
    struct watch *watch;
    struct reload reload;
    enum server_phase phase;
    unsigned worker_count, empty_count;
    struct worker *workers;
    struct hub **hubs;            /* one per worker, for each other */
    struct runtime **runtimes;
    struct stats **stats;
    struct timer deadline;        /* of draining */
    struct timer trim;            /* many have come or gone */
    uint64_t moves_seen, most_connections; /* then, and at once since memory was last given back */
    char node[UUID_LEN + 1];
    struct hub_options hub_options;
    struct runtime_options runtime_options;
    struct fetch_options fetch_options;
    struct keyring *keyring;      /* NULL: tokens are checked with the secret, if with anything */
    struct store *store;          /* what scripts keep, for all workers */
    struct timer sweep;           /* forgets what of it is over */
    struct net_options net_options;
    struct net_shared net_shared;
    struct api_host api_host;
};

/* On the control thread. */
void server_worker_empty(struct server *server); /* a draining worker has no connection left */

#endif
