/* The core as one spec of a script sees it: hub and scripts on one thread, no sockets, a clock that
 * stands still. */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include "config/config.h"
#include "dialect/api.h"
#include "hub/hub.h"
#include "script/runtime.h"
#include "script/vm.h"
#include "test/coverage.h"
#include "test/guest.h"

/* Everything happens in world_settle: guests and the server API may be told things before, and are
 * heard after. */
struct world {
    struct vm_watcher watcher; /* first */
    const struct config *config;
    struct coverage *coverage; /* NULL: lines are not counted */
    /* Growths of scripts' memory since the world was told which are refused: from one number to before another. */
    uint64_t growths, refused_from, refused_to;
    struct map measured;       /* struct covered_file of the files whose lines are */
    struct log log;            /* JSON lines into a file in memory */
    struct clock clock;
    struct loop *loop;
    struct hub *hub, *hubs[1];
    struct runtime *runtime;
    struct store *store;
    struct cache *cache;
    struct errand *errands; /* what scripts ask other servers, until it is answered; the newest first */
    uint64_t errand_count;
    struct hub_options options;
    const struct dialect *dialects[1];
    struct api_host host;
    struct script_set **sets; /* all that were in force; the last one is */
    unsigned set_count;
    struct guest *guests; /* who has not been destroyed */
};

/* A hook's request to another server, which the spec answers in its place. Gone once it is answered. */
struct errand {
    struct errand *next, **link;
    struct world *world;
    uint64_t number;
    bool is_seen; /* by the spec, which may leave it without an answer */
    struct buf method, url, headers, body; /* headers: "name: value" lines */
    bool has_body;
    struct timer deadline;
    unsigned timeout_ms;
    void (*done)(void *whose, const struct fetch_answer *answer, const struct error *err);
    void *whose;
};

/* The oldest that the spec has not seen yet, or NULL. */
struct errand *world_next_errand(struct world *world);
/* NULL: it is over. */
struct errand *world_find_errand(struct world *world, uint64_t number);
void errand_answer(struct errand *errand, const struct fetch_answer *answer, const struct error *err);

/* Both are lent; coverage may be NULL. Its clients are as in dev mode: a refusal says why. Nothing
 * is in force until world_load has succeeded once, and nobody may come before. */
struct world *world_create(const struct config *config, struct coverage *coverage);
void world_destroy(struct world *world); /* its guests too; NULL is fine */

/* Puts the scripts of a folder in force, as a reload does. False: *problems has all that is wrong,
 * and what was in force stays. */
bool world_load(struct world *world, const char *folder, struct problems *problems);

/* From now on the lines of these files alone are counted, where lines are: those that stand as they
 * are on disk. */
void world_measure_nothing(struct world *world);
void world_measure(struct world *world, struct slice file);

/* Turns until nobody has anything left to do at this moment of the clock. */
void world_settle(struct world *world);
/* Moves the clock: timers fire one after another, each at its own time, and the world settles after
 * each. Stops where a hook asks another server: how many ms are left is what is returned. */
uint64_t world_pass(struct world *world, uint64_t ms);

/* Appends a token of connections here, with a JSON object of claims. */
void world_sign(const struct world *world, struct slice claims, struct buf *token);
/* What has been logged since this was asked last. */
void world_take_log(struct world *world, struct buf *lines);

#endif
