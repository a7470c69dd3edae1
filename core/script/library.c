#include "script/library.h"

#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "script/codec.h"
#include "script/program.h"
#include "script/sandbox.h"
#include "script/text.h"
#include "script/vm.h"

/* ---- base ---- */

static int end_pcall(lua_State *L, int status, lua_KContext below)
{
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - (int)below;
    vm_uncatch(L);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

static int base_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    return end_pcall(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, end_pcall), 0);
}

static int end_handler(lua_State *L, int status, lua_KContext from)
{
    if (status != LUA_OK && status != LUA_YIELD)
        vm_uncatch(L);
    return lua_gettop(L) - (int)from;
}

/* The handler is 1 and runs after the error has unwound, not inside it: there the budget holds, and
 * a script has no use for the dead stack. */
static int end_xpcall(lua_State *L, int status, lua_KContext below)
{
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - (int)below;
    vm_uncatch(L);
    lua_pushvalue(L, 1);
    lua_insert(L, -2);
    lua_pushboolean(L, 0);
    lua_insert(L, -3);
    int from = lua_gettop(L) - 3;
    return end_handler(L, lua_pcallk(L, 1, LUA_MULTRET, 0, from, end_handler), from);
}

static int base_xpcall(lua_State *L)
{
    luaL_checktype(L, 2, LUA_TFUNCTION);
    int args = lua_gettop(L) - 2;
    lua_pushvalue(L, 2);
    lua_insert(L, 1); /* handler, f, handler, ... */
    lua_pushboolean(L, 1);
    lua_replace(L, 3); /* handler, f, true, ... */
    lua_pushvalue(L, 2);
    lua_insert(L, 4); /* handler, f, true, f, ... */
    return end_xpcall(L, lua_pcallk(L, args, LUA_MULTRET, 0, 2, end_xpcall), 2);
}

/* An array's mark is the codec's, shared by all of them: nothing for a script to reach into. */
static int base_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);
    if (codec_is_array(L, 1) || !lua_getmetatable(L, 1))
        lua_pushnil(L);
    else
        luaL_getmetafield(L, 1, "__metatable");
    return 1;
}

static int base_setmetatable(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    if (lua_istable(L, 2)) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "__gc is not available to scripts");
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

static int base_rawset(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    luaL_checkany(L, 3);
    if (sandbox_is_sealed(L, 1))
        return luaL_error(L, "this table is read-only");
    lua_settop(L, 3);
    lua_rawset(L, 1);
    return 1;
}

/* ---- work that is told before it is done ---- */

static size_t size_of(lua_State *L, int index)
{
    int type = lua_type(L, index);
    return type == LUA_TSTRING || type == LUA_TTABLE ? lua_rawlen(L, index) : 0;
}

