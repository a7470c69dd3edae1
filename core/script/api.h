/* What scripts can call: one api_*.c per thing they see. All of it may raise, and runs inside
 * vm_run. */
#ifndef SCRIPT_API_H
#define SCRIPT_API_H

#include <lua.h>

#include "script/program.h"

/* publish kick reject now uuid log json */
void api_global_open(lua_State *L);
/* The duration at `index`, such as "200ms"; raises "WHAT: ...". */
int64_t api_check_duration(lua_State *L, int index, const char *what);
/* Adds a wish to the running hook's effects, within the script's memory. */
void api_wish(lua_State *L, struct running *running, const struct effect *effect);
/* EFFECT_PUBLISH, if the message is not too large for the channel. */
void api_wish_publish(lua_State *L, struct running *running, struct slice channel, struct slice data);
/* The value at `index` as JSON in the VM's scratch; raises "WHAT: data.items[3]: ..." */
struct slice api_encode(lua_State *L, int index, const char *what);

/* sleep */
void api_wait_open(lua_State *L);
/* http, store, cache, breaker, env */
void api_http_open(lua_State *L);
void api_store_open(lua_State *L);
void api_cache_open(lua_State *L);
void api_breaker_open(lua_State *L);
void api_env_open(lua_State *L);
/* The table at `index` (or nothing) has members of these names alone; raises "WHAT: unknown `x`: did you mean ...". */
void api_check_names(lua_State *L, int index, const char *what, const char *const *names);
/* A duration in member `name` of the table at `index`, which may be none; `otherwise` where it is absent. */
int64_t api_get_duration(lua_State *L, int index, const char *what, const char *name, int64_t otherwise);

/* `shape`, the short form of a schema. */
void api_shape_open(lua_State *L);

/* What channel() returns, and the instances of it that are `self`. */
void api_channel_open(lua_State *L);
void api_channel_push_class(lua_State *L, struct class *class);
/* The same without a class behind it: no function it gets is ever called. */
void api_channel_push_table(lua_State *L);
/* Pushes a new instance for a channel, with the table on top (popped) as its state. */
void api_channel_push_instance(lua_State *L, const struct class *class,
                               const struct channel *channel);
/* The channel whose hook runs; raises where it is not called as self:NAME(). */
const struct channel *api_channel_check_self(lua_State *L, struct running *running, const char *name);
/* Adds every, after and cancel to the table on top. */
void api_timer_add(lua_State *L);
bool api_channel_is_reserved(const char *name);

/* Who a message is from. NULL: the server itself, with "" for user and id. */
void api_client_open(lua_State *L);
void api_client_push(lua_State *L, const struct identity *who);

#endif
