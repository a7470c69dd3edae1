/* The small parts of hub/ for specs: history, effects, identities, counters. */
#include "hub/effect.h"
#include "hub/history.h"
#include "hub/identity.h"
#include "hub/stats.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "base/memory.h"

static struct slice opt_slice(lua_State *L, int at)
{
    struct slice s = {NULL, 0};
    if (!lua_isnoneornil(L, at))
        s.at = luaL_checklstring(L, at, &s.len);
    return s;
}

static struct slice get_slice(lua_State *L, int at, const char *name)
{
    struct slice s = {NULL, 0};
    if (lua_getfield(L, at, name) == LUA_TSTRING)
        s.at = lua_tolstring(L, -1, &s.len);
    lua_pop(L, 1);
    return s;
}

static void set_slice(lua_State *L, const char *name, struct slice s)
{
    if (s.at == NULL)
        return;
    lua_pushlstring(L, s.at, s.len);
    lua_setfield(L, -2, name);
}

/* ---- history ---- */

static struct history *check_history(lua_State *L)
{
    return luaL_checkudata(L, 1, "room.history");
}

/* history(size, ttl_ms); without arguments all zeroes */
static int new_history(lua_State *L)
{
    struct history *history = lua_newuserdatauv(L, sizeof *history, 0);
    *history = (struct history){0};
    luaL_setmetatable(L, "room.history");
    if (lua_isinteger(L, 1))
        history_resize(history, (unsigned)lua_tointeger(L, 1), (uint64_t)luaL_checkinteger(L, 2));
    return 1;
}

static int resize(lua_State *L)
{
    history_resize(check_history(L), (unsigned)luaL_checkinteger(L, 2),
                   (uint64_t)luaL_checkinteger(L, 3));
    return 0;
}

/* add(offset, data, user or nil, now_ms) */
static int add_kept(lua_State *L)
{
    struct slice user = opt_slice(L, 4);
    struct identity_facts facts = {.user = user};
    struct identity *who = user.at ? identity_create(&facts) : NULL;
    history_add(check_history(L), (uint64_t)luaL_checkinteger(L, 2), opt_slice(L, 3), who,
                (uint64_t)luaL_checkinteger(L, 5));
    identity_unref(who);
    return 0;
}

static int expire(lua_State *L)
{
    history_expire(check_history(L), (uint64_t)luaL_checkinteger(L, 2));
    return 0;
}

/* all() -> a list of {offset, data, user}, oldest first */
static int all_kept(lua_State *L)
{
    struct history *history = check_history(L);
    const struct kept *kept;
    lua_newtable(L);
    for (unsigned n = 0; (kept = history_peek(history, n)) != NULL; n++) {
        lua_newtable(L);
        lua_pushinteger(L, (lua_Integer)kept->offset);
        lua_rawseti(L, -2, 1);
        lua_pushlstring(L, kept->data, kept->len);
        lua_rawseti(L, -2, 2);
        if (kept->who != NULL) {
            lua_pushlstring(L, kept->who->facts.user.at, kept->who->facts.user.len);
            lua_rawseti(L, -2, 3);
        }
        lua_rawseti(L, -2, (int)n + 1);
    }
    return 1;
}

static int finish_history(lua_State *L)
{
    history_finish(check_history(L));
    return 0;
}

static const luaL_Reg history_methods[] = {
    {"resize", resize},         {"add", add_kept},        {"expire", expire}, {"all", all_kept},
    {"finish", finish_history}, {"__gc", finish_history}, {NULL, NULL}};

/* ---- effects ---- */

static const char *const kinds[] = {"publish", "kick", "send", "close", NULL};

static void push_effect(lua_State *L, const struct effect *effect)
{
    lua_newtable(L);
    set_slice(L, "kind", slice_of(kinds[effect->kind]));
    set_slice(L, "channel", effect->channel);
    set_slice(L, "data", effect->data);
    set_slice(L, "user", effect->user);
    set_slice(L, "client", effect->client);
    set_slice(L, "reason", effect->reason);
    lua_pushinteger(L, effect->code);
    lua_setfield(L, -2, "code");
}

/* effects(list of tables) -> what comes out again, in order, the count, the count after discarding
 */
