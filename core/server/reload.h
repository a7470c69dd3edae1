/* Hot reload: a new generation is validated, prepared by every worker, and only then used by all. */
#ifndef SERVER_RELOAD_H
#define SERVER_RELOAD_H

#include "base/buf.h"
#include "loop/mailbox.h"
#include "loop/timer.h"
#include "script/catalogue.h"
#include "server/guard.h"
#include "server/shelf.h"
#include "server/testing.h"

struct server;
struct hub;
struct api_request;

enum { WAITER_WHY_MAX = 96 };

/* Somebody who wants to know how the next reload ends, or a rollback. */
struct waiter {
    struct waiter *next;
    struct hub *hub;
    struct api_request *request; /* NULL: nobody is told */
    unsigned to;                 /* of a rollback: see rollback.h */
    bool is_after_reload;        /* it was asked for later than a reload that has still to begin */
    unsigned bad;                /* of our own: the generation that fails; it is over when another is in force */
    char why[WAITER_WHY_MAX];    /* ... and for the page, how it fails */
};

enum reload_phase {
    RELOAD_IDLE,
    RELOAD_TESTING,   /* its specs run, in another process */
    RELOAD_PREPARING, /* workers build their VMs; the old generation is in force */
    RELOAD_SWITCHING, /* workers change over, each between two turns */
    RELOAD_MOVING     /* all have changed; channels without events follow */
};

/* Embedded in the server, used on its control thread. */
struct reload {
    enum reload_phase phase;
    struct script_set *current; /* in force */
    struct script_set *next;    /* while preparing and switching */
    struct script_set *old;     /* while moving: some channel may still refer to it */
    unsigned waiting_for;       /* workers that have not answered */
    unsigned moved;             /* workers whose channels have all changed */
    struct error error;         /* the first that could not prepare */
    bool has_failed;
    bool is_wanted_again;       /* asked for while one was under way */
    bool is_asked;              /* ... by somebody who wants to hear how it ended, not only by changed files */
    bool is_refused;            /* the last attempt: */
    struct script_set *refused; /* its files; NULL: unknown */
    struct problems problems;   /* what was wrong with them */
    unsigned repeated;          /* how often it has been refused for the same since it was logged */
    struct timer patience;      /* before a file that has become empty is taken for what was meant */
    bool was_patient, is_gap_told;
    uint64_t started_ns;
    struct waiter *waiters;     /* of the one under way */
    struct waiter *later;       /* of the next one */
    struct shelf shelf;         /* what was in force before */
    struct waiter *rollbacks;   /* asked for, in their order */
    struct guard guard;
    struct testing testing;
    _Atomic uint64_t rollback_counts[2]; /* asked for, of our own */
    _Atomic uint64_t outcomes[2]; /* refused, done: for the metrics */
};

/* The first generation, before any worker runs. False: *problems has why. In dev mode scripts that are wrong are
 * refused like any others, and the first generation has none. */
bool reload_load_first(struct server *server, struct problems *problems);
/* When the server runs: tells what was refused then, and in dev mode begins to watch the folder. */
void reload_begin(struct server *server);
void reload_finish(struct reload *reload);

/* Starts a reload, or has one follow the one under way. Files that are the same as those in force are no new
 * generation. */
void reload_want(struct server *server);
/* The same for POST /api/reload; may be called on any worker's thread. */
void reload_want_for(struct server *server, struct hub *hub, struct api_request *request);

/* The server goes: whoever waits is told so. While the hubs still live. */
void reload_refuse_all(struct reload *reload);

/* For testing.c: how the specs of a set went. Its is the reload's, and *problems are emptied. */
void reload_tested(struct server *server, struct script_set *set, bool is_asked);
void reload_refuse(struct server *server, struct script_set *set, struct problems *problems, bool is_asked);

/* For rollback.c, when no reload is under way: a set of files to be checked and swapped in; it becomes the reload's. */
void reload_take(struct server *server, struct script_set *set);
void reload_refuse_waiters(struct reload *reload, const struct error *error);
/* Begins what is wanted next, unless something is under way. */
void reload_go_on(struct server *server);

/* A worker's word, on the control thread. */
void reload_prepared(struct server *server, bool is_ready, const struct error *error);
void reload_switched(struct server *server);
void reload_moved(struct server *server);

void reload_put_metrics(struct reload *reload, struct buf *out);

#endif
