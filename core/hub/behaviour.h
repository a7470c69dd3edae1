/* What channels do when something happens to them: a table of functions that script/ fills and the hub
 * calls, so that the hub knows no Lua. */
#ifndef HUB_BEHAVIOUR_H
#define HUB_BEHAVIOUR_H

#include "base/buf.h"
#include "base/error.h"
#include "hub/effect.h"
#include "hub/generation.h"
#include "hub/identity.h"

enum verdict {
    VERDICT_ACCEPT,  /* publish: deliver the bytes as they came; subscribe: in; call: reply `out` or null */
    VERDICT_REPLACE, /* publish: deliver `out` instead; subscribe: in, `out` is data for the reply */
    VERDICT_DROP,    /* publish: nothing is delivered, the publisher is told it is well; view: not for it */
    VERDICT_REFUSE   /* `error` says why */
};

struct task; /* the behaviour's own: a hook that waits */

/* One hook's question and answer. On the caller's stack, until the hook waits: see `task`. call_finish frees what the
 * answer holds. */
struct call {
    /* asked */
    enum hook hook;             /* of a channel; for server_call: not used */
    const struct identity *who; /* NULL: the server itself (API, another script) */
    struct slice data;          /* checked JSON or absent */
    struct slice method;        /* HOOK_CALL: NAME of rpc_NAME; HOOK_TIMER: the method, `data` is a list of arguments */
    int code;                   /* HOOK_UNSUBSCRIBE, SERVER_DISCONNECT: close or unsubscribe code */
    struct slice reason;        /* ... and its text: "left", "kicked: banned", "connection closed" */
    uint64_t offset;            /* HOOK_PUBLISHED: 0 without history. HOOK_UPGRADE: from which generation */
    unsigned view;              /* HOOK_VIEW: its place in the type; `method` is its name */
    unsigned hops;              /* how many hooks led here; publishing is refused past HOPS_MAX */
    /* answered */
    enum verdict verdict;
    struct buf out; /* JSON without raw newlines */
    struct error error;
    struct effects effects; /* empty after an error */
    /* Not NULL when the behaviour returns: the hook waits and there is no answer yet. The caller has the call moved to
     * where it can stay and says so by `keep`; `done` is called on this thread when the answer is there. */
    struct task *task;
    void (*done)(struct call *call);
};
enum { HOPS_MAX = 8 };
void call_finish(struct call *call);

struct request_header {
    struct slice name, value;
};

/* server.on_connect's question and answer. */
struct connect_call {
    /* asked; what a verified token or dev mode's ?as= says is in `facts` */
    struct identity_facts facts;
    struct slice token; /* as sent, "" when none */
    bool is_verified;   /* facts come from a token whose signature is good */
    struct slice data;  /* the connect command's data, checked JSON or absent */
    const struct request_header *headers;
    unsigned header_count;
    /* answered: VERDICT_ACCEPT = facts as asked; VERDICT_REPLACE = `who`, whose slices are in `out`;
     * VERDICT_REFUSE = `error`. Never VERDICT_DROP. */
    enum verdict verdict;
    struct identity_facts who;
    struct buf out;
    struct error error;
    struct effects effects;
    struct task *task; /* as in struct call */
    void (*done)(struct connect_call *call);
};
void connect_call_finish(struct connect_call *call);

struct channel;

/* One per worker; every call is made on that worker's thread and answered before it returns, unless its hook waits.
 * Nothing here may call back into the hub: what a hook wants done goes into `effects`. */
struct behaviour {
    void *runtime;
    /* server.on_connect; only when the generation has it. */
    void (*connect)(void *runtime, struct connect_call *call);
    /* server.on_disconnect (its verdict is ignored) and server.rpc_NAME. */
    void (*server)(void *runtime, enum server_hook hook, struct call *call);
    /* Whether channels of a type of the generation that is prepared have a method of that name. */
    bool (*has_method)(void *runtime, const struct channel_type *type, struct slice name);
    /* The channel's first event, and its first after a change of generation: makes its instance
     * (channel->instance) in the current generation, with self.state copied from the old one. */
    void (*bind)(void *runtime, struct channel *channel);
    /* A hook of a bound channel; only those of channel->type->hooks. */
    void (*channel)(void *runtime, struct channel *channel, struct call *call);
    /* The call of a hook that waits (call->task) has moved here. */
    void (*keep)(struct call *call);
    void (*keep_connect)(struct connect_call *call);
    /* Ends a hook that waits as if it had never been: `done` is not called. */
    void (*forget)(struct task *task);
    /* The end is near: whatever runs for nobody ends, and nothing begins by itself any more. NULL: nothing does. */
    void (*give_up)(void *runtime);
    /* The channel dies: frees channel->instance. No hook of it waits. */
    void (*release)(void *runtime, struct channel *channel);
};

#endif
