#include "script/api.h"

#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "auth/secret.h"
#include "base/clock.h"
#include "base/suggest.h"
#include "hub/channel.h"
#include "script/api_json.h"
#include "script/codec.h"
#include "script/sandbox.h"
#include "wire/json.h"

enum { LOG_LINES_MAX = 100, REJECT_CODE_MIN = 400, REJECT_CODE_MAX = 1999 };

/* Before the generation is looked at, which a fetch may outlive. */
static void check_effects(lua_State *L, const struct running *running)
{
    if (running->is_view)
        luaL_error(L, "a view only says what is shown: it cannot publish, send, kick or set timers");
    if (running->fetches > 0)
        luaL_error(L, "what cache() fetches with has no effects: publish, send, kick, timers and "
                      "store.set belong in the hook");
}

void api_wish(lua_State *L, struct running *running, const struct effect *effect)
{
    check_effects(L, running);
    if (effect->kind == EFFECT_PUBLISH && running->hops >= HOPS_MAX)
        luaL_error(L, "publish: more than %d hooks have published one after another", HOPS_MAX);
    running->effect_bytes += sizeof *effect + effect->channel.len + effect->data.len +
                             effect->user.len + effect->client.len + effect->reason.len +
                             effect->method.len;
    if (running->effect_bytes > running->program->limits.memory)
        vm_overfill(L);
    effects_add(running->effects, effect);
}

struct slice api_encode(lua_State *L, int index, const char *what)
{
    struct error err;
    struct buf *scratch = vm_scratch(L);
    if (!codec_encode(L, index, "data", &CODEC_LIMITS_DEFAULT, scratch, &err))
        luaL_error(L, "%s: %s", what, err.text);
    vm_charge(L, scratch->len);
    return buf_slice(scratch);
}

/* ---- publish, kick ---- */

static struct slice check_text(lua_State *L, int index)
{
    struct slice text;
    text.at = luaL_checklstring(L, index, &text.len);
    return text;
}

static struct slice check_channel(lua_State *L, struct running *running, const char *what)
{
    struct slice values[PATTERN_PARAMS_MAX], name = check_text(L, 1);
    check_effects(L, running);
    if (!channel_is_name(name))
        luaL_error(L, "%s: a channel's name is 1 to %d printable ASCII characters", what,
                   CHANNEL_NAME_MAX);
    if (generation_find(running->generation, name, values) == NULL)
        luaL_error(L, "%s: no script declares a channel for \"%s\"", what, name.at);
    return name;
}

/* In dev mode a script is told at its line what subscribers would not expect. */
static void check_emits(lua_State *L, const struct running *running,
                        const struct channel_type *type, struct slice data)
{
    struct schema_fault fault;
    if (!running->program->explains || type->emits == NULL ||
        schema_check(type->emits, data, &fault))
        return;
    struct buf *why = vm_scratch(L); /* `data` may have been in it */
    schema_explain(&fault, why);
    luaL_error(L, "publish: not what `emits` promises: %s (%s:%d)", buf_text(why), type->file,
               type->line);
}

/* What the channel would refuse is refused here, at the script's line: later nobody would hear of
 * it. */
void api_wish_publish(lua_State *L, struct running *running, struct slice channel,
                      struct slice data)
{
    struct slice values[PATTERN_PARAMS_MAX];
    const struct channel_type *type = generation_find(running->generation, channel, values);
    if (type != NULL && data.len > type->max_size)
        luaL_error(L, "publish: a message of %d bytes, and max_size of this channel is %d",
                   (int)data.len, (int)type->max_size);
    if (type != NULL)
        check_emits(L, running, type, data);
    api_wish(L, running,
             &(struct effect){.kind = EFFECT_PUBLISH, .channel = channel, .data = data});
}

static int publish(lua_State *L)
{
    struct running *running = program_running(L, "publish");
    struct slice channel = check_channel(L, running, "publish");
    luaL_checkany(L, 2);
    struct slice data = api_encode(L, 2, "publish");
    api_wish_publish(L, running, channel, data);
    return 0;
}

static void check_kick_names(lua_State *L)
{
    lua_pushnil(L);
    for (; lua_next(L, 2); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "[number]";
        if (strcmp(name, "user") != 0 && strcmp(name, "client") != 0 && strcmp(name, "reason") != 0)
            luaL_error(L, "kick: unknown `%s`: it takes user, client and reason", name);
    }
}

