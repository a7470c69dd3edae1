#include "test/binding.h"

#include <lauxlib.h>

#include "base/duration.h"
#include "base/memory.h"
#include "script/codec.h"
#include "test/world.h"
#include "wire/json.h"

/* What Lua holds. A guest's and an asked's first user value is its world's. */
struct world_handle {
    struct world *world; /* NULL: finished */
};
struct guest_handle {
    struct world_handle *of;
    struct guest *guest;
};
struct asked {
    struct api_request *request; /* NULL: answered */
    struct buf body;
};

enum { HEADERS_MAX = 16 };

static struct world *check_world(lua_State *L)
{
    struct world_handle *handle = luaL_checkudata(L, 1, "weir.world");
    luaL_argcheck(L, handle->world != NULL, 1, "this scene is closed");
    return handle->world;
}

static struct guest *check_guest(lua_State *L)
{
    struct guest_handle *handle = luaL_checkudata(L, 1, "weir.guest");
    luaL_argcheck(L, handle->of->world != NULL, 1, "this client's scene is closed");
    luaL_argcheck(L, handle->guest != NULL, 1, "this client has left");
    return handle->guest;
}

static struct slice check_slice(lua_State *L, int at)
{
    struct slice text;
    text.at = luaL_checklstring(L, at, &text.len);
    return text;
}

static int push_buf(lua_State *L, struct buf *text)
{
    lua_pushlstring(L, text->at, text->len);
    buf_finish(text);
    return 1;
}

/* The table below it on the stack keeps the text. */
static struct slice get_text(lua_State *L, int table, const char *name, const char *otherwise)
{
    struct slice text = slice_of(otherwise);
    if (lua_getfield(L, table, name) == LUA_TSTRING)
        text.at = lua_tolstring(L, -1, &text.len);
    lua_pop(L, 1);
    return text;
}

/* ---- the world ---- */

static int new_world(lua_State *L)
{
    const struct config *config = lua_touserdata(L, lua_upvalueindex(1));
    struct world_handle *handle = lua_newuserdatauv(L, sizeof *handle, 0);
    handle->world = NULL;
    luaL_setmetatable(L, "weir.world");
    handle->world = world_create(config, lua_touserdata(L, lua_upvalueindex(2)));
    return 1;
}

static int finish_world(lua_State *L)
{
    struct world_handle *handle = luaL_checkudata(L, 1, "weir.world");
    world_destroy(handle->world);
    handle->world = NULL;
    return 0;
}

