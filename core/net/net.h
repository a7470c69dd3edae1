/* One worker's network: its listener, its libwebsockets context, its open connections. */
#ifndef NET_NET_H
#define NET_NET_H

#include "dialect/api.h"
#include "hub/hub.h"

#include <stdatomic.h>

/* How a turn's writes go out. */
enum net_way { NET_AUTO, NET_URING, NET_SEND };

/* Made by server/ from the configuration; lent to all workers. Nothing in it changes but what `shared` points to. */
struct net_options {
    const char *tls_cert, *tls_key; /* NULL: plain text */
    unsigned head_ms, body_ms, idle_ms;
    size_t max_message;
    enum net_way way;
    uint64_t max_connections; /* over all workers */
    const char *api_key;      /* "": off, or in dev mode open to this machine */
    const char *origins;      /* comma-separated allow-list */
    const char *test_echo;    /* a path, or "" */
    const char *folder;       /* dev mode: pages beside the scripts are served; NULL otherwise */
    bool is_dev, is_dev_anywhere;
    const struct api_host *api;
    void (*put_metrics)(void *server, struct buf *out);
    void (*moved_many)(void *server); /* many have come or gone since it was last called */
    void *server;                     /* what these two are called with */
    struct net_shared *shared;
};

/* What all workers' networks see. */
struct net_shared {
    atomic_bool is_ready;              /* /readyz */
    _Atomic uint64_t connections;
    _Atomic uint64_t moves;            /* how many have come or gone */
};

struct net; /* owned by its worker */

/* On the main thread, before any worker runs (libwebsockets' contexts are not made concurrently). NULL and err when
 * certificates are wrong. */
struct net *net_create(struct hub *hub, const struct net_options *options, struct error *err);
/* After the loop has stopped; turns the loop itself until libwebsockets has let go of it. NULL is fine. */
void net_destroy(struct net *net);

/* Accepts on that listening socket, which it owns from now on. */
void net_listen(struct net *net, int fd);
void net_stop_listening(struct net *net);
/* Tells every client to come back elsewhere or later, spread over spread_ms, and closes what is idle. */
void net_drain(struct net *net, unsigned spread_ms);
/* Whether a turn's writes go out by io_uring. */
bool net_has_ring(const struct net *net);
/* Whether any connection is left. */
bool net_is_empty(const struct net *net);

#endif
