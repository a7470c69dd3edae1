/* rule/fold for specs, of rules that rule/rule's room has made. */
#include "rule/fold.h"

#include <lauxlib.h>

enum { OUTCOMES_MAX = 16 };

static const struct rule *check_rule(lua_State *L, int at)
{
    return *(struct rule **)luaL_checkudata(L, at, "room.rule");
}

/* fixed(rule): "always", "never", or nil. */
static int fixed(lua_State *L)
{
    bool holds;
    if (!fold_is_fixed(check_rule(L, 1), &holds))
        return 0;
    lua_pushstring(L, holds ? "always" : "never");
    return 1;
}

/* comparison(rule): what is told of it, or nil. */
static int comparison(lua_State *L)
{
    struct buf why = {0};
    bool is_found = fold_find_comparison(check_rule(L, 1), &why);
    lua_pushlstring(L, why.at != NULL ? why.at : "", why.len);
    buf_finish(&why);
    return is_found;
}

/* possible(rule, holds, rule, holds, ...) */
static int possible(lua_State *L)
{
    struct outcome_of outcomes[OUTCOMES_MAX];
    unsigned count = (unsigned)lua_gettop(L) / 2;
    luaL_argcheck(L, count <= OUTCOMES_MAX, 1, "too many");
    for (unsigned i = 0; i < count; i++)
        outcomes[i] =
            (struct outcome_of){check_rule(L, 2 * (int)i + 1), lua_toboolean(L, 2 * (int)i + 2)};
    lua_pushboolean(L, fold_is_possible(outcomes, count));
    return 1;
}

int luaopen_room_fold(lua_State *L);
int luaopen_room_fold(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"fixed", fixed}, {"comparison", comparison}, {"possible", possible}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
