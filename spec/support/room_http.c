/* wire/http for specs: heads as tables. Every call gets its bytes in memory of exactly their size.
 */
#include "base/memory.h"
#include "wire/http.h"

#include <lauxlib.h>
#include <stdlib.h>

static void set_slice(lua_State *L, const char *name, struct slice s)
{
    if (s.at == NULL)
        return;
    lua_pushlstring(L, s.at, s.len);
    lua_setfield(L, -2, name);
}

static void set_flag(lua_State *L, const char *name, bool flag)
{
    lua_pushboolean(L, flag);
    lua_setfield(L, -2, name);
}

static void set_integer(lua_State *L, const char *name, uint64_t n)
{
    lua_pushinteger(L, (lua_Integer)n);
    lua_setfield(L, -2, name);
}

static void push_refusal(lua_State *L, const struct http_refusal *refusal)
{
    lua_newtable(L);
    lua_pushstring(L, "bad");
    lua_setfield(L, -2, "step");
    set_integer(L, "status", (uint64_t)refusal->status);
    set_slice(L, "why", slice_of(refusal->why));
}

static void set_fields(lua_State *L, const struct http_head *head)
{
    lua_newtable(L);
    for (unsigned i = 0; i < head->field_count; i++) {
        lua_newtable(L);
        set_slice(L, "name", head->fields[i].name);
        set_slice(L, "value", head->fields[i].value);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "fields");
}

static void push_upgrade(lua_State *L, const struct http_head *head)
{
    struct http_upgrade upgrade;
    struct http_refusal refusal = {0};
    if (!http_check_upgrade(head, &upgrade, &refusal)) {
        push_refusal(L, &refusal);
        return;
    }
    lua_newtable(L);
    set_slice(L, "key", upgrade.key);
    set_slice(L, "protocols", upgrade.protocols);
}

static void push_head(lua_State *L, const struct http_head *head, size_t used)
{
    lua_newtable(L);
    lua_pushstring(L, "done");
    lua_setfield(L, -2, "step");
    set_integer(L, "used", used);
    set_slice(L, "method", head->method);
    set_slice(L, "target", head->target);
    set_slice(L, "path", head->path);
    set_slice(L, "query", head->query);
    set_slice(L, "host", head->host);
    set_integer(L, "minor", (uint64_t)head->minor);
    set_flag(L, "keep_alive", head->keep_alive);
    set_flag(L, "is_chunked", head->is_chunked);
    set_flag(L, "has_length", head->has_length);
    set_flag(L, "expects_continue", head->expects_continue);
    set_integer(L, "length", head->length);
    set_fields(L, head);
    set_flag(L, "wants_upgrade", http_wants_upgrade(head));
    push_upgrade(L, head);
    lua_setfield(L, -2, "upgrade");
}

static char *copy_arg(lua_State *L, int at, size_t *len)
{
    const char *text = luaL_checklstring(L, at, len);
    char *copy = xmalloc(*len ? *len : 1);
    memcpy(copy, text, *len);
    return copy;
}

/* parse(bytes) -> a table with step = "more", "bad" (status, why) or "done" (all of the head) */
static int parse(lua_State *L)
{
    size_t len, used;
    char *bytes = copy_arg(L, 1, &len);
    struct http_head head;
    struct http_refusal refusal = {0};
    enum http_step step = http_parse(slice_make(bytes, len), &head, &used, &refusal);
    if (step == HTTP_BAD)
        push_refusal(L, &refusal);
    if (step == HTTP_DONE)
        push_head(L, &head, used);
    if (step == HTTP_MORE) {
        lua_newtable(L);
        lua_pushstring(L, "more");
        lua_setfield(L, -2, "step");
    }
    free(bytes);
    return 1;
}

/* find(bytes, name) -> value or nil; has_token(bytes, name, token) -> boolean */
static int ask(lua_State *L, bool wants_token)
{
    size_t len, used;
    const char *name = luaL_checkstring(L, 2);
    const char *token = wants_token ? luaL_checkstring(L, 3) : NULL;
    char *bytes = copy_arg(L, 1, &len);
    struct http_head head;
    struct http_refusal refusal;
    ensure(http_parse(slice_make(bytes, len), &head, &used, &refusal) == HTTP_DONE);
    const struct slice *value = http_find(&head, name);
    if (wants_token)
        lua_pushboolean(L, http_has_token(&head, name, token));
    else if (value == NULL)
        lua_pushnil(L);
    else
        lua_pushlstring(L, value->at, value->len);
    free(bytes);
    return 1;
}

static int find(lua_State *L)
{
    return ask(L, false);
}

static int has_token(lua_State *L)
{
    return ask(L, true);
}

/* query(query, name) -> decoded value or nil */
static int query(lua_State *L)
{
    size_t len;
    const char *name = luaL_checkstring(L, 2);
    char *bytes = copy_arg(L, 1, &len);
    struct buf out = {0};
    if (http_query(slice_make(bytes, len), name, &out))
        lua_pushlstring(L, buf_text(&out), out.len);
    else
        lua_pushnil(L);
    ensure(!lua_isnil(L, -1) || out.len == 0);
    buf_finish(&out);
    free(bytes);
    return 1;
}

static int status_text(lua_State *L)
{
    lua_pushstring(L, http_status_text((int)luaL_checkinteger(L, 1)));
    return 1;
}

static const luaL_Reg functions[] = {{"parse", parse},
                                     {"find", find},
                                     {"has_token", has_token},
                                     {"query", query},
                                     {"status_text", status_text},
                                     {NULL, NULL}};

int luaopen_room_http(lua_State *L);
int luaopen_room_http(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
