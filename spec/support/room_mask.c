/* rule/mask for specs. */
#include "base/memory.h"
#include "rule/mask.h"
#include "wire/json.h"

#include <lauxlib.h>
#include <stdlib.h>

static struct slice get_slice(lua_State *L, int at)
{
    struct slice s;
    s.at = luaL_checklstring(L, at, &s.len);
    return s;
}

static bool add_paths(lua_State *L, struct mask *mask, int at, enum mask_side side,
                      struct error *err)
{
    bool is_added = true;
    for (lua_Integer i = 1; is_added && lua_istable(L, at) && lua_rawgeti(L, at, i) != LUA_TNIL;
         i++)
        is_added = mask_add(mask, side, get_slice(L, -1), err);
    lua_settop(L, 2);
    return is_added;
}

/* new(drop, keep): lists of paths, or nil; a mask, or nil and the reason. */
static int new (lua_State *L)
{
    struct error err;
    lua_settop(L, 2);
    struct mask *mask = mask_create();
    if (!add_paths(L, mask, 1, MASK_DROP, &err) || !add_paths(L, mask, 2, MASK_KEEP, &err)) {
        mask_destroy(mask);
        lua_pushnil(L);
        lua_pushstring(L, err.text);
        return 2;
    }
    *(struct mask **)lua_newuserdatauv(L, sizeof mask, 0) = mask;
    luaL_setmetatable(L, "room.mask");
    return 1;
}

/* apply(text): what is left, or nil; the text is copied to the exact byte, so that a sanitizer sees
 * a read past its end. */
static int apply(lua_State *L)
{
    struct mask *mask = *(struct mask **)luaL_checkudata(L, 1, "room.mask");
    struct slice text = get_slice(L, 2);
    struct json_fault fault;
    struct buf out = {0};
    luaL_argcheck(L, json_check(text, &JSON_LIMITS_DEFAULT, &fault), 2, "not JSON");
    char *exact = xslicedup(text);
    if (mask_apply(mask, slice_make(exact, text.len), &out))
        lua_pushlstring(L, out.at, out.len);
    else
        lua_pushnil(L);
    free(exact);
    buf_finish(&out);
    return 1;
}

static int finish(lua_State *L)
{
    mask_destroy(*(struct mask **)luaL_checkudata(L, 1, "room.mask"));
    return 0;
}

static const luaL_Reg methods[] = {{"apply", apply}, {"__gc", finish}, {NULL, NULL}};

int luaopen_room_mask(lua_State *L);
int luaopen_room_mask(lua_State *L)
{
    luaL_newmetatable(L, "room.mask");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, new);
    lua_setfield(L, -2, "new");
    return 1;
}
