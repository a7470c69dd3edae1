#include "script/connect.h"

#include <string.h>

#include <lauxlib.h>

#include "base/memory.h"
#include "base/suggest.h"
#include "script/api.h"
#include "script/codec.h"
#include "script/hook.h"
#include "wire/json.h"

struct ask {
    struct task task; /* first: this is freed as one */
    struct connect_call *call;
    /* where in call->out the pieces are: it may move until the last is in */
    struct piece {
        bool is_given;
        size_t at, len;
    } user, roles, claims, info;
};

/* ---- the question ---- */

static void set_text(lua_State *L, const char *name, struct slice text)
{
    lua_pushlstring(L, text.len > 0 ? text.at : "", text.len);
    lua_setfield(L, -2, name);
}

static void set_json(lua_State *L, const struct ask *ask, const char *name, struct slice json)
{
    struct error err;
    if (json.at == NULL)
        return;
    if (!codec_push(L, json, &err)) {
        fail(ask->task.running.error, ERROR_BAD_REQUEST, "%s: %s", name, err.text);
        vm_leave(L);
    }
    lua_setfield(L, -2, name);
}

static void set_headers(lua_State *L, const struct connect_call *call)
{
    luaL_Buffer name;
    lua_createtable(L, 0, (int)call->header_count);
    for (unsigned i = 0; i < call->header_count; i++) {
        const struct request_header *header = &call->headers[i];
        char *to = luaL_buffinitsize(L, &name, header->name.len);
        for (size_t at = 0; at < header->name.len; at++) {
            char byte = header->name.at[at];
            to[at] = byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
        }
        luaL_pushresultsize(&name, header->name.len);
        lua_pushlstring(L, header->value.len > 0 ? header->value.at : "", header->value.len);
        lua_rawset(L, -3);
    }
    lua_setfield(L, -2, "headers");
}

static void push_request(lua_State *L, const struct ask *ask)
{
    const struct connect_call *call = ask->call;
    lua_createtable(L, 0, 8);
    if (call->token.len > 0)
        set_text(L, "token", call->token);
    set_text(L, "user", call->facts.user);
    set_text(L, "ip", call->facts.ip);
    set_json(L, ask, "claims", call->facts.claims);
    set_json(L, ask, "roles", call->facts.roles);
    set_json(L, ask, "data", call->data);
    set_headers(L, call);
}

/* ---- the answer: the table on top ---- */

/* Appends the field as JSON if it is there; leaves nothing on the stack. */
static void take_json(lua_State *L, struct ask *ask, const char *name, struct piece *piece)
{
    struct error err;
    struct buf *out = &ask->call->out;
    if (lua_getfield(L, -1, name) != LUA_TNIL) {
        piece->at = out->len;
        if (!codec_encode(L, -1, name, &CODEC_LIMITS_DEFAULT, out, &err))
            luaL_error(L, "on_connect returned a bad identity: %s", err.text);
        piece->len = out->len - piece->at;
        piece->is_given = true;
    }
    lua_pop(L, 1);
}

static void take_user(lua_State *L, struct ask *ask)
{
    size_t len;
    int type = lua_getfield(L, -1, "user");
    if (type != LUA_TNIL && type != LUA_TSTRING)
        luaL_error(L, "on_connect: `user` is a string (got %s)%s", luaL_typename(L, -1),
                   type == LUA_TNUMBER ? ": write tostring(...)" : "");
    if (type == LUA_TSTRING) {
        const char *text = lua_tolstring(L, -1, &len);
        if (!utf8_is_valid(slice_make(text, len)))
            luaL_error(L, "on_connect: `user` is not valid UTF-8");
        ask->user = (struct piece){true, ask->call->out.len, len};
        buf_add(&ask->call->out, text, len);
    }
    lua_pop(L, 1);
}

static void check_roles(lua_State *L)
{
    int type = lua_getfield(L, -1, "roles");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_error(L, "on_connect: `roles` is a list of strings (got %s)", luaL_typename(L, -1));
    if (type == LUA_TTABLE) {
        lua_pushnil(L);
        for (; lua_next(L, -2); lua_pop(L, 1))
            if (!lua_isinteger(L, -2) || lua_type(L, -1) != LUA_TSTRING)
                luaL_error(L, "on_connect: `roles` is a list of strings");
    }
    lua_pop(L, 1);
}

static void check_claims(lua_State *L)
{
    int type = lua_getfield(L, -1, "claims");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_error(L, "on_connect: `claims` is a table (got %s)", luaL_typename(L, -1));
    if (type == LUA_TTABLE && lua_rawlen(L, -1) > 0)
        luaL_error(L, "on_connect: `claims` is a table with names, not a list");
    lua_pop(L, 1);
}

