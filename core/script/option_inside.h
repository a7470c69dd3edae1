/* What the files of script/option share: option.c reads most of them, option_audience.c those that
 * say who gets what, option_rollup.c what is summed up. Nobody else's. */
#ifndef SCRIPT_OPTION_INSIDE_H
#define SCRIPT_OPTION_INSIDE_H

#include <lua.h>

#include "hub/generation.h"

/* All that is wrong with a file is told at once, so this does not raise. */
void option_refuse(lua_State *L, const struct channel_type *type, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* What is on top of the stack; each says what is wrong with it. */
void option_read_rule(lua_State *L, const char *name, const struct channel_type *type,
                      enum rule_scope scope, struct rule **rule);
/* 0 after it has said what is wrong. */
int64_t option_read_duration(lua_State *L, const struct channel_type *type, const char *name);
/* The table has members of these two names alone. */
void option_check_keys(lua_State *L, const struct channel_type *type, const char *option,
                       const char *const two[3]);

void option_read_rollup(lua_State *L, struct channel_type *type);
void option_read_latest(lua_State *L, struct channel_type *type);
void option_read_filter(lua_State *L, struct channel_type *type);
void option_read_views(lua_State *L, struct channel_type *type);

#endif
