/* A program in a process of its own: what it writes is gathered, how it ends is told; nobody waits
 * for it. */
#ifndef LOOP_CHILD_H
#define LOOP_CHILD_H

#include "base/error.h"
#include "loop/loop.h"
#include "loop/timer.h"

/* Owned by whoever started it, on the loop's thread. */
struct child;

struct child_end {
    int status;        /* what it exited with; -1: it was ended by a signal */
    bool is_late;      /* by us, for its time was over */
    struct slice text; /* the last of what it wrote to stdout and stderr, borrowed for the call */
};

struct child_plan {
    const char *path;
    char *const *arguments;   /* with its own name; ended by NULL */
    char *const *environment; /* ended by NULL */
    unsigned limit_ms;        /* also of its CPU time, whatever becomes of us */
    void (*ended)(void *context, const struct child_end *end); /* may destroy it */
    void *context;
};

/* It gets no input and none of our descriptors. NULL and err: it could not be started. */
struct child *child_start(struct loop *loop, struct timers *timers, const struct child_plan *plan,
                          struct error *err);
void child_destroy(struct child *child); /* ends it, and all it has started; NULL is fine */

#endif
