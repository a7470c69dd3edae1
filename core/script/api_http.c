#include "script/api.h"

#include <string.h>

#include <lauxlib.h>

#include "script/codec.h"
#include "script/sandbox.h"
#include "script/task.h"
#include "wire/json.h"

enum { TIMEOUT_MAX_MS = 3600 * 1000 };

static const char response_key = 0;
static const char *const names[] = {"url",  "method",  "headers",   "body",
                                    "json", "timeout", "redirects", NULL};

/* ---- what came ---- */

struct got {
    const struct fetch_answer *answer;
    const struct error *err;
};

/* res:json() */
static int read_json(lua_State *L)
{
    struct json_fault fault;
    struct error err;
    struct slice body;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_getfield(L, 1, "body");
    body.at = luaL_checklstring(L, -1, &body.len);
    vm_charge(L, body.len);
    if (!json_check(body, &JSON_LIMITS_DEFAULT, &fault))
        return luaL_error(L, "res:json(): not JSON, at byte %I: %s", (lua_Integer)fault.at + 1,
                          fault.why);
    if (!codec_push(L, body, &err))
        return luaL_error(L, "res:json(): %s", err.text);
    return 1;
}

static void push_headers(lua_State *L, const struct fetch_answer *answer)
{
    lua_createtable(L, 0, (int)answer->header_count);
    for (size_t i = 0; i < answer->header_count; i++) {
        const struct fetch_header *header = &answer->headers[i];
        lua_pushlstring(L, header->name.at, header->name.len);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, -3) == LUA_TSTRING) { /* said twice: as HTTP joins them */
            lua_pushliteral(L, ", ");
            lua_pushlstring(L, header->value.len ? header->value.at : "", header->value.len);
            lua_concat(L, 3);
        } else {
            lua_pop(L, 1);
            lua_pushlstring(L, header->value.len ? header->value.at : "", header->value.len);
        }
        lua_rawset(L, -3);
    }
}

static int answered(lua_State *L, int status, lua_KContext context)
{
    const struct got *got = ((struct task *)context)->got;
    (void)status;
    if (got->err != NULL)
        return luaL_error(
            L, got->err->code == ERROR_PERMISSION_DENIED ? "http: %s (--http-allow)" : "http: %s",
            got->err->text);
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, got->answer->status);
    lua_setfield(L, -2, "status");
    lua_pushboolean(L, got->answer->status >= 200 && got->answer->status < 300);
    lua_setfield(L, -2, "ok");
    push_headers(L, got->answer);
    lua_setfield(L, -2, "headers");
    vm_charge(L, got->answer->body.len);
    lua_pushlstring(L, got->answer->body.len ? got->answer->body.at : "", got->answer->body.len);
    lua_setfield(L, -2, "body");
    lua_rawgetp(L, LUA_REGISTRYINDEX, &response_key);
    lua_setmetatable(L, -2);
    return 1;
}

static void count(const struct task *task, const struct error *err)
{
    enum counter what = STAT_HTTP_ANSWERED;
    struct stats *stats = task->terms.services->stats;
    switch (err != NULL ? err->code : 0) {
    case 0:
        break;
    case ERROR_PERMISSION_DENIED:
        what = STAT_HTTP_NOT_ALLOWED;
        break;
    case ERROR_OVERLOADED:
        what = STAT_HTTP_OVERLOADED;
        break;
    case ERROR_TOO_LARGE:
        what = STAT_HTTP_TOO_LARGE;
        break;
    case ERROR_TIMED_OUT:
        what = STAT_HTTP_TIMED_OUT;
        break;
    case ERROR_BAD_REQUEST:
        what = STAT_HTTP_BAD_REQUEST;
        break;
    default:
        what = STAT_HTTP_UPSTREAM;
        break;
    }
    stats_add(stats, what, 1);
    stats_add(stats, STAT_HTTP_PENDING, -1);
}

static void on_done(void *context, const struct fetch_answer *answer, const struct error *err)
{
    struct task *task = context;
    struct got got = {answer, err};
    count(task, err);
    task->got = &got;
    task_wake(task);
}

static void cancel(struct task *task)
{
    stats_add(task->terms.services->stats, STAT_HTTP_GIVEN_UP, 1);
    stats_add(task->terms.services->stats, STAT_HTTP_PENDING, -1);
    task->terms.services->asking.cancel(task->source);
}

/* ---- what is asked: the options are at index 2, url at 1 ---- *
 *
 * Options may have metamethods, which can do anything: nothing of Lua's may run between the reading
 * of headers, which nobody but their table keeps, and the start. */

