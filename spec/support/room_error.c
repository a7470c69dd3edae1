/* base/error and base/clock for specs. */
#include "base/clock.h"
#include "base/error.h"

#include <lauxlib.h>

/* codes() -> list of {name, number, text, is temporary} as the functions tell it */
static int codes(lua_State *L)
{
    static const int numbers[] = {
#define X(name, number, text, temporary) number,
        ERROR_CODES(X)
#undef X
    };
    lua_newtable(L);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        lua_createtable(L, 4, 0);
        lua_pushstring(L, error_code_name(numbers[i]));
        lua_rawseti(L, -2, 1);
        lua_pushinteger(L, numbers[i]);
        lua_rawseti(L, -2, 2);
        lua_pushstring(L, error_code_text(numbers[i]));
        lua_rawseti(L, -2, 3);
        lua_pushboolean(L, error_is_temporary(numbers[i]));
        lua_rawseti(L, -2, 4);
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

static int close_codes(lua_State *L)
{
    static const int numbers[] = {
#define X(name, number, reason) number,
        CLOSE_CODES(X)
#undef X
    };
    lua_newtable(L);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        lua_pushinteger(L, numbers[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

static int name(lua_State *L)
{
    lua_pushstring(L, error_code_name((int)luaL_checkinteger(L, 1)));
    return 1;
}

static int text(lua_State *L)
{
    lua_pushstring(L, error_code_text((int)luaL_checkinteger(L, 1)));
    return 1;
}

static int close_text(lua_State *L)
{
    lua_pushstring(L, close_code_text((int)luaL_checkinteger(L, 1)));
    return 1;
}

/* fail(code, text, number) -> what fail returned, code, text, temporary, incident */
static int fail_with(lua_State *L)
{
    struct error err = {.incident = "old"};
    bool ok = fail(&err, (int)luaL_checkinteger(L, 1), "%s|%d", luaL_checkstring(L, 2),
                   (int)luaL_checkinteger(L, 3));
    ok = fail(NULL, ERROR_USAGE, "nobody reads this") || ok;
    lua_pushboolean(L, ok);
    lua_pushinteger(L, err.code);
    lua_pushstring(L, err.text);
    lua_pushboolean(L, err.temporary);
    lua_pushstring(L, err.incident);
    return 5;
}

static int fail_by_code(lua_State *L)
{
    struct error err;
    bool ok =
        fail_code(&err, (enum error_code)luaL_checkinteger(L, 1)) || fail_code(NULL, ERROR_USAGE);
    lua_pushboolean(L, ok);
    lua_pushinteger(L, err.code);
    lua_pushstring(L, err.text);
    lua_pushboolean(L, err.temporary);
    lua_pushstring(L, err.incident);
    return 5;
}

static int monotonic(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)clock_monotonic_ns());
    return 1;
}

static int unix_ms(lua_State *L)
{
    lua_pushinteger(L, clock_unix_ms());
    return 1;
}

static const luaL_Reg functions[] = {{"codes", codes},
                                     {"close_codes", close_codes},
                                     {"name", name},
                                     {"text", text},
                                     {"close_text", close_text},
                                     {"fail", fail_with},
                                     {"fail_code", fail_by_code},
                                     {"monotonic", monotonic},
                                     {"unix_ms", unix_ms},
                                     {NULL, NULL}};

int luaopen_room_error(lua_State *L);
int luaopen_room_error(lua_State *L)
{
    luaL_newlib(L, functions);
    lua_pushinteger(L, ERROR_TEXT_MAX);
    lua_setfield(L, -2, "text_max");
    return 1;
}
