/* rule/schema for specs. */
#include "rule/schema.h"
#include "wire/json.h"

#include <lauxlib.h>

enum { DOCUMENTS_MAX = 256 };

static struct slice check_slice(lua_State *L, int at)
{
    struct slice s;
    s.at = luaL_checklstring(L, at, &s.len);
    return s;
}

static bool get_flag(lua_State *L, const char *name, bool usual)
{
    lua_getfield(L, 2, name);
    bool flag = lua_isnil(L, -1) ? usual : lua_toboolean(L, -1);
    lua_pop(L, 1);
    return flag;
}

/* The documents of the options, { [uri] = text }, into `out`; they stay in the table. */
static unsigned read_documents(lua_State *L, struct schema_document *out)
{
    unsigned count = 0;
    lua_getfield(L, 2, "documents");
    if (!lua_istable(L, -1))
        return 0;
    lua_pushnil(L);
    while (lua_next(L, -2) != 0 && count < DOCUMENTS_MAX) {
        out[count].uri = check_slice(L, -2);
        out[count++].text = check_slice(L, -1);
        lua_pop(L, 1);
    }
    return count;
}

/* new(text, { strict, formats, documents = { [uri] = text } }): a schema, or nil and the reason. */
static int new (lua_State *L)
{
    struct schema_document documents[DOCUMENTS_MAX];
    struct schema_options options = SCHEMA_OPTIONS_DEFAULT;
    struct error err = {0};
    struct slice text = check_slice(L, 1);
    bool has_options = lua_istable(L, 2);
    if (has_options) {
        options.is_strict = get_flag(L, "strict", true);
        options.asserts_formats = get_flag(L, "formats", true);
        options.documents = documents;
        options.document_count = read_documents(L, documents);
    }
    struct schema **schema = lua_newuserdatauv(L, sizeof *schema, 0);
    *schema = NULL;
    luaL_setmetatable(L, "room.schema");
    *schema = schema_compile(text, has_options ? &options : NULL, &err);
    if (*schema != NULL)
        return 1;
    lua_pushnil(L);
    lua_pushstring(L, err.text);
    return 2;
}

static void push_fault(lua_State *L, const struct schema_fault *fault)
{
    lua_createtable(L, 0, 5);
    lua_pushstring(L, fault->pointer);
    lua_setfield(L, -2, "pointer");
    lua_pushstring(L, fault->keyword);
    lua_setfield(L, -2, "keyword");
    lua_pushstring(L, fault->expected);
    lua_setfield(L, -2, "expected");
    lua_pushstring(L, fault->got);
    lua_setfield(L, -2, "got");
    lua_pushboolean(L, fault->is_limit);
    lua_setfield(L, -2, "is_limit");
}

/* check(json): true; or false, the sentence and the fault in parts. */
static int check(lua_State *L)
{
    struct schema **schema = luaL_checkudata(L, 1, "room.schema");
    struct slice json = check_slice(L, 2);
    const struct json_limits limits = {.depth = 1024, .keys = 1 << 20};
    struct json_fault bad;
    struct schema_fault fault;
    luaL_argcheck(L, json_check(json, &limits, &bad), 2, "is not JSON");
    bool fits = schema_check(*schema, json, &fault);
    bool again = schema_check(*schema, json, NULL);
    luaL_argcheck(L, fits == again, 2, "fits only sometimes");
    lua_pushboolean(L, fits);
    if (fits)
        return 1;
    struct buf text = {0};
    schema_explain(&fault, &text);
    lua_pushlstring(L, text.at, text.len);
    buf_finish(&text);
    push_fault(L, &fault);
    return 3;
}

static int finish(lua_State *L)
{
    struct schema **schema = luaL_checkudata(L, 1, "room.schema");
    schema_destroy(*schema);
    *schema = NULL;
    return 0;
}

static const luaL_Reg methods[] = {{"check", check}, {"__gc", finish}, {NULL, NULL}};

int luaopen_room_schema(lua_State *L);
int luaopen_room_schema(lua_State *L)
{
    luaL_newmetatable(L, "room.schema");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, new);
    lua_setfield(L, -2, "new");
    return 1;
}