static int pass_effects(lua_State *L)
{
    struct effects effects = {0};
    lua_newtable(L);
    for (int i = 1; lua_rawgeti(L, 1, i) == LUA_TTABLE; i++, lua_settop(L, 2)) {
        char *channel =
            xslicedup(get_slice(L, 3, "channel")); /* gone before it is looked at again */
        lua_getfield(L, 3, "kind");
        struct effect wish = {.kind = (enum effect_kind)luaL_checkoption(L, 4, "publish", kinds),
                              .channel = get_slice(L, 3, "channel").at ? slice_of(channel)
                                                                       : (struct slice){0},
                              .data = get_slice(L, 3, "data"),
                              .user = get_slice(L, 3, "user"),
                              .client = get_slice(L, 3, "client"),
                              .reason = get_slice(L, 3, "reason"),
                              .code = i};
        effects_add(&effects, &wish);
        free(channel);
    }
    lua_settop(L, 2);
    int n = 0;
    for (const struct effect *effect = effects.first; effect != NULL; effect = effect->next) {
        push_effect(L, effect);
        lua_rawseti(L, 2, ++n);
    }
    lua_pushinteger(L, effects.count);
    effects_discard(&effects);
    ensure(effects.first == NULL && effects.last == NULL);
    lua_pushinteger(L, effects.count);
    return 3;
}

/* ---- identities ---- */

/* identity(facts) -> the facts as its copy has them after the originals are gone */
static int pass_identity(lua_State *L)
{
    static const char *const names[] = {"client", "user", "roles", "claims", "info", "ip"};
    struct identity_facts facts = {0};
    struct slice *fields[] = {&facts.client, &facts.user, &facts.roles,
                              &facts.claims, &facts.info, &facts.ip};
    char *copies[6];
    for (int i = 0; i < 6; i++) {
        struct slice s = get_slice(L, 1, names[i]);
        copies[i] = xslicedup(s);
        *fields[i] = s.at ? slice_make(copies[i], s.len) : s;
    }
    facts.expires = 77;
    struct identity *identity = identity_create(&facts);
    for (int i = 0; i < 6; i++)
        free(copies[i]);
    ensure(identity_ref(identity) == identity);
    identity_unref(identity);
    ensure(identity_ref(NULL) == NULL);
    identity_unref(NULL);
    lua_newtable(L);
    struct slice kept[] = {identity->facts.client, identity->facts.user, identity->facts.roles,
                           identity->facts.claims, identity->facts.info, identity->facts.ip};
    for (int i = 0; i < 6; i++)
        set_slice(L, names[i], kept[i]);
    lua_pushinteger(L, identity->facts.expires);
    lua_setfield(L, -2, "expires");
    identity_unref(identity);
    return 1;
}

/* ---- counters ---- */

/* metrics(list of {counter = n}) -> Prometheus text of the sums; counters by their place in the
 * list */
static int sum_metrics(lua_State *L)
{
    struct stats *all[8];
    unsigned count = (unsigned)lua_rawlen(L, 1);
    struct buf out = {0};
    for (unsigned i = 0; i < count; i++) {
        all[i] = xcalloc(1, sizeof *all[i]);
        lua_rawgeti(L, 1, (int)i + 1);
        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
            stats_add(all[i], (enum counter)lua_tointeger(L, -2), lua_tointeger(L, -1));
        lua_pop(L, 1);
    }
    stats_put(all, count, &out);
    for (unsigned i = 0; i < count; i++)
        free(all[i]);
    lua_pushlstring(L, out.at, out.len);
    buf_finish(&out);
    return 1;
}

static const luaL_Reg functions[] = {{"history", new_history},
                                     {"effects", pass_effects},
                                     {"identity", pass_identity},
                                     {"metrics", sum_metrics},
                                     {NULL, NULL}};

int luaopen_room_hubparts(lua_State *L);
int luaopen_room_hubparts(lua_State *L)
{
    luaL_newmetatable(L, "room.history");
    luaL_setfuncs(L, history_methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    lua_pushinteger(L, STAT_COUNT);
    lua_setfield(L, -2, "counters");
    return 1;
}
