/* base/buf for specs. */
#include "base/buf.h"

#include <lauxlib.h>
#include <stdlib.h>

static struct buf *check_buf(lua_State *L)
{
    return luaL_checkudata(L, 1, "room.buf");
}

static int new (lua_State *L)
{
    struct buf *b = lua_newuserdatauv(L, sizeof *b, 0);
    *b = (struct buf){0};
    luaL_setmetatable(L, "room.buf");
    return 1;
}

static int add(lua_State *L)
{
    struct slice s;
    s.at = luaL_checklstring(L, 2, &s.len);
    buf_add_slice(check_buf(L), s);
    return 0;
}

static int add_text(lua_State *L)
{
    buf_add_text(check_buf(L), luaL_checkstring(L, 2));
    return 0;
}

static int add_byte(lua_State *L)
{
    buf_add_byte(check_buf(L), (char)luaL_checkinteger(L, 2));
    return 0;
}

static int add_unsigned(lua_State *L)
{
    buf_add_unsigned(check_buf(L), (uint64_t)luaL_checkinteger(L, 2));
    return 0;
}

/* b:printf(text, integer) */
static int print(lua_State *L)
{
    buf_printf(check_buf(L), "<%s|%d>", luaL_checkstring(L, 2), (int)luaL_checkinteger(L, 3));
    return 0;
}

/* b:reserve(more) -> the room there is then */
static int reserve(lua_State *L)
{
    struct buf *b = check_buf(L);
    size_t more = (size_t)luaL_checkinteger(L, 2);
    char *end = buf_reserve(b, more);
    if (more > 0)
        memset(end, '#', more); /* for the sanitizers */
    lua_pushinteger(L, (lua_Integer)b->room);
    return 1;
}

static int shift(lua_State *L)
{
    buf_shift(check_buf(L), (size_t)luaL_checkinteger(L, 2));
    return 0;
}

static int clear(lua_State *L)
{
    buf_clear(check_buf(L));
    return 0;
}

static int finish(lua_State *L)
{
    buf_finish(check_buf(L));
    return 0;
}

static int bytes(lua_State *L)
{
    struct slice s = buf_slice(check_buf(L));
    lua_pushlstring(L, s.at, s.len);
    return 1;
}

/* b:text() -> up to the NUL */
static int text(lua_State *L)
{
    lua_pushstring(L, buf_text(check_buf(L)));
    return 1;
}

static int take(lua_State *L)
{
    size_t len;
    char *given = buf_take(check_buf(L), &len);
    lua_pushlstring(L, given, len);
    free(given);
    return 1;
}

static int room(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)check_buf(L)->room);
    return 1;
}

static const luaL_Reg methods[] = {{"add", add},
                                   {"add_text", add_text},
                                   {"add_byte", add_byte},
                                   {"add_unsigned", add_unsigned},
                                   {"printf", print},
                                   {"reserve", reserve},
                                   {"shift", shift},
                                   {"clear", clear},
                                   {"finish", finish},
                                   {"bytes", bytes},
                                   {"text", text},
                                   {"take", take},
                                   {"room", room},
                                   {"__gc", finish},
                                   {NULL, NULL}};

int luaopen_room_buf(lua_State *L);
int luaopen_room_buf(lua_State *L)
{
    luaL_newmetatable(L, "room.buf");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, new);
    lua_setfield(L, -2, "new");
    return 1;
}
