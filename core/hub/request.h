/* What is asked of a channel's home, and what it answers: the same on one thread and between two. */
#ifndef HUB_REQUEST_H
#define HUB_REQUEST_H

#include "base/error.h"
#include "hub/identity.h"
#include "rule/filter.h"

#include <stdint.h>

enum verb {
    VERB_CONNECT, /* never sent to a home: the verb of a connect command's answer */
    VERB_SUBSCRIBE,
    VERB_UNSUBSCRIBE,
    VERB_PUBLISH,
    VERB_CALL,
    VERB_PRESENCE,
    VERB_PRESENCE_STATS,
    VERB_KICK,
    VERB_TIMER, /* a timer of the channel's own has come: `method`, `data` for it, `seat` is the timer's id */
    VERB_COUNT
};

/* It changes nothing. */
bool verb_is_question(enum verb verb);

/* The unsubscribe codes of the wire that mean: stay out (applications have 2001 to 2499), and: come back if you may. */
enum { UNSUBSCRIBED_BY_SERVER = 2000, UNSUBSCRIBED_INSUFFICIENT_STATE = 2500 };

struct hub;
struct answer;
struct publication;
struct pass;

/* Where an answer goes. Whoever asked may be gone by then, so it is named, not pointed to. */
struct asker {
    unsigned worker;
    uint64_t id;  /* a session's number, or an exchange's */
    uint64_t tag; /* the command's id, or whatever the asker needs */
    /* Called on that worker; NULL: nobody wants to know. */
    void (*answered)(struct hub *hub, const struct asker *asker, const struct answer *answer);
};

/* Borrowed while it is handled; a post to another worker copies all of it. */
struct request {
    enum verb verb;
    struct asker asker;
    const struct identity *who; /* NULL: the house (server API, a script), to which no client rule applies */
    struct slice channel;
    struct slice data;   /* checked JSON without raw newlines, or absent */
    struct slice method; /* VERB_CALL: NAME of rpc_NAME */
    struct slice user, client; /* VERB_KICK: whom; absent is anybody */
    struct slice reason;       /* VERB_KICK, VERB_UNSUBSCRIBE */
    uint64_t seat;             /* VERB_SUBSCRIBE, VERB_UNSUBSCRIBE: which attempt of that session */
    unsigned dialect;          /* VERB_SUBSCRIBE: index of the subscriber's dialect */
    struct filter_source filter; /* VERB_SUBSCRIBE: what it asks for beside `data` */
    int code;                  /* VERB_UNSUBSCRIBE, VERB_KICK */
    unsigned hops;
};

/* Borrowed while it is delivered; a post copies it. */
struct answer {
    enum verb verb;
    const struct error *error; /* NULL: it went well, and the rest is valid */
    struct slice channel;
    struct slice data;                             /* subscribe data, call reply, connect data; JSON or absent */
    const struct identity *const *members;         /* VERB_PRESENCE */
    unsigned member_count;
    unsigned clients, users;                       /* VERB_PRESENCE_STATS */
    uint64_t offset;                               /* VERB_PUBLISH: 0 without history */
    struct slice epoch;                            /* ... "" without history */
    uint64_t seat;                                 /* VERB_SUBSCRIBE */
    uint64_t group;                                 /* VERB_SUBSCRIBE: whose audience it belongs to */
    const struct publication *publications;        /* VERB_SUBSCRIBE: said before, oldest first */
    unsigned publication_count;
    const struct identity *identity;               /* VERB_CONNECT */
    unsigned ping_s;                               /* VERB_CONNECT */
    const struct pass *pass;                       /* VERB_CONNECT: of a stream that goes one way, else NULL */
};

/* A copy that owns what it needs: bytes of request_bytes(from), and one reference to `who`. */
size_t request_bytes(const struct request *request);
void request_pack(struct request *to, const struct request *from, char *bytes);

#endif
