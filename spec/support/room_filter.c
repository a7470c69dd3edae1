/* rule/filter for specs. */
#include "base/memory.h"
#include "rule/filter.h"
#include "wire/json.h"

#include <lauxlib.h>
#include <stdlib.h>

struct sieve {
    struct filter_field fields[FILTER_FIELDS_MAX];
    unsigned field_count;
    struct filter *filter;
};

static struct slice get_slice(lua_State *L, int at)
{
    struct slice s;
    s.at = luaL_checklstring(L, at, &s.len);
    return s;
}

static struct sieve *check_sieve(lua_State *L, int at)
{
    return luaL_checkudata(L, at, "room.filter");
}

static void check_json(lua_State *L, int at)
{
    struct json_fault fault;
    luaL_argcheck(L, json_check(get_slice(L, at), &JSON_LIMITS_DEFAULT, &fault), at, "not JSON");
}

/* new(fields, json, "fields" | "tags"): a filter, or nil and the reason. */
static int new (lua_State *L)
{
    static const char *const forms[] = {"fields", "tags", NULL};
    struct error err;
    struct sieve *sieve = lua_newuserdatauv(L, sizeof *sieve, 0);
    *sieve = (struct sieve){0};
    luaL_setmetatable(L, "room.filter");
    for (lua_Integer i = 1; lua_rawgeti(L, 1, i) == LUA_TSTRING; i++) {
        if (!filter_field_init(&sieve->fields[sieve->field_count++], get_slice(L, -1), &err))
            return luaL_error(L, "%s", err.text);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    check_json(L, 2);
    int form = luaL_checkoption(L, 3, "fields", forms);
    char *exact = xslicedup(get_slice(L, 2));
    struct filter_source source = {form == 0 ? FILTER_BY_FIELDS : FILTER_BY_TAGS,
                                   slice_make(exact, get_slice(L, 2).len)};
    sieve->filter = filter_compile(&source, sieve->fields, sieve->field_count, &err);
    free(exact);
    if (sieve->filter != NULL)
        return 1;
    lua_pushnil(L);
    lua_pushstring(L, err.text);
    return 2;
}

static int passes(lua_State *L)
{
    struct sieve *sieve = check_sieve(L, 1);
    struct slice texts[FILTER_FIELDS_MAX], message = get_slice(L, 2);
    struct buf bytes = {0};
    check_json(L, 2);
    buf_reserve(&bytes, message.len);
    filter_read(sieve->fields, sieve->field_count, message, texts, &bytes);
    lua_pushboolean(L, filter_passes(sieve->filter, texts));
    buf_finish(&bytes);
    return 1;
}

static int equals(lua_State *L)
{
    lua_pushboolean(L, filter_is_equal(check_sieve(L, 1)->filter, check_sieve(L, 2)->filter));
    return 1;
}

static int finish(lua_State *L)
{
    struct sieve *sieve = check_sieve(L, 1);
    filter_destroy(sieve->filter);
    for (unsigned i = 0; i < sieve->field_count; i++)
        filter_field_finish(&sieve->fields[i]);
    return 0;
}

static const luaL_Reg methods[] = {
    {"passes", passes}, {"equals", equals}, {"__gc", finish}, {NULL, NULL}};

int luaopen_room_filter(lua_State *L);
int luaopen_room_filter(lua_State *L)
{
    luaL_newmetatable(L, "room.filter");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, new);
    lua_setfield(L, -2, "new");
    return 1;
}
