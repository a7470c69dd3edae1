/* base/map for specs: a map from strings to integers. */
#include "base/map.h"
#include "base/memory.h"

#include <lauxlib.h>
#include <stdlib.h>

struct entry {
    char *key;
    lua_Integer value;
};

static struct slice check_slice(lua_State *L, int at)
{
    struct slice s;
    s.at = luaL_checklstring(L, at, &s.len);
    return s;
}

static struct map *check_map(lua_State *L)
{
    return luaL_checkudata(L, 1, "room.map");
}

static int new(lua_State *L)
{
    struct map *m = lua_newuserdatauv(L, sizeof *m, 0);
    *m = (struct map){0};
    luaL_setmetatable(L, "room.map");
    return 1;
}

static int find(lua_State *L)
{
    struct entry *e = map_find(check_map(L), check_slice(L, 2));
    if (e == NULL)
        lua_pushnil(L);
    else
        lua_pushinteger(L, e->value);
    return 1;
}

static int add(lua_State *L)
{
    struct map *m = check_map(L);
    struct slice key = check_slice(L, 2);
    struct entry *e = xmalloc(sizeof *e);
    *e = (struct entry){xslicedup(key), luaL_checkinteger(L, 3)};
    map_add(m, slice_make(e->key, key.len), e);
    return 0;
}

static int take(lua_State *L)
{
    struct entry *e = map_remove(check_map(L), check_slice(L, 2));
    lua_pushnil(L);
    if (e == NULL)
        return 1;
    lua_pushinteger(L, e->value);
    free(e->key);
    free(e);
    return 1;
}

static int count(lua_State *L)
{
    struct map *m = check_map(L);
    lua_Integer walked = 0;
    for (size_t at = 0; map_next(m, &at) != NULL;)
        walked++;
    lua_pushinteger(L, (lua_Integer)m->count);
    lua_pushinteger(L, walked);
    return 2;
}

static int finish(lua_State *L)
{
    struct map *m = check_map(L);
    struct entry *e;
    for (size_t at = 0; (e = map_next(m, &at)) != NULL;) {
        free(e->key);
        free(e);
    }
    map_finish(m);
    return 0;
}

static const luaL_Reg methods[] = {{"find", find},   {"add", add},    {"remove", take},
                                   {"count", count}, {"__gc", finish}, {NULL, NULL}};

int luaopen_room_map(lua_State *L);
int luaopen_room_map(lua_State *L)
{
    luaL_newmetatable(L, "room.map");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, new);
    lua_setfield(L, -2, "new");
    return 1;
}
