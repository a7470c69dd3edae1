/* What scripts can reach beyond their channels. */
#ifndef SCRIPT_SERVICES_H
#define SCRIPT_SERVICES_H

#include "fetch/fetch.h"
#include "hub/stats.h"
#include "loop/mailbox.h"
#include "loop/timer.h"
#include "store/cache.h"
#include "store/store.h"

/* How hooks ask other servers: by fetch_start and fetch_cancel, or by what a spec has in their
 * place. */
struct asking {
    void *context;
    /* As fetch_start: the call, for `cancel`; NULL: the end is near, and `done` is not called. */
    void *(*start)(void *context, const struct fetch_request *request,
                   void (*done)(void *whose, const struct fetch_answer *answer,
                                const struct error *err),
                   void *whose);
    void (*cancel)(void *call);
};

/* One worker's, lent to its runtime for as long as that lives; the store is everybody's. */
struct script_services {
    struct timers *timers;   /* NULL: no hook can wait, and the rest is of no use */
    struct mailbox *mailbox; /* opens its mail on the worker's thread */
    struct asking asking;
    struct store *store;
    struct cache *cache;
    struct stats *stats;            /* where all of it is counted */
    bool is_ending;                 /* private: nothing begins by itself any more */
    struct cache_counts cache_seen; /* private: of the cache, counted there already */
};

struct asking asking_by(struct fetch *fetch);

#endif
