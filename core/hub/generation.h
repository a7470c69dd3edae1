/* What the scripts declare: the channel types of one generation. Made by script/, read by the hub.
 */
#ifndef HUB_GENERATION_H
#define HUB_GENERATION_H

#include "hub/view.h"
#include "rule/filter.h"
#include "rule/path.h"
#include "rule/pattern.h"
#include "rule/rate.h"
#include "rule/rollup.h"
#include "rule/rule.h"
#include "rule/schema.h"
#include "wire/frame.h"

#include <stdint.h>

/* What can happen to a channel (bits of channel_type.hooks) ... */
enum hook {
    HOOK_OPEN,
    HOOK_CLOSE,
    HOOK_SUBSCRIBE,
    HOOK_UNSUBSCRIBE,
    HOOK_PUBLISH,
    HOOK_PUBLISHED,
    HOOK_UPGRADE, /* the channel has come to another code: `offset` is the generation it was in */
    HOOK_CALL, /* the bit is set when there is any rpc_NAME */
    HOOK_TIMER, /* a method that a timer calls; the bit is set when there is any hook at all */
    HOOK_VIEW, /* the bit is set when there is any view_NAME; cannot wait, has no effects */
    HOOK_COUNT
};
/* ... and to the server (bits of generation.server_hooks). */
enum server_hook {
    SERVER_CONNECT,
    SERVER_DISCONNECT,
    SERVER_MESSAGE, /* server.on_message(data, from): a client's `send`, which has no reply */
    SERVER_CALL,    /* the bit is set when there is any server.rpc_NAME */
    SERVER_HOOK_COUNT
};

enum { MAX_SIZE_DEFAULT = 64 * 1024, RATES_MAX = 8 };

/* What a call of rpc_METHOD may say. */
struct call_schema {
    char *method;
    struct schema *schema;
};

/* One channel(pattern, options). Owned by its generation, immutable, read by all workers. */
struct channel_type {
    struct pattern *pattern;
    struct rule *subscribe, *publish, *call; /* never NULL */
    struct rule *presence_read; /* who may ask for the members; NULL: who may subscribe */
    bool presence;
    size_t max_size;        /* bytes of one message */
    unsigned history_size;  /* messages kept, 0 = none */
    int64_t history_ttl_ms; /* 0 = as long as the channel lives */
    bool has_no_echo;       /* who publishes does not hear it */
    enum frame_slow slow;   /* what becomes of messages that wait for a reader who is behind */
    char *key; /* the member of a message that says what it is about, for conflating; owned, NULL:
                  all one */
    int64_t conflate_ms;    /* the newest of each key goes out once in that time, 0 = all at once */
    unsigned batch_size;    /* so many go out together, 0 = each by itself ... */
    int64_t batch_ms;       /* ... or what there is when the first has waited so long */
    int64_t timeout_ms;     /* how long a hook may take, waiting included; 0 = the server's */
    struct schema *schema;  /* what clients may publish; owned, NULL: anything */
    struct schema *emits;   /* what subscribers may get, asked in dev mode; owned, NULL: anything */
    struct call_schema *call_schemas; /* what clients may call; owned, a method that is not here: anything */
    unsigned call_schema_count;
    char *once;             /* the member that is a command's key, as json_find_path() takes it; owned, NULL: none */
    unsigned once_parts;    /* how many names it has */
    int64_t once_ms;        /* how long what it did is remembered */
    struct path latest_key; /* what `latest` is kept of; empty: the channel. Owned */
    int64_t latest_ttl_ms;  /* how long the last message is given to who comes; 0: not at all */
    struct filter_field *fields; /* by which subscribers may filter; owned */
    unsigned field_count;        /* at most FILTER_FIELDS_MAX */
    struct rollup_rule *rollup;  /* what is summed up into another channel; owned, NULL: nothing */
    struct view *views;     /* the first whose `when` holds is a subscriber's; owned */
    unsigned view_count;    /* at most VIEWS_MAX; 0: everybody gets everything */
    struct rate *rates;     /* how often a client may publish and call; owned */
    unsigned rate_count;    /* at most RATES_MAX */
    unsigned hooks;         /* bit per enum hook */
    unsigned script;        /* which script of the generation declared it */
    unsigned index;         /* which channel() of that script, from 0 */
    char *file;             /* of the declaration, relative to the scripts; owned */
    int line;
};

/* What a rule of the type sees of somebody. Borrowed from all three. */
struct rule_facts type_facts(const struct channel_type *type, const struct slice *params,
                             const struct identity_facts *who);

/* One set of scripts that loaded as a whole. Immutable; created and destroyed by the control
 * thread, which keeps it until no worker uses it. script/ embeds this as the first member of its
 * own struct. */
struct generation {
    unsigned number;             /* from 1 */
    unsigned made_from;          /* by a rollback: the generation whose files these are; 0: the folder */
    unsigned first;              /* which had these files first: itself, but for a rollback */
    struct channel_type **types; /* most specific first */
    unsigned type_count;
    unsigned server_hooks; /* bit per enum server_hook */
};

/* The type of that name with one value per parameter (borrowed from name), or NULL: unknown
 * channel. */
const struct channel_type *generation_find(const struct generation *generation, struct slice name,
                                           struct slice values[PATTERN_PARAMS_MAX]);

#endif
