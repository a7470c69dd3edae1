/* One script loaded into a VM of its own: what it declared, and its hooks, ready to be called. */
#ifndef SCRIPT_PROGRAM_H
#define SCRIPT_PROGRAM_H

#include "hub/behaviour.h"
#include "hub/channel.h"
#include "script/catalogue.h"
#include "script/meter.h"
#include "script/vm.h"

/* A function of a script, kept in its VM's registry. All zeroes: none. */
struct hook_function {
    int ref;
    int args; /* how many it wants, `self` included: nothing is made that nobody looks at */
};

/* One channel(pattern, options), in the order of the file. */
struct class
{
    struct channel_type *type; /* what was declared; the catalogue takes it away */
    int table;                 /* registry references: what channel() returned, */
    int instances;             /* the metatable of its instances, */
    int methods;               /* NAME -> function of rpc_NAME */
    struct hook_function hooks[HOOK_COUNT];
    struct hook_function views[VIEWS_MAX]; /* view_NAME, by the view's place */
};

struct server_rpc {
    char *name; /* NAME of rpc_NAME */
    char *file; /* where it is defined */
    int line;
};

/* A hook that is running; on the stack of whoever runs it. */
struct running {
    struct program *program;
    const char *hook;              /* for messages: "on_publish" */
    struct slice method;           /* of a call: NAME */
    const struct channel *channel; /* NULL in the hooks of the server */
    const struct generation *generation;
    unsigned hops;
    bool is_view; /* it only says what is shown: no effects */
    unsigned fetches; /* of cache(), under way in it: they have no effects either */
    struct effects *effects;
    struct error *error; /* what vm_leave was told */
    size_t effect_bytes; /* held outside the VM on its behalf */
};

/* Created for a generation, counted by that generation and by each channel instance that lives in
 * it. */
struct program {
    struct vm *vm;
    const struct script_set *set; /* borrowed, for require; the runtime keeps it fresh */
    const struct script *script; /* in that set; both are NULL once nothing of it is to run again */
    struct meter_row *row;       /* the runtime's, or NULL */
    struct script_limits limits;
    const struct log *log;
    const struct clock *clock; /* NULL: the system's */
    struct breakers *breakers; /* the runtime's; NULL while it loads */
    bool explains; /* whether clients may be told what only the developer needs */
    struct class *classes;
    unsigned class_count;
    bool is_over_full;          /* more channels than there may be, which is told once */
    struct channel_type *draft; /* of a channel() that has not returned */
    struct hook_function server[SERVER_HOOK_COUNT];
    int server_lines[SERVER_HOOK_COUNT];
    int server_table,
        server_methods; /* registry references: what scripts see as `server`; its rpc_NAME */
    struct server_rpc *rpcs;
    unsigned rpc_count;
    unsigned refs;
    unsigned waits;      /* hooks of it that wait for something */
    bool is_retired;     /* nothing new of it is to run; `set` and `script` stay until the last wait is over */
    struct refresh *refreshes; /* what it fetches anew with no hook waiting */
    uint64_t started_ns; /* 0: with its generation; else when it took over from one that was full */
    struct problems *problems; /* while it loads, else NULL */
    struct running *running;   /* while a hook runs, else NULL */
    unsigned log_lines;        /* of this run */
};

/* NULL: *problems has at least one more. One reference. */
struct program *program_create(const struct script_set *set, const struct script *script,
                               const struct script_limits *limits, const struct log *log,
                               struct problems *problems);
/* Whether a file of lib/ compiles, also where nobody requires it yet. */
void program_check_library(const struct script_set *set, const struct script *library,
                           const struct script_limits *limits, struct problems *problems);
struct program *program_ref(struct program *program);
void program_unref(struct program *program); /* NULL is fine */
/* Nothing new of it is to run: its channels only come for their state. What waits goes on to its end; its set must
 * live as long. */
void program_retire(struct program *program);
/* It is what runs for `script`, which is in `set`, also where an older set had it and was retired. */
void program_enter(struct program *program, const struct script_set *set,
                   const struct script *script);
/* A hook of it begins to wait, and has ended. */
void program_begin_wait(struct program *program);
void program_end_wait(struct program *program);

/* Its calls are counted there from now on, each declared method's by its name. */
void program_meter(struct program *program, struct meter_row *row);

struct program *program_of(lua_State *L);
/* The hook that runs; raises "NAME() works in hooks only" while the file loads. */
struct running *program_running(lua_State *L, const char *name);

void channel_type_destroy(struct channel_type *type); /* NULL is fine */

#endif