/* Upvalue 1 is a stock C function without upvalues of its own. */
static int charged(lua_State *L)
{
    size_t units = 0;
    for (int i = lua_gettop(L); i > 0; i--)
        units += size_of(L, i);
    vm_charge(L, units);
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* Stock rep counts to n even where there is nothing to repeat. */
static int string_rep(lua_State *L)
{
    size_t len, between;
    luaL_checklstring(L, 1, &len);
    luaL_optlstring(L, 3, "", &between);
    if (len + between > 0)
        return charged(L);
    lua_pushliteral(L, "");
    return 1;
}

static int string_trim(lua_State *L)
{
    size_t len, from = 0;
    const char *text = luaL_checklstring(L, 1, &len);
    vm_charge(L, len);
    while (from < len && strchr(" \t\r\n\v\f", text[from]) && text[from])
        from++;
    while (len > from && strchr(" \t\r\n\v\f", text[len - 1]) && text[len - 1])
        len--;
    lua_pushlstring(L, text + from, len - from);
    return 1;
}

/* With __len a table says its own length, and the stock functions would count to it. */
static void check_list(lua_State *L, int index)
{
    luaL_checktype(L, index, LUA_TTABLE);
    if (luaL_getmetafield(L, index, "__len") != LUA_TNIL)
        luaL_argerror(L, index, "a table with __len is not taken here");
}

static int list(lua_State *L)
{
    check_list(L, 1);
    return charged(L);
}

/* At the end of a list these are quick, elsewhere everything behind moves. */
static int list_shift(lua_State *L)
{
    check_list(L, 1);
    if (lua_gettop(L) > (int)lua_tointeger(L, lua_upvalueindex(2)))
        vm_charge(L, lua_rawlen(L, 1));
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static int table_move(lua_State *L)
{
    lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3);
    if (last >= first && (lua_Unsigned)last - (lua_Unsigned)first >= 1u << 20)
        return luaL_error(L, "table.move: more than %d positions", 1 << 20);
    vm_charge(L, last >= first ? (size_t)(last - first) : 0);
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static int table_sort(lua_State *L)
{
    check_list(L, 1);
    vm_charge(L, lua_rawlen(L, 1) * 16);
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* ---- the allow-list ---- */

/* NULL wrap: the stock function as it is. */
struct entry {
    const char *name;
    lua_CFunction wrap;
    int context;
};

static const struct entry base_entries[] = {
    {"assert", NULL, 0},
    {"error", NULL, 0},
    {"getmetatable", base_getmetatable, 0},
    {"ipairs", NULL, 0},
    {"next", NULL, 0},
    {"pairs", NULL, 0},
    {"pcall", base_pcall, 0},
    {"rawequal", NULL, 0},
    {"rawget", NULL, 0},
    {"rawlen", NULL, 0},
    {"rawset", base_rawset, 0},
    {"select", NULL, 0},
    {"setmetatable", base_setmetatable, 0},
    {"tonumber", charged, 0},
    {"tostring", NULL, 0},
    {"type", NULL, 0},
    {"xpcall", base_xpcall, 0},
    {NULL, NULL, 0},
};

static const struct entry string_entries[] = {
    {"byte", charged, 0},    {"char", NULL, 0},          {"find", text_find, 0},
    {"format", charged, 0},  {"gmatch", text_gmatch, 0}, {"gsub", text_gsub, 0},
    {"len", NULL, 0},        {"lower", charged, 0},      {"match", text_match, 0},
    {"pack", charged, 0},    {"packsize", NULL, 0},      {"rep", string_rep, 0},
    {"reverse", charged, 0}, {"sub", NULL, 0},           {"trim", string_trim, 0},
    {"unpack", charged, 0},  {"upper", charged, 0},      {NULL, NULL, 0},
};

static const struct entry table_entries[] = {
    {"concat", list, 0},    {"insert", list_shift, 2}, {"move", table_move, 0},
    {"pack", NULL, 0},      {"remove", list_shift, 1}, {"sort", table_sort, 0},
    {"unpack", charged, 0}, {NULL, NULL, 0},
};

static const struct entry utf8_entries[] = {
    {"char", NULL, 0},   {"charpattern", NULL, 0}, {"codepoint", charged, 0}, {"codes", charged, 0},
    {"len", charged, 0}, {"offset", charged, 0},   {NULL, NULL, 0},
};

static const struct entry math_entries[] = {
    {"abs", NULL, 0},        {"acos", NULL, 0},       {"asin", NULL, 0}, {"atan", NULL, 0},
    {"ceil", NULL, 0},       {"cos", NULL, 0},        {"deg", NULL, 0},  {"exp", NULL, 0},
    {"floor", NULL, 0},      {"fmod", NULL, 0},       {"huge", NULL, 0}, {"log", NULL, 0},
    {"max", NULL, 0},        {"maxinteger", NULL, 0}, {"min", NULL, 0},  {"mininteger", NULL, 0},
    {"modf", NULL, 0},       {"pi", NULL, 0},         {"rad", NULL, 0},  {"random", NULL, 0},
    {"randomseed", NULL, 0}, {"sin", NULL, 0},        {"sqrt", NULL, 0}, {"tan", NULL, 0},
    {"tointeger", NULL, 0},  {"type", NULL, 0},       {"ult", NULL, 0},  {NULL, NULL, 0},
};

/* The stock one knows the system's clock alone. */
static int os_time(lua_State *L)
{
    const struct program *program = program_of(L);
    if (!lua_isnoneornil(L, 1) || program == NULL)
        return lua_tocfunction(L, lua_upvalueindex(1))(L);
    lua_pushinteger(L, clock_calendar_ms(program->clock) / 1000);
    return 1;
}

static const struct entry os_entries[] = {
    {"clock", NULL, 0}, {"time", os_time, 0}, {NULL, NULL, 0}};

/* Copies the entries of the stock table at `from` into the table on top. */
static void take(lua_State *L, int from, const struct entry *entries)
{
    for (const struct entry *e = entries; e->name != NULL; e++) {
        lua_getfield(L, from, e->name);
        if (e->wrap != NULL) {
            lua_pushinteger(L, e->context);
            lua_pushcclosure(L, e->wrap, 2);
        }
        ensure(!lua_isnil(L, -1));
        lua_setfield(L, -2, e->name);
    }
}

/* The stock string metatable has the arithmetic of "1" + 1. */
static void set_string_metatable(lua_State *L, int strings)
{
    static const char *const operators[] = {"__add", "__sub",  "__mul", "__mod", "__pow",
                                            "__div", "__idiv", "__unm", NULL};
    lua_pushliteral(L, "");
    ensure(lua_getmetatable(L, -1));
    lua_createtable(L, 0, 10);
    for (const char *const *name = operators; *name != NULL; name++) {
        lua_getfield(L, -2, *name);
        lua_pushcclosure(L, charged, 1);
        lua_setfield(L, -2, *name);
    }
    lua_pushvalue(L, strings);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -3);
    lua_pop(L, 2);
}

static const struct {
    const char *name;
    lua_CFunction open;
    const struct entry *entries;
} libraries[] = {
    {LUA_STRLIBNAME, luaopen_string, string_entries},
    {LUA_TABLIBNAME, luaopen_table, table_entries},
    {LUA_MATHLIBNAME, luaopen_math, math_entries},
    {LUA_UTF8LIBNAME, luaopen_utf8, utf8_entries},
    {LUA_OSLIBNAME, luaopen_os, os_entries},
};

/* Lua makes the metatable of its buffers' boxes with the first of them, and where memory ends in the middle of that
 * every later box fails. Here the whole VM would. */
static void make_first_box(lua_State *L)
{
    luaL_Buffer buffer;
    luaL_buffinitsize(L, &buffer, 2 * LUAL_BUFFERSIZE);
    luaL_pushresultsize(&buffer, 0);
    lua_pop(L, 1);
}

void library_open(lua_State *L)
{
    make_first_box(L);
    lua_createtable(L, 0, 32);
    int all = lua_gettop(L);
    luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
    lua_pushvalue(L, all);
    take(L, all + 1, base_entries);
    lua_settop(L, all);
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        luaL_requiref(L, libraries[i].name, libraries[i].open, 0);
        lua_newtable(L);
        take(L, all + 1, libraries[i].entries);
        if (libraries[i].open == luaopen_string)
            set_string_metatable(L, lua_gettop(L));
        lua_setfield(L, all, libraries[i].name);
        lua_settop(L, all);
    }
    lua_pushnil(L);
    lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
}
