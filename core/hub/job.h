/* A hook that the hub runs for something that was asked: answered at once, or later when the hook waits. */
#ifndef HUB_JOB_H
#define HUB_JOB_H

#include "hub/behaviour.h"
#include "hub/request.h"

/* On the stack of whoever runs it. When its hook waits it moves to the heap, with all that it borrows. */
struct job {
    struct hub *hub;
    struct channel *channel; /* NULL: a hook of the server */
    struct request request;  /* what it is run for; a hook that nobody asked for has one too */
    struct call call;        /* asked: filled from the request */
    /* Does what comes of it, when the hook has returned. What the call holds is freed afterwards. */
    void (*after)(struct job *job);
    bool is_ordered; /* what else is to run in the channel's order waits while this waits */
    bool is_alone;   /* ... and all else */
    bool is_left;    /* HOOK_SUBSCRIBE: the client has gone meanwhile */
    bool is_kicked;  /* ... or is not wanted any more */
    /* private */
    const struct generation *generation; /* whose rules held when it began */
    struct job *next, **link;            /* in the row of those that wait */
};

/* A hook of a bound channel that has it. */
void job_run(struct job *job, enum hook hook);
/* A hook of the server, which has it. */
void job_run_server(struct job *job, enum server_hook hook);

/* Ends all that wait of a row: their hooks as if they had never been, and whoever asked is told that it was in vain. */
void jobs_forget(struct job **first);
/* Tells whoever asked that nothing will come of it: the server ends. */
void request_give_up(struct hub *hub, const struct request *request);
/* Whether any of a row began under another generation. */
bool jobs_are_behind(const struct job *first, const struct generation *generation);

#endif
