/* --test-on-reload: the specs beside the scripts run in another process before what was saved comes
 * into force. */
#ifndef SERVER_TESTING_H
#define SERVER_TESTING_H

#include <stdbool.h>

struct server;
struct child;
struct script_set;

/* Embedded in the reload, used on the control thread. */
struct testing {
    struct child *child;    /* NULL: none runs */
    struct script_set *set; /* what is tested; owned */
    bool is_asked;
};

/* Whether a set that has been checked has to pass its specs: a rollback need not, the folder has
 * those of others. */
bool testing_is_due(const struct server *server, const struct script_set *set);
/* Ends with reload_tested() or reload_refuse(), perhaps before this returns. */
void testing_begin(struct server *server, struct script_set *set, bool is_asked);
/* Something more urgent came: what is tested is refused. Fine when nothing is. */
void testing_give_way(struct server *server);
void testing_stop(struct server *server); /* the server ends */

#endif
