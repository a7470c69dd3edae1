/* Watches how the scripts do after a reload: too many failing hooks within seconds, and it is
 * rolled back. */
#ifndef SERVER_GUARD_H
#define SERVER_GUARD_H

#include "loop/timer.h"

struct server;

/* Embedded in the reload, used on the control thread. */
struct guard {
    struct timer timer;
    unsigned generation, before; /* what is watched, and what it came after */
    uint64_t calls, errors;      /* when it began */
    uint64_t until_ms;
};

/* A generation has come into force. One that a rollback made is not watched. */
void guard_watch(struct server *server);

#endif
