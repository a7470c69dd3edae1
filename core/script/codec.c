#include "script/codec.h"

#include <math.h>
#include <stdlib.h>

#include <lauxlib.h>

#include "base/memory.h"
#include "wire/json.h"

enum {
    SLOTS = 8, /* Lua stack slots that one level takes, with what the auxiliary library needs */
    NUMBER_ROOM = 64, /* longer numbers are rare */
    NUMBER_SHOWN = 40 /* bytes of a number in an error */
};

/* Its address is the registry key of the metatable that marks arrays. */
static const char array_key;

static void push_array_mark(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key);
}

void codec_open(lua_State *L)
{
    luaL_checkstack(L, SLOTS, "json");
    push_array_mark(L);
    bool done = lua_istable(L, -1);
    lua_pop(L, 1);
    if (done)
        return;
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "array");
    lua_setfield(L, -2, "__name");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &array_key);
}

void codec_push_null(lua_State *L)
{
    lua_pushlightuserdata(L, NULL);
}

void codec_mark_array(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    push_array_mark(L);
    lua_setmetatable(L, index);
}

bool codec_is_array(lua_State *L, int index)
{
    if (!lua_istable(L, index) || !lua_getmetatable(L, index))
        return false;
    push_array_mark(L);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

/* In. The text is checked, so its depth is limited and recursion too; only numbers can be refused.
 */

struct reader {
    lua_State *L;
    struct json_walk text;
    int mark; /* where on the stack the mark of arrays is */
    struct error *err;
};

static bool push_value(struct reader *r, struct slice token);

static void push_string(lua_State *L, struct slice string)
{
    struct slice plain;
    if (json_plain(string, &plain)) {
        lua_pushlstring(L, plain.at, plain.len);
        return;
    }
    luaL_Buffer b;
    char *room = luaL_buffinitsize(L, &b, string.len);
    luaL_pushresultsize(&b, json_unquote_to(room, string));
}

/* Up to 15 digits around a point and no exponent: both parts of the quotient are exact, so it is
 * the nearest float, and sooner than from strtod. */
static bool parse_short(struct slice number, double *x)
{
    double digits = 0, scale = 1;
    bool negative = number.at[0] == '-', fraction = false;
    if (number.len > 16)
        return false;
    for (size_t i = negative; i < number.len; i++) {
        char c = number.at[i];
        if (c == 'e' || c == 'E')
            return false;
        if (c != '.')
            digits = digits * 10 + (c - '0');
        scale *= fraction ? 10 : 1;
        fraction = fraction || c == '.';
    }
    *x = negative ? -digits / scale : digits / scale;
    return true;
}

/* strtod wants a NUL after the number. */
static double parse_float(lua_State *L, struct slice number)
{
    char text[NUMBER_ROOM];
    if (number.len < sizeof text) {
        memcpy(text, number.at, number.len);
        text[number.len] = '\0';
        return strtod(text, NULL);
    }
    double x = strtod(lua_pushlstring(L, number.at, number.len), NULL);
    lua_pop(L, 1);
    return x;
}

static bool push_number(struct reader *r, struct slice number)
{
    int64_t n;
    if (json_integer(number, &n)) {
        lua_pushinteger(r->L, n);
        return true;
    }
    double x;
    if (!parse_short(number, &x))
        x = parse_float(r->L, number);
    if (isinf(x))
        return fail(r->err, ERROR_BAD_REQUEST, "the number %.*s%s is too large",
                    number.len > NUMBER_SHOWN ? NUMBER_SHOWN : (int)number.len, number.at,
                    number.len > NUMBER_SHOWN ? "..." : "");
    lua_pushnumber(r->L, x);
    return true;
}

static bool read_token(struct reader *r, struct slice *token, char closer)
{
    return json_read(&r->text, token) && token->at[0] != closer;
}

/* A first guess at the size of a table, which saves most of them from growing. */
static int guess_size(const struct reader *r, char closer)
{
    return *r->text.at == closer ? 0 : 4;
}

static bool push_array(struct reader *r)
{
    struct slice token;
    lua_createtable(r->L, guess_size(r, ']'), 0);
    lua_pushvalue(r->L, r->mark);
    lua_setmetatable(r->L, -2);
    for (lua_Integer i = 1; read_token(r, &token, ']'); i++) {
        if (!push_value(r, token))
            return false;
        lua_rawseti(r->L, -2, i);
    }
    return true;
}

static bool push_object(struct reader *r)
{
    struct slice name, token;
    lua_createtable(r->L, 0, guess_size(r, '}'));
    while (read_token(r, &name, '}')) {
        push_string(r->L, name);
        if (!json_read(&r->text, &token) || !push_value(r, token))
            return false;
        lua_rawset(r->L, -3);
    }
    return true;
}

static bool push_value(struct reader *r, struct slice token)
{
    switch (token.at[0]) {
    case '[':
        luaL_checkstack(r->L, SLOTS, "json");
        return push_array(r);
    case '{':
        luaL_checkstack(r->L, SLOTS, "json");
        return push_object(r);
    case '"':
        push_string(r->L, token);
        return true;
    case 'n':
        codec_push_null(r->L);
        return true;
    case 't':
    case 'f':
        lua_pushboolean(r->L, token.at[0] == 't');
        return true;
    default:
        return push_number(r, token);
    }
}

bool codec_push(lua_State *L, struct slice json, struct error *err)
{
    int top = lua_gettop(L);
    struct reader r = {L, {json.at, json.at + json.len}, top + 1, err};
    struct slice token;
    luaL_checkstack(L, SLOTS, "json");
    push_array_mark(L);
    ensure(lua_istable(L, r.mark));
    ensure(json_read(&r.text, &token));
    if (!push_value(&r, token)) {
        lua_settop(L, top);
        return false;
    }
    lua_replace(L, r.mark);
    return true;
}