/* Leaves the value on the stack. */
static struct slice read_text(lua_State *L, const char *name)
{
    struct slice text = {NULL, 0};
    int type = lua_getfield(L, 2, name);
    if (type == LUA_TNIL)
        return text;
    if (type != LUA_TSTRING)
        luaL_error(L, "kick: `%s` is a string (got %s)", name, luaL_typename(L, -1));
    text.at = lua_tolstring(L, -1, &text.len);
    return text;
}

static int kick(lua_State *L)
{
    struct running *running = program_running(L, "kick");
    struct effect effect = {.kind = EFFECT_KICK, .channel = check_channel(L, running, "kick")};
    luaL_checktype(L, 2, LUA_TTABLE);
    check_kick_names(L);
    effect.user = read_text(L, "user");
    effect.client = read_text(L, "client");
    effect.reason = read_text(L, "reason");
    if (effect.user.at == NULL && effect.client.at == NULL)
        return luaL_error(L, "kick: say whom, by user or client");
    api_wish(L, running, &effect);
    lua_pushboolean(L, 1);
    return 1;
}

/* ---- reject ---- */

static int reject(lua_State *L)
{
    struct running *running = program_running(L, "reject");
    int code = ERROR_REJECTED, text = 1;
    if (lua_isinteger(L, 1)) {
        lua_Integer number = lua_tointeger(L, 1);
        if (number < REJECT_CODE_MIN || number > REJECT_CODE_MAX)
            return luaL_error(L, "reject: a code is from %d to %d (got %I)", REJECT_CODE_MIN,
                              REJECT_CODE_MAX, (LUAI_UACINT)number);
        code = (int)number;
        text = 2;
    }
    if (text == 1 && lua_type(L, 2) > LUA_TNIL)
        return luaL_error(L,
                          "reject: data is not available in this version, only a code and a text");
    if (text == 2 && lua_isnoneornil(L, 2))
        fail(running->error, code, "%s", error_code_text(code));
    else
        fail(running->error, code, "%s", luaL_checkstring(L, text));
    running->error->temporary = false;
    return vm_leave(L);
}

/* ---- now, uuid ---- */

static int now(lua_State *L)
{
    lua_pushinteger(L, clock_calendar_ms(program_of(L)->clock));
    return 1;
}

static int uuid(lua_State *L)
{
    char text[UUID_LEN + 1];
    uuid_make(text);
    lua_pushlstring(L, text, UUID_LEN);
    return 1;
}

/* ---- log ---- */

static bool may_log(struct program *program)
{
    if (++program->log_lines < LOG_LINES_MAX)
        return true;
    if (program->log_lines == LOG_LINES_MAX)
        log_event(program->log, LOG_WARN, "script_log", "script", program->script->name, "text",
                  "more than 100 lines in one call: the rest is left out", NULL);
    return false;
}

/* What __tostring fails with is no reason to refuse a command. */
static int make_text(lua_State *L)
{
    luaL_tolstring(L, 1, NULL);
    return 1;
}

/* Pushes the value at `index` as text. */
static const char *push_text(lua_State *L, int index)
{
    lua_pushcfunction(L, make_text);
    lua_pushvalue(L, index);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK)
        return lua_tostring(L, -1);
    vm_uncatch(L);
    lua_pop(L, 1);
    return lua_pushfstring(L, "(a %s whose __tostring fails)", luaL_typename(L, index));
}

static const struct codec_limits line_limits = {.depth = 8, .bytes = LOG_LINE_MAX};

/* A string that is too long or not UTF-8, as far as a line goes. */
static void put_string(struct slice text, struct buf *out)
{
    struct buf clean = {0};
    for (size_t at = 0, len; at < text.len && clean.len < LOG_LINE_MAX; at += len ? len : 1) {
        len = utf8_char(slice_make(text.at + at, text.len - at));
        if (len > 0)
            buf_add(&clean, text.at + at, len);
        else
            buf_add_text(&clean, UTF8_REPLACEMENT);
    }
    json_quote(out, buf_slice(&clean));
    buf_finish(&clean);
}

/* The value on top: as it is, else what can be said of it. */
static void put_value(lua_State *L, struct buf *out)
{
    struct error unused;
    struct slice text = {NULL, 0};
    vm_charge(L, LOG_LINE_MAX);
    if (codec_encode(L, -1, "", &line_limits, out, &unused))
        return;
    if (lua_type(L, -1) == LUA_TSTRING)
        text.at = lua_tolstring(L, -1, &text.len);
    else
        text = slice_of(luaL_typename(L, -1));
    put_string(text, out);
}

/* The key at `index` as a string. */
static void push_key(lua_State *L, int index)
{
    int type = lua_type(L, index);
    if (type == LUA_TSTRING)
        lua_pushvalue(L, index);
    else if (type == LUA_TNUMBER || type == LUA_TBOOLEAN)
        luaL_tolstring(L, index, NULL);
    else
        lua_pushstring(L, lua_typename(L, type));
}

