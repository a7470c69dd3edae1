/* rule/rule for specs. */
#include "rule/rule.h"

#include <lauxlib.h>

enum { PARAMS_MAX = 16 };

static struct slice get_slice(lua_State *L, int at)
{
    struct slice s;
    s.at = lua_tolstring(L, at, &s.len);
    return s;
}

static struct rule *check_rule(lua_State *L)
{
    return *(struct rule **)luaL_checkudata(L, 1, "room.rule");
}

/* The strings of the table at `at`; they stay in it. */
static unsigned read_strings(lua_State *L, int at, struct slice out[PARAMS_MAX])
{
    unsigned count = 0;
    for (; lua_istable(L, at) && count < PARAMS_MAX; count++) {
        lua_rawgeti(L, at, (int)count + 1);
        if (lua_isnil(L, -1))
            break;
        out[count] = get_slice(L, -1);
        lua_pop(L, 1);
    }
    return count;
}

/* new(text, param_names, is_of_message): a rule, or nil and the reason. */
static int new (lua_State *L)
{
    struct error err;
    struct slice names[PARAMS_MAX];
    struct rule_source source = {.params = names};
    source.text.at = luaL_checklstring(L, 1, &source.text.len);
    source.param_count = read_strings(L, 2, names);
    source.scope = lua_toboolean(L, 3) ? RULE_OF_MESSAGE : RULE_OF_CLIENT;
    struct rule **rule = lua_newuserdatauv(L, sizeof *rule, 0);
    *rule = NULL;
    luaL_setmetatable(L, "room.rule");
    *rule = rule_compile(&source, &err);
    if (*rule != NULL)
        return 1;
    lua_pushnil(L);
    lua_pushstring(L, err.text);
    return 2;
}

static struct slice get_field(lua_State *L, const char *name)
{
    lua_getfield(L, 2, name); /* stays on the stack, so that the bytes stay too */
    return get_slice(L, -1);
}

/* allows(facts, quietly): the answer, and unless quietly why; facts = { user, roles, claims, ip,
 * msg, names, values }, roles, claims and msg being JSON. */
static int allows(lua_State *L)
{
    struct slice names[PARAMS_MAX], values[PARAMS_MAX];
    struct rule *rule = check_rule(L);
    bool quietly = lua_toboolean(L, 3);
    lua_settop(L, 2);
    struct rule_facts facts = {.user = get_field(L, "user"),
                               .roles = get_field(L, "roles"),
                               .claims = get_field(L, "claims"),
                               .ip = get_field(L, "ip"),
                               .msg = get_field(L, "msg"),
                               .param_names = names,
                               .param_values = values};
    lua_getfield(L, 2, "names");
    facts.param_count = read_strings(L, lua_gettop(L), names);
    lua_getfield(L, 2, "values");
    if (read_strings(L, lua_gettop(L), values) != facts.param_count)
        return luaL_error(L, "as many values as names");
    struct buf why = {0};
    lua_pushboolean(L, rule_allows(rule, &facts, quietly ? NULL : &why));
    if (quietly)
        return 1;
    lua_pushlstring(L, why.at, why.len);
    buf_finish(&why);
    return 2;
}

static int finish(lua_State *L)
{
    struct rule **rule = luaL_checkudata(L, 1, "room.rule");
    rule_destroy(*rule);
    *rule = NULL;
    return 0;
}

static const luaL_Reg methods[] = {{"allows", allows}, {"__gc", finish}, {NULL, NULL}};

int luaopen_room_rule(lua_State *L);
int luaopen_room_rule(lua_State *L)
{
    luaL_newmetatable(L, "room.rule");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, new);
    lua_setfield(L, -2, "new");
    return 1;
}