static void push_problems(lua_State *L, struct problems *problems)
{
    lua_createtable(L, (int)problems->count, 0);
    for (unsigned i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->all[i];
        lua_createtable(L, 0, 4);
        lua_pushstring(L, problem->file);
        lua_setfield(L, -2, "file");
        lua_pushinteger(L, problem->line);
        lua_setfield(L, -2, "line");
        lua_pushstring(L, problem->source);
        lua_setfield(L, -2, "source");
        lua_pushstring(L, problem->reason);
        lua_setfield(L, -2, "reason");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    problems_finish(problems);
}

/* load(folder) -> the generation in force; or nil, problems */
static int load(lua_State *L)
{
    struct world *world = check_world(L);
    struct problems problems = {0};
    if (!world_load(world, luaL_checkstring(L, 2), &problems)) {
        lua_pushnil(L);
        push_problems(L, &problems);
        return 2;
    }
    lua_pushinteger(L, world->sets[world->set_count - 1]->generation.number);
    return 1;
}

/* measure(names): the files that stand as on disk */
static int measure(lua_State *L)
{
    struct world *world = check_world(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    world_measure_nothing(world);
    for (lua_Integer i = 1; lua_rawgeti(L, 2, i) == LUA_TSTRING; i++) {
        world_measure(world, check_slice(L, -1));
        lua_pop(L, 1);
    }
    return 0;
}

static int settle(lua_State *L)
{
    world_settle(check_world(L));
    return 0;
}

static int pass(lua_State *L)
{
    struct world *world = check_world(L);
    lua_Integer ms = luaL_checkinteger(L, 2);
    luaL_argcheck(L, ms >= 0, 2, "time goes forward");
    lua_pushinteger(L, (lua_Integer)world_pass(world, (uint64_t)ms));
    return 1;
}

/* refuse([from, to]) -> how often memory was asked for since the last: of what is asked now, from one to before another */
static int refuse(lua_State *L)
{
    struct world *world = check_world(L);
    uint64_t asked = world->growths;
    world->growths = 0;
    world->refused_from = (uint64_t)luaL_optinteger(L, 2, 0);
    world->refused_to = (uint64_t)luaL_optinteger(L, 3, 0);
    lua_pushinteger(L, (lua_Integer)asked);
    return 1;
}

static int now(lua_State *L)
{
    lua_pushinteger(L, check_world(L)->clock.unix_ms);
    return 1;
}

static int sign(lua_State *L)
{
    struct world *world = check_world(L);
    struct slice claims = check_slice(L, 2);
    struct buf token = {0};
    world_sign(world, claims, &token);
    return push_buf(L, &token);
}

static int read_log(lua_State *L)
{
    struct world *world = check_world(L);
    struct buf lines = {0};
    world_take_log(world, &lines);
    return push_buf(L, &lines);
}

/* ---- the server API ---- */

static void on_answer(void *context, int status, struct slice body)
{
    struct asked *asked = context;
    (void)status;
    buf_add_slice(&asked->body, body);
}

/* ask(method, body) -> a question */
static int ask(lua_State *L)
{
    struct world *world = check_world(L);
    struct slice method = check_slice(L, 2), body = check_slice(L, 3);
    struct asked *asked = lua_newuserdatauv(L, sizeof *asked, 1);
    *asked = (struct asked){0};
    luaL_setmetatable(L, "weir.asked");
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    api_handle(world->hub, &world->host, method, body, on_answer, asked, &asked->request);
    world_settle(world);
    return 1;
}

/* answer() -> the body, or nil while there is none */
static int answer(lua_State *L)
{
    struct asked *asked = luaL_checkudata(L, 1, "weir.asked");
    if (asked->request != NULL)
        return 0;
    lua_pushlstring(L, asked->body.at, asked->body.len);
    return 1;
}

static int finish_asked(lua_State *L)
{
    struct asked *asked = luaL_checkudata(L, 1, "weir.asked");
    lua_getiuservalue(L, 1, 1);
    const struct world_handle *of = lua_touserdata(L, -1);
    if (asked->request != NULL && of->world != NULL)
        api_abandon(asked->request);
    buf_finish(&asked->body);
    return 0;
}

/* ---- other servers ---- */

static void set_buf(lua_State *L, const char *name, const struct buf *text)
{
    lua_pushlstring(L, text->len ? text->at : "", text->len);
    lua_setfield(L, -2, name);
}

/* errand() -> { number, method, url, headers, body } that a hook asks and this did not tell before, or nil */
static int next_errand(lua_State *L)
{
    struct errand *errand = world_next_errand(check_world(L));
    if (errand == NULL)
        return 0;
    errand->is_seen = true;
    lua_createtable(L, 0, 5);
    lua_pushinteger(L, (lua_Integer)errand->number);
    lua_setfield(L, -2, "number");
    set_buf(L, "method", &errand->method);
    set_buf(L, "url", &errand->url);
    set_buf(L, "headers", &errand->headers);
    if (errand->has_body)
        set_buf(L, "body", &errand->body);
    return 1;
}

static struct slice get_own(lua_State *L, int table, const char *name)
{
    struct slice text = SLICE("");
    if (lua_getfield(L, table, name) == LUA_TSTRING)
        text.at = lua_tolstring(L, -1, &text.len);
    return text; /* stays on the stack */
}

/* answer_errand(number, { status, body, names, values }), or (number, nil, why): it failed */
static int answer_errand(lua_State *L)
{
    struct world *world = check_world(L);
    struct errand *errand = world_find_errand(world, (uint64_t)luaL_checkinteger(L, 2));
    struct fetch_header headers[FETCH_HEADERS_MAX];
    struct fetch_answer answer = {.headers = headers};
    struct error err;
    if (errand == NULL)
        return 0;
    luaL_checkstack(L, 2 * FETCH_HEADERS_MAX + 10, NULL);
    if (!lua_istable(L, 3)) {
        fail(&err, ERROR_UPSTREAM, "%s %s: %s", buf_text(&errand->method), buf_text(&errand->url),
             luaL_checkstring(L, 4));
        errand_answer(errand, NULL, &err);
        world_settle(world);
        return 0;
    }
    lua_getfield(L, 3, "status");
    answer.status = (unsigned)luaL_checkinteger(L, -1);
    answer.body = get_own(L, 3, "body");
    lua_getfield(L, 3, "names");
    lua_getfield(L, 3, "values");
    int names = lua_gettop(L) - 1, count = (int)lua_rawlen(L, -1);
    for (int i = 0; i < count && i < FETCH_HEADERS_MAX; i++, answer.header_count++) {
        lua_rawgeti(L, names, i + 1);
        headers[i].name.at = luaL_checklstring(L, -1, &headers[i].name.len);
        lua_rawgeti(L, names + 1, i + 1);
        headers[i].value.at = luaL_checklstring(L, -1, &headers[i].value.len);
    }
    errand_answer(errand, &answer, NULL);
    world_settle(world);
    return 0;
}

/* ---- guests ---- */

static unsigned get_headers(lua_State *L, int table, struct request_header headers[HEADERS_MAX])
{
    unsigned count = 0;
    if (lua_getfield(L, table, "headers") == LUA_TTABLE)
        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
            struct request_header *header = &headers[count++];
            if (lua_type(L, -2) != LUA_TSTRING || !lua_isstring(L, -1) || count == HEADERS_MAX)
                luaL_error(L, "headers are fewer than %d texts by name", HEADERS_MAX);
            header->name.at = lua_tolstring(L, -2, &header->name.len);
            header->value.at = lua_tolstring(L, -1, &header->value.len);
        }
    lua_pop(L, 1);
    return count;
}

/* guest{ip, headers, brings_token} */
static int new_guest(lua_State *L)
{
    struct world *world = check_world(L);
    struct request_header headers[HEADERS_MAX];
    luaL_checktype(L, 2, LUA_TTABLE);
    struct visit visit = {.ip = get_text(L, 2, "ip", "127.0.0.1"),
                          .as = SLICE(""),
                          .roles = SLICE(""),
                          .headers = headers,
                          .header_count = get_headers(L, 2, headers)};
    struct guest_handle *handle = lua_newuserdatauv(L, sizeof *handle, 1);
    *handle = (struct guest_handle){.of = lua_touserdata(L, 1)};
    luaL_setmetatable(L, "weir.guest");
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    handle->guest = guest_create(world, &visit);
    lua_getfield(L, 2, "brings_token");
    handle->guest->brings_token = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return 1;
}

/* say(line): and the world settles */
static int say(lua_State *L)
{
    struct guest *guest = check_guest(L);
    guest_say(guest, check_slice(L, 2));
    world_settle(guest->world);
    return 0;
}

/* take() -> what it has heard since, lines of JSON */
static int take(lua_State *L)
{
    return push_buf(L, &check_guest(L)->heard);
}

static int set_stuck(lua_State *L)
{
    struct guest *guest = check_guest(L);
    guest->is_stuck = lua_toboolean(L, 2);
    world_settle(guest->world);
    return 0;
}

static int leave(lua_State *L)
{
    struct guest *guest = check_guest(L);
    struct world *world = guest->world;
    ((struct guest_handle *)lua_touserdata(L, 1))->guest = NULL;
    guest_destroy(guest);
    world_settle(world);
    return 0;
}

/* ---- values ---- */

/* encode(value, name for errors) */
static int encode(lua_State *L)
{
    struct buf json = {0};
    struct error err;
    if (codec_encode(L, 1, luaL_optstring(L, 2, "value"), &CODEC_LIMITS_DEFAULT, &json, &err))
        return push_buf(L, &json);
    buf_finish(&json);
    return luaL_error(L, "%s", err.text);
}

static int decode(lua_State *L)
{
    struct slice json = check_slice(L, 1);
    struct json_limits limits = {.depth = 1000, .keys = UINT32_MAX};
    struct json_fault fault;
    struct error err;
    if (!json_check(json, &limits, &fault))
        return luaL_error(L, "not JSON, at byte %d: %s", (int)fault.at, fault.why);
    if (!codec_push(L, json, &err))
        return luaL_error(L, "%s", err.text);
    return 1;
}

/* covered(name) -> { [line] = true } */
static int covered(lua_State *L)
{
    struct coverage *coverage = lua_touserdata(L, lua_upvalueindex(1));
    const struct covered_file *file = map_find(&coverage->files, check_slice(L, 1));
    lua_newtable(L);
    for (size_t line = 1; file != NULL && line < file->room; line++)
        if (file->lines[line]) {
            lua_pushboolean(L, 1);
            lua_rawseti(L, -2, (lua_Integer)line);
        }
    return 1;
}

static int array(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    codec_mark_array(L, 1);
    return 1;
}

static int duration(lua_State *L)
{
    int64_t ms;
    if (!duration_parse(check_slice(L, 1), &ms))
        return 0;
    lua_pushinteger(L, ms);
    return 1;
}

static void make_class(lua_State *L, const char *name, const luaL_Reg *methods)
{
    luaL_newmetatable(L, name);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

void binding_push(lua_State *L, const struct config *config, struct coverage *coverage)
{
    static const luaL_Reg world_methods[] = {
        {"load", load},       {"measure", measure},     {"settle", settle},     {"pass", pass},
        {"now", now},         {"sign", sign},           {"log", read_log},      {"ask", ask},
        {"refuse", refuse}, {"errand", next_errand}, {"answer_errand", answer_errand},
        {"guest", new_guest}, {"finish", finish_world}, {"__gc", finish_world}, {NULL, NULL}};
    static const luaL_Reg guest_methods[] = {
        {"say", say}, {"take", take}, {"stuck", set_stuck}, {"leave", leave}, {NULL, NULL}};
    static const luaL_Reg asked_methods[] = {
        {"answer", answer}, {"__gc", finish_asked}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"encode", encode},
                                         {"decode", decode},
                                         {"array", array},
                                         {"duration", duration},
                                         {NULL, NULL}};
    codec_open(L);
    make_class(L, "weir.world", world_methods);
    make_class(L, "weir.guest", guest_methods);
    make_class(L, "weir.asked", asked_methods);
    luaL_newlib(L, functions);
    lua_pushlightuserdata(L, (void *)config);
    lua_pushlightuserdata(L, coverage);
    lua_pushcclosure(L, new_world, 2);
    lua_setfield(L, -2, "new");
    if (coverage != NULL) {
        lua_pushlightuserdata(L, coverage);
        lua_pushcclosure(L, covered, 1);
        lua_setfield(L, -2, "covered");
    }
    codec_push_null(L);
    lua_setfield(L, -2, "null");
}