/* A table that JSON cannot say as a whole, member by member, as far as a line goes. */
static void put_members(lua_State *L, int index, struct buf *out)
{
    buf_add_byte(out, '{');
    lua_pushnil(L);
    while (out->len < LOG_LINE_MAX && lua_next(L, index)) {
        if (out->len > 1)
            buf_add_byte(out, ',');
        push_key(L, -2);
        put_value(L, out);
        lua_pop(L, 1);
        buf_add_byte(out, ':');
        put_value(L, out);
        lua_pop(L, 1);
    }
    buf_add_byte(out, '}');
}

/* NULL: none. Lua owns the text. Whatever it is, a line about it never refuses a command. */
static const char *encode_fields(lua_State *L, int index)
{
    struct error unused;
    struct buf *scratch = vm_scratch(L);
    if (lua_isnoneornil(L, index))
        return NULL;
    luaL_checkstack(L, 10, NULL);
    if (!codec_encode(L, index, "", &CODEC_LIMITS_DEFAULT, scratch, &unused)) {
        lua_settop(L, index);
        if (lua_istable(L, index))
            put_members(L, index, scratch);
        else
            put_value(L, scratch);
    }
    vm_charge(L, scratch->len);
    return lua_pushlstring(L, scratch->at, scratch->len);
}

/* More than a text and its fields, as for print: the fields become a list. */
static void gather_fields(lua_State *L)
{
    int count = lua_gettop(L) - 1;
    if (count < 2)
        return;
    lua_createtable(L, count, 0);
    codec_mark_array(L, -1);
    lua_insert(L, 2);
    for (; count > 0; count--)
        lua_rawseti(L, 2, count);
}

/* Upvalue 1: the level. Upvalue 2: whether argument 1 is to be skipped, for log(...) is a table's
 * __call. */
static int write_log(lua_State *L)
{
    struct program *program = program_of(L);
    enum log_level level = (enum log_level)lua_tointeger(L, lua_upvalueindex(1));
    if (lua_toboolean(L, lua_upvalueindex(2)))
        lua_remove(L, 1);
    if (!may_log(program))
        return 0;
    gather_fields(L);
    lua_settop(L, 2);
    const char *fields = encode_fields(L, 2);
    const char *text = push_text(L, 1);
    struct slice channel = {0};
    if (program->running != NULL && program->running->channel != NULL)
        channel = program->running->channel->name;
    const char *name = lua_pushlstring(L, channel.len ? channel.at : "", channel.len);
    if (fields != NULL)
        log_event(program->log, level, "script_log", "script", program->script->name, "channel",
                  name, "text", text, LOG_JSON("data", fields), NULL);
    else
        log_event(program->log, level, "script_log", "script", program->script->name, "channel",
                  name, "text", text, NULL);
    return 0;
}

static const char *const log_names[] = {"debug", "info", "warn", "error", NULL};

static int read_log(lua_State *L)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
    const char *near = suggest(slice_of(name), log_names);
    if (near != NULL)
        return luaL_error(L, "`log.%s` is not defined: did you mean `log.%s`?", name, near);
    return luaL_error(L, "`log.%s` is not defined: there are debug, info, warn and error", name);
}

static void push_writer(lua_State *L, enum log_level level, bool is_called)
{
    lua_pushinteger(L, level);
    lua_pushboolean(L, is_called);
    lua_pushcclosure(L, write_log, 2);
}

static void open_log(lua_State *L)
{
    lua_createtable(L, 0, 4);
    for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        push_writer(L, (enum log_level)level, false);
        lua_setfield(L, -2, log_names[level]);
    }
    lua_createtable(L, 0, 2);
    push_writer(L, LOG_INFO, true);
    lua_setfield(L, -2, "__call");
    lua_pushcfunction(L, read_log);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    sandbox_add(L, "log", true);
}

void api_global_open(lua_State *L)
{
    static const luaL_Reg all[] = {{"publish", publish}, {"kick", kick}, {"reject", reject},
                                   {"now", now},         {"uuid", uuid}, {NULL, NULL}};
    for (const luaL_Reg *entry = all; entry->name != NULL; entry++) {
        lua_pushcfunction(L, entry->func);
        sandbox_add(L, entry->name, false);
    }
    open_log(L);
    api_shape_open(L);
    api_wait_open(L);
    api_http_open(L);
    api_store_open(L);
    api_cache_open(L);
    api_breaker_open(L);
    api_env_open(L);
    api_json_open(L);
    sandbox_add(L, "json", true);
}
