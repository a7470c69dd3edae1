/* What the parts of room.hub know of each other: the world of a spec, its clients, and what goes to
 * and fro between C and the spec's tables. */
#ifndef SUPPORT_HUB_WORLD_H
#define SUPPORT_HUB_WORLD_H

#include "hub/hub.h"

#include <lauxlib.h>

#include "dialect/api.h"
#include "hub/channel.h"
#include "hub/conn.h"

enum { WORKERS_MAX = 8, GENERATIONS_MAX = 64 };

struct worker_of {
    struct world *world;
    unsigned index;
};

struct world {
    lua_State *L; /* whoever called last */
    unsigned count;
    struct worker_of workers[WORKERS_MAX];
    struct loop *loops[WORKERS_MAX];
    struct hub *hubs[WORKERS_MAX];
    struct hub_options options;
    struct dialect plain, events; /* more, so that some listen in another */
    const struct dialect *dialects[3];
    struct log log;
    struct generation *generations[GENERATIONS_MAX];
    unsigned generation_count, moved;
    struct client *clients;
    int on, failed; /* references: the spec's function, the first error it raised */
    intptr_t last_instance;
    struct task *waits; /* hooks that wait */
    char *secret;
    struct api_host host;
    struct api_request *reloading;
    bool is_over;
};

/* A peer: what net/ has as its stream. */
struct client {
    struct conn conn; /* first */
    struct client *next;
    struct world *world;
    unsigned wakes;
    bool is_stuck, has_said_goodbye;
};

/* The arguments of room.hub's functions: the world is the first; `at` may be absent for worker 0.
 */
struct world *world_check(lua_State *L);
struct hub *world_check_hub(lua_State *L, struct world *world, int at);

/* hub_tables.c: members of the table at an absolute index, or of the one on top. A slice is the
 * table's. */
struct slice table_slice(lua_State *L, int at, const char *name); /* absent: NULL */
struct slice table_text(lua_State *L, int at, const char *name);  /* absent: "" */
lua_Integer table_integer(lua_State *L, int at, const char *name, lua_Integer otherwise);
bool table_bool(lua_State *L, int at, const char *name);
int table_name(const char *name, const char *const *names); /* which of them, -1: none */
unsigned table_bits(lua_State *L, int at, const char *name, const char *const *names);
void table_set_slice(lua_State *L, const char *name, struct slice s);
void table_set_integer(lua_State *L, const char *name, lua_Integer n);
void table_push_facts(lua_State *L, const struct identity_facts *facts);

/* hub_spec.c: the behaviour that asks the spec's function. */
struct behaviour spec_behaviour(struct worker_of *worker);
/* wake(world, NAME, answer): the hook that was answered with { wait = NAME } has its answer. */
int spec_wake(lua_State *L);
/* waits(world) -> NAMEs of those that wait. */
int spec_waits(lua_State *L);
void spec_effect(lua_State *L, int at, struct effect *effect);
void spec_push_channel(lua_State *L, const struct channel *channel);
/* Raises what the spec's function raised meanwhile; else returns `results`. */
int spec_raise(lua_State *L, struct world *world, int results);

/* hub_types.c: generations of the types that a spec lists, most specific first, with server_hooks.
 */
extern const char *const types_hooks[],
    *const types_server_hooks[]; /* their names, NULL at the end */
struct generation *types_create(lua_State *L, struct world *world, int at);
void types_destroy(struct generation *generation);

/* hub_clients.c: peers without sockets. */
extern const luaL_Reg client_methods[];
int client_create(lua_State *L);
void client_destroy(struct client *client);

#endif