struct asked {
    struct fetch_request request;
    struct fetch_header headers[FETCH_HEADERS_MAX + 1];
    bool has_type;
};

/* The table's, or nil's. */
static void read_headers(lua_State *L, int index, struct asked *asked)
{
    if (lua_isnil(L, index))
        return;
    luaL_checktype(L, index, LUA_TTABLE);
    lua_pushnil(L);
    for (; lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "http: headers are names and texts, such as { accept = \"text/plain\" }");
        if (asked->request.header_count == FETCH_HEADERS_MAX)
            luaL_error(L, "http: at most %d headers", FETCH_HEADERS_MAX);
        struct fetch_header *header = &asked->headers[asked->request.header_count++];
        header->name.at = lua_tolstring(L, -2, &header->name.len);
        header->value.at = lua_tolstring(L, -1, &header->value.len);
        asked->has_type |= strcasecmp(lua_tostring(L, -2), "content-type") == 0;
    }
}

/* Then the headers, since `json` may add one. */
static void read_body_and_headers(lua_State *L, struct asked *asked)
{
    lua_getfield(L, 2, "headers");
    int headers = lua_gettop(L);
    bool has_json = lua_getfield(L, 2, "json") != LUA_TNIL;
    if (lua_getfield(L, 2, "body") != LUA_TNIL) {
        if (has_json)
            luaL_error(L, "http: `body` and `json` exclude each other");
        asked->request.body.at = luaL_checklstring(L, -1, &asked->request.body.len);
    }
    if (has_json)
        asked->request.body = api_encode(L, headers + 1, "http: json");
    read_headers(L, headers, asked);
    if (has_json && !asked->has_type)
        asked->headers[asked->request.header_count++] =
            (struct fetch_header){SLICE("content-type"), SLICE("application/json")};
}

/* Half of the hook's, so that who does not answer leaves it time to say so. A longer one than the
 * hook's ends with it. */
static unsigned read_timeout(lua_State *L, const struct task *task)
{
    int64_t ms =
        api_get_duration(L, 2, "http: timeout", "timeout", (int64_t)task->terms.limit_ms / 2 + 1);
    return (unsigned)(ms < TIMEOUT_MAX_MS ? ms : TIMEOUT_MAX_MS);
}

static unsigned read_redirects(lua_State *L)
{
    if (lua_getfield(L, 2, "redirects") == LUA_TNIL)
        return 0;
    lua_Integer redirects = luaL_checkinteger(L, -1);
    if (redirects < 0 || redirects > FETCH_REDIRECTS_MAX)
        luaL_error(L, "http: redirects is from 0 to %d", FETCH_REDIRECTS_MAX);
    return (unsigned)redirects;
}

static void read_options(lua_State *L, const struct task *task, struct asked *asked)
{
    api_check_names(L, 2, "http", names);
    asked->request.url.at = luaL_checklstring(L, 1, &asked->request.url.len);
    asked->request.headers = asked->headers;
    asked->request.timeout_ms = read_timeout(L, task);
    if (!lua_istable(L, 2))
        return;
    if (lua_getfield(L, 2, "method") != LUA_TNIL)
        asked->request.method.at = luaL_checklstring(L, -1, &asked->request.method.len);
    asked->request.redirects = read_redirects(L);
    read_body_and_headers(L, asked);
}

static int ask(lua_State *L, struct slice method)
{
    struct asked asked = {.request.method = method};
    struct task *task = task_check_wait(L, "http");
    read_options(L, task, &asked);
    const struct asking *asking = &task->terms.services->asking;
    task->source = asking->start(asking->context, &asked.request, on_done, task);
    if (task->source == NULL)
        return luaL_error(L, "http: this server is shutting down");
    stats_add(task->terms.services->stats, STAT_HTTP_PENDING, 1);
    return task_wait(L, "http", cancel, answered);
}

static int get(lua_State *L)
{
    return ask(L, SLICE("GET"));
}

static int post(lua_State *L)
{
    return ask(L, SLICE("POST"));
}

/* request { url, method, ... } */
static int request(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_getfield(L, 1, "url");
    lua_insert(L, 1);
    return ask(L, SLICE(""));
}

void api_http_open(lua_State *L)
{
    static const luaL_Reg all[] = {
        {"get", get}, {"post", post}, {"request", request}, {NULL, NULL}};
    lua_createtable(L, 0, 2);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, read_json);
    lua_setfield(L, -2, "json");
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &response_key);
    luaL_newlib(L, all);
    sandbox_add(L, "http", true);
}
