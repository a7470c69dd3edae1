/* A session's place in one channel: joining, leaving, being put out. */
#ifndef HUB_MEMBER_H
#define HUB_MEMBER_H

#include "hub/session.h"
#include "rule/filter.h"

struct audience;

/* One session in one channel. Owned by the session. */
struct member {
    struct slice channel; /* owned bytes, right behind the struct */
    struct session *session;
    struct audience *audience; /* NULL while the home has not answered */
    unsigned index;            /* its place in the audience ... */
    uint64_t first_run;        /* ... what came before is not, or no longer, for it */
    unsigned apart;            /* parts that wait, of which it hears something else: see struct part */
    uint64_t group;            /* whose audience that is */
    uint64_t seat;
    struct later *later; /* commands for this channel that wait for the home's answer, oldest first */
    char bytes[];
};

/* The commands of session.h's kind: answered now or later; false: the session has been told to close. */
struct subscribe_ask {
    struct slice data; /* checked JSON without raw newlines, or absent */
    struct filter_source filter;
};
bool member_subscribe(struct session *session, uint64_t tag, struct slice channel,
                      const struct subscribe_ask *ask);
bool member_unsubscribe(struct session *session, uint64_t tag, struct slice channel);

/* What was published before, in its channels, is in its outbox. */
void member_flush_all(struct session *session);

/* By its home's will. Named by session and attempt: nothing happens when either is gone. */
void member_evicted(struct hub *hub, uint64_t session, struct slice channel, uint64_t seat, int code,
                    struct slice reason);
void member_moved(struct hub *hub, uint64_t session, struct slice channel, uint64_t seat, uint64_t group);
/* The session ends. */
void member_leave_all(struct session *session, int code, struct slice reason);

#endif
