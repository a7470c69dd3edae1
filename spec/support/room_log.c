/* base/log for specs: what is written comes back through a pipe. */
#include "base/log.h"

#include <lauxlib.h>
#include <unistd.h>

enum { PAIRS_MAX = 8 };

/* Values are given as {text} or false; false is a NULL value. */
static const char *value_arg(lua_State *L, int at)
{
    return lua_isboolean(L, at) || lua_isnone(L, at) ? NULL : luaL_checkstring(L, at);
}

static const char *key_arg(lua_State *L, int at)
{
    return luaL_optstring(L, at, NULL);
}

static void push_written(lua_State *L, const int fds[2])
{
    char line[LOG_LINE_MAX + 1];
    close(fds[1]);
    ssize_t len = read(fds[0], line, sizeof line);
    close(fds[0]);
    lua_pushlstring(L, line, len > 0 ? (size_t)len : 0);
}

/* event(format, least level, level, event, key, value, ...) -> what was written; up to eight pairs
 */
static int event(lua_State *L)
{
    struct log log;
    enum log_format format;
    enum log_level least, level;
    int fds[2];
    luaL_argcheck(L, log_format_parse(luaL_checkstring(L, 1), &format), 1, "format");
    luaL_argcheck(L, log_level_parse(luaL_checkstring(L, 2), &least), 2, "level");
    luaL_argcheck(L, log_level_parse(luaL_checkstring(L, 3), &level), 3, "level");
    luaL_argcheck(L, lua_gettop(L) <= 4 + 2 * PAIRS_MAX, 4, "too many pairs");
    if (pipe(fds) != 0)
        return luaL_error(L, "no pipe");
    log_init(&log, least, format, fds[1]);
    log_event(&log, level, luaL_checkstring(L, 4), key_arg(L, 5), value_arg(L, 6), key_arg(L, 7),
              value_arg(L, 8), key_arg(L, 9), value_arg(L, 10), key_arg(L, 11), value_arg(L, 12),
              key_arg(L, 13), value_arg(L, 14), key_arg(L, 15), value_arg(L, 16), key_arg(L, 17),
              value_arg(L, 18), key_arg(L, 19), value_arg(L, 20), NULL);
    push_written(L, fds);
    return 1;
}

static int to_nobody(lua_State *L)
{
    (void)L;
    log_event(NULL, LOG_ERROR, "nobody", "hears", "this", NULL);
    return 0;
}

static int number(lua_State *L)
{
    char text[24];
    lua_pushstring(L, log_number(text, luaL_checkinteger(L, 1)));
    return 1;
}

static int knows_level(lua_State *L)
{
    enum log_level level;
    lua_pushboolean(L, log_level_parse(luaL_checkstring(L, 1), &level));
    return 1;
}

static int knows_format(lua_State *L)
{
    enum log_format format;
    lua_pushboolean(L, log_format_parse(luaL_checkstring(L, 1), &format));
    return 1;
}

static const luaL_Reg functions[] = {{"event", event},
                                     {"to_nobody", to_nobody},
                                     {"number", number},
                                     {"knows_level", knows_level},
                                     {"knows_format", knows_format},
                                     {NULL, NULL}};

int luaopen_room_log(lua_State *L);
int luaopen_room_log(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
