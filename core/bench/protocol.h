/* What is said to a server, and how its answers are understood: one table a protocol. */
#ifndef BENCH_PROTOCOL_H
#define BENCH_PROTOCOL_H

#include "base/buf.h"
#include "wire/websocket.h"

/* Who speaks in the beginning, and for which channel. */
struct introduction {
    struct slice channel; /* absent: it only publishes */
    struct slice token;   /* absent: none is shown */
    unsigned number;
};

struct publication {
    struct slice channel, message;
    struct slice form; /* how `raw` writes it, {channel} and {message} in it; absent: the message */
    uint64_t number;   /* of all that this connection publishes, from 1 */
};

/* What a text of the server was. */
enum heard {
    HEARD_OTHER,   /* nothing that asks for anything */
    HEARD_STEP,    /* in the beginning: what the step waited for */
    HEARD_REFUSAL, /* an error: the sentence is in `why` */
    HEARD_PING,    /* the answer is in `answer` */
};

struct answer {
    struct buf answer, why; /* embedded in the run, cleared before each use */
};

/* The beginning goes in steps: say(), then hear() each text until it is HEARD_STEP. Static. */
struct protocol {
    const char *name;
    const char *path;        /* of a WebSocket where the URL has none */
    const char *events_path; /* of an event stream; NULL: the protocol has none */
    const char *post_path;   /* of publishing by POST; NULL: the URL has to say it */
    const char *subprotocol; /* to be asked for, or NULL */
    enum ws_opcode opcode;
    bool is_json; /* messages are JSON */
    unsigned subscriber_steps, publisher_steps;
    /* Appends what is said in that step; nothing where the server speaks first. */
    void (*say)(struct buf *out, const struct introduction *who, unsigned step);
    enum heard (*hear)(struct slice said, unsigned step, struct answer *to);
    /* After the beginning: any text in which there is no message of ours. */
    enum heard (*listen)(struct slice said, struct answer *to);
    /* Does a text with messages of ours in it ask for an answer too? NULL: such texts are alone. */
    bool (*has_ping)(struct slice said);
    void (*publish)(struct buf *out, const struct publication *p);
    /* The body of a publish by POST. NULL: the message as it is. */
    void (*put_post)(struct buf *out, const struct publication *p);
    /* For event streams: appends the query that says what say() would. NULL: nothing is said. */
    void (*put_query)(struct buf *out, const struct introduction *who);
    /* For event streams that have to answer pings: appends what is sent to pong_path by POST, made
     * from the reply that ended the first step. NULL: nothing is. */
    void (*put_pong)(struct buf *out, struct slice reply);
    const char *pong_path;
    /* The length of the first whole message in the bytes, 0: none yet. NULL: each text is one. */
    size_t (*cut)(struct slice bytes);
};

extern const struct protocol protocol_weir, protocol_raw, protocol_nats, protocol_mqtt,
    protocol_socketio;
extern const struct protocol *const protocols[]; /* ended by NULL */

const struct protocol *protocol_find(const char *name); /* NULL: none */

#endif