static void take_expires(lua_State *L, struct ask *ask)
{
    int is_whole;
    if (lua_getfield(L, -1, "expires") != LUA_TNIL) {
        lua_Integer at = lua_tointegerx(L, -1, &is_whole);
        if (!is_whole || lua_type(L, -1) != LUA_TNUMBER || at < 0)
            luaL_error(L, "on_connect: `expires` is a time in Unix seconds, a whole number "
                          "(os.time() + 3600)");
        ask->call->who.expires = at;
    }
    lua_pop(L, 1);
}

static void check_names(lua_State *L)
{
    static const char *const names[] = {"user", "roles", "claims", "info", "expires", NULL};
    lua_pushnil(L);
    for (; lua_next(L, -2); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "[number]";
        const char *const *known = names;
        while (*known != NULL && strcmp(*known, name) != 0)
            known++;
        if (*known != NULL)
            continue;
        if (strcmp(name, "channels") == 0)
            luaL_error(L, "on_connect: `channels` is not available in this version");
        const char *near = suggest(slice_of(name), names);
        luaL_error(L,
                   near ? "on_connect: an identity has no `%s`: did you mean `%s`?"
                        : "on_connect: an identity has no `%s`",
                   name, near);
    }
}

static void take_slice(const struct buf *out, const struct piece *piece, struct slice *fact)
{
    if (piece->is_given)
        *fact = slice_make(out->at + piece->at, piece->len);
}

/* A field that is not there stays what the token or dev mode said. */
static void take_identity(lua_State *L, struct ask *ask)
{
    struct connect_call *call = ask->call;
    call->who = call->facts;
    check_names(L);
    check_roles(L);
    check_claims(L);
    take_user(L, ask);
    take_json(L, ask, "roles", &ask->roles);
    take_json(L, ask, "claims", &ask->claims);
    take_json(L, ask, "info", &ask->info);
    take_expires(L, ask);
    take_slice(&call->out, &ask->user, &call->who.user);
    take_slice(&call->out, &ask->roles, &call->who.roles);
    take_slice(&call->out, &ask->claims, &call->who.claims);
    take_slice(&call->out, &ask->info, &call->who.info);
    if (slice_is(call->who.roles, "{}")) /* an empty table could be either */
        call->who.roles = SLICE("[]");
    if (slice_is(call->who.claims, "[]"))
        call->who.claims = SLICE("{}");
    call->verdict = VERDICT_REPLACE;
}

static int end_connect(lua_State *L, int status, lua_KContext context)
{
    struct ask *ask = (struct ask *)context;
    (void)status;
    if (lua_istable(L, -1)) {
        take_identity(L, ask);
    } else if (!lua_toboolean(L, -1)) {
        fail_code(ask->task.running.error, ERROR_PERMISSION_DENIED);
        vm_leave(L);
    } else if (lua_isboolean(L, -1)) {
        ask->call->verdict = VERDICT_ACCEPT;
    } else {
        luaL_error(L,
                   "on_connect returns an identity such as { user = \"ann\" }, true or nothing "
                   "(got %s)",
                   luaL_typename(L, -1));
    }
    return 0;
}

static int run_connect(lua_State *L)
{
    struct ask *ask = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, ask->task.running.program->server[SERVER_CONNECT].ref);
    push_request(L, ask);
    lua_callk(L, 1, 1, (lua_KContext)ask, end_connect);
    return end_connect(L, LUA_OK, (lua_KContext)ask);
}

static void answer_in(struct ask *ask, struct connect_call *call)
{
    ask->call = call;
    ask->task.running.effects = &call->effects;
    ask->task.running.error = &call->error;
}

struct connect_call *connect_call_of(struct task *task)
{
    return ((struct ask *)task)->call;
}

void connect_keep(struct task *task, struct connect_call *call)
{
    answer_in((struct ask *)task, call);
}

static void conclude(struct task *task, struct vm_outcome *outcome)
{
    struct program *program = task->running.program;
    if (outcome->end == VM_LEFT)
        ((struct ask *)task)->call->verdict = VERDICT_REFUSE;
    lua_rawgeti(vm_state(program->vm), LUA_REGISTRYINDEX, program->server[SERVER_CONNECT].ref);
    hook_note_place(program, "on_connect", outcome);
}

struct task *connect_run(struct program *program, const struct task_terms *terms,
                         struct connect_call *call, struct vm_outcome *outcome)
{
    struct ask *ask = xcalloc(1, sizeof *ask);
    ask->task.running = (struct running){
        .program = program, .hook = "on_connect", .generation = terms->generation};
    ask->task.terms = *terms;
    ask->task.conclude = conclude;
    answer_in(ask, call);
    return task_begin(&ask->task, run_connect, outcome);
}
