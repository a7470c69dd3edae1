#include "script/api.h"

#include <lauxlib.h>

#include "auth/secret.h"
#include "script/codec.h"

/* Ids have 14 digits at most: what every JSON library keeps, lua-cjson with its defaults included. */
enum { ID_BITS = 46 };

static lua_Integer draw_id(void)
{
    uint64_t bits;
    random_bytes((unsigned char *)&bits, sizeof bits);
    return (lua_Integer)(bits >> (64 - ID_BITS)) + 1;
}

static struct slice check_method(lua_State *L, const char *what)
{
    struct slice name;
    name.at = luaL_checklstring(L, 3, &name.len);
    if (luaL_getmetafield(L, 1, "__index") == LUA_TTABLE) {
        lua_pushvalue(L, 3);
        if (lua_rawget(L, -2) == LUA_TFUNCTION) {
            lua_pop(L, 2);
            return name;
        }
    }
    luaL_error(L, "%s: this channel has no method `%s` for a timer to call", what, name.at);
    return name;
}

/* The arguments from `first` on, as a list; in the VM's scratch. */
static struct slice encode_arguments(lua_State *L, int first, const char *what)
{
    int count = lua_gettop(L) - first + 1;
    lua_createtable(L, count > 0 ? count : 0, 0);
    codec_mark_array(L, -1);
    for (int i = 0; i < count; i++) {
        lua_pushvalue(L, first + i);
        lua_rawseti(L, -2, i + 1);
    }
    return api_encode(L, -1, what);
}

static int set_timer(lua_State *L, const char *what, bool repeats)
{
    struct running *running = program_running(L, what);
    const struct channel *channel = api_channel_check_self(L, running, what);
    int64_t ms = api_check_duration(L, 2, what);
    if (ms < TIMER_TICK_MS && repeats)
        return luaL_error(L, "%s: at least \"%dms\"", what, TIMER_TICK_MS);
    struct effect effect = {
        .kind = EFFECT_TIMER,
        .channel = channel->name,
        .method = check_method(L, what),
        .id = (uint64_t)draw_id(),
        .ms = (uint64_t)ms,
        .repeats = repeats,
    };
    effect.data = encode_arguments(L, 4, what);
    api_wish(L, running, &effect);
    lua_pushinteger(L, (lua_Integer)effect.id);
    return 1;
}

static int every(lua_State *L)
{
    return set_timer(L, "every", true);
}

static int after(lua_State *L)
{
    return set_timer(L, "after", false);
}

static int cancel(lua_State *L)
{
    struct running *running = program_running(L, "cancel");
    const struct channel *channel = api_channel_check_self(L, running, "cancel");
    if (lua_isnoneornil(L, 2))
        return 0;
    api_wish(L, running,
             &(struct effect){.kind = EFFECT_CANCEL,
                              .channel = channel->name,
                              .id = (uint64_t)luaL_checkinteger(L, 2)});
    return 0;
}

void api_timer_add(lua_State *L)
{
    lua_pushcfunction(L, every);
    lua_setfield(L, -2, "every");
    lua_pushcfunction(L, after);
    lua_setfield(L, -2, "after");
    lua_pushcfunction(L, cancel);
    lua_setfield(L, -2, "cancel");
}
