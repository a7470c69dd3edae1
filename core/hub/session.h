/* One client, from its connect command to its end: what it may do next, what it has joined. */
#ifndef HUB_SESSION_H
#define HUB_SESSION_H

#include "base/map.h"
#include "hub/behaviour.h"
#include "hub/conn.h"
#include "loop/timer.h"

struct hub;

/* What the upgrade request said: kept until the connect command has been answered. Copied by session_open. */
struct visit {
    struct slice ip;
    struct slice as, roles; /* of the query, for dev mode: a name; names with commas. "" when absent */
    const struct request_header *headers;
    unsigned header_count;
};

/* Where the answers go one way and the commands come by requests of their own: what these show. `session` is a secret:
 * who knows it speaks for the client. */
struct pass {
    char session[56]; /* the session's number in hexadecimal, a dot, a UUID */
    char node[48];    /* the process's UUID, a dot, the worker's index */
};

enum session_state {
    SESSION_NEW,     /* has not connected */
    SESSION_DECIDING, /* its server.on_connect waits: what it says meanwhile is heard afterwards */
    SESSION_READY,   /* has */
    SESSION_REFUSED, /* its connect was answered with an error: good for nothing but closing */
};

/* Owned by the conn that session_open was given; session_close frees it. */
struct session {
    struct hub *hub;
    struct conn *conn;
    uint64_t number;     /* its name among threads, never used again on this worker */
    uint64_t last_seat;  /* of its attempts to subscribe */
    enum session_state state;
    struct identity *identity; /* NULL until connected */
    struct visit *visit;       /* NULL afterwards */
    const struct pass *pass;   /* lent by net/, NULL: its commands come by the connection itself */
    struct map members;        /* struct member by channel */
    struct timer timer;        /* the connect deadline, then ping and pong in turns */
    struct timer expiry;       /* of the identity */
    unsigned asked;            /* requests that other workers have not answered */
    bool is_awaiting_pong;
};

/* Called when the dialect's connection is open; conn->dialect is set. */
struct session *session_open(struct conn *conn, const struct visit *visit);
/* The end, for whatever reason: leaves its channels, tells the scripts, frees it. Called by net/ alone, at the
 * end of a turn; NULL is fine. `reason` is "connection closed" or the text of the code. */
void session_close(struct session *session, int code, struct slice reason);

/* What the dialect's commands are called with: all slices are borrowed. `tag` is the command's id; answers go
 * to conn->dialect->answer. False: the session has been told to close, handle no more commands. */
struct connect_ask {
    struct slice token; /* "" when none */
    struct slice data;  /* checked JSON without raw newlines, or absent */
};
/* Whether no more of its commands are to be heard for now: its on_connect waits, or too many of its answers do. Whoever
 * has more of them asks again a little later. */
bool session_is_pausing(const struct session *session);
bool session_connect(struct session *session, uint64_t tag, const struct connect_ask *ask);
bool session_publish(struct session *session, uint64_t tag, struct slice channel, struct slice data);
/* "CHANNEL/NAME" (split at the last '/') or NAME, the server's. */
bool session_call(struct session *session, uint64_t tag, struct slice method, struct slice data);
bool session_presence(struct session *session, uint64_t tag, struct slice channel, enum verb verb);
bool session_send(struct session *session, struct slice data);
bool session_pong(struct session *session);
/* Answers with an error, or closes with a code; both return false only when it is over. */
bool session_refuse(struct session *session, uint64_t tag, enum verb verb, int code);
bool session_end(struct session *session, int code);
/* Closes with CLOSE_BAD_REQUEST because of the command with that id (0: unknown); in dev mode the log says why. */
bool session_blame(struct session *session, uint64_t tag, const char *format, ...) PRINTF_LIKE(3, 4);

/* For hub/admit: what has become of a connect command. */
enum admission {
    ADMITTED, /* with *identity: one reference, the session's from now on */
    REFUSED,  /* answered with *error; the client may come back with something better */
    BANNED    /* closed with *close_code */
};
struct decision {
    enum admission how;
    struct identity *identity;
    int close_code;
    struct error error;
};
void session_decided(struct session *session, uint64_t tag, struct decision *decision);

/* For hub/member: asks a home, counting what is under way, and counts its answer. */
void session_ask(struct session *session, const struct request *request);
void session_answered(struct session *session);
/* ... says an answer; where a home's answer goes. */
void session_answer(struct session *session, uint64_t tag, const struct answer *answer);
struct asker session_asker(struct session *session, uint64_t tag,
                           void (*answered)(struct hub *, const struct asker *, const struct answer *));

/* Does an EFFECT_SEND or EFFECT_CLOSE to the clients here that it names. */
void session_tell(struct hub *hub, const struct effect *effect);

struct session *session_find(struct hub *hub, uint64_t number);

#endif
