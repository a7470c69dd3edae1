/* core/bench for specs: its parts that need no server. */
#include "bench/frames.h"
#include "bench/histogram.h"
#include "bench/ledger.h"
#include "bench/protocol.h"
#include "bench/replies.h"
#include "bench/stamp.h"
#include "bench/target.h"

#include <lauxlib.h>

static struct slice check_slice(lua_State *L, int at)
{
    struct slice s;
    s.at = luaL_checklstring(L, at, &s.len);
    return s;
}

static struct slice opt_slice(lua_State *L, int at)
{
    return lua_isnoneornil(L, at) ? (struct slice){0} : check_slice(L, at);
}

static void push_slice(lua_State *L, struct slice s)
{
    lua_pushlstring(L, s.at, s.len);
}

static void push_buf(lua_State *L, struct buf *b)
{
    lua_pushlstring(L, b->len ? b->at : "", b->len);
    buf_finish(b);
}

/* histogram({ values }, share, ...) -> the value at each share */
static int histogram(lua_State *L)
{
    struct histogram *h = lua_newuserdatauv(L, sizeof *h, 0);
    int count = (int)luaL_len(L, 1), shares = lua_gettop(L) - 2;
    histogram_clear(h);
    for (int i = 1; i <= count; i++) {
        lua_geti(L, 1, i);
        histogram_add(h, (uint64_t)lua_tointeger(L, -1));
        lua_pop(L, 1);
    }
    for (int i = 0; i < shares; i++)
        lua_pushinteger(L, (lua_Integer)histogram_find(h, luaL_checknumber(L, 2 + i)));
    return shares;
}

/* stamp(run, lane, sequence, due) -> text */
static int stamp(lua_State *L)
{
    char out[STAMP_LEN];
    struct stamp s = {(uint32_t)luaL_checkinteger(L, 1), (uint32_t)luaL_checkinteger(L, 2),
                      (uint64_t)luaL_checkinteger(L, 3), (uint64_t)luaL_checkinteger(L, 4)};
    stamp_put(out, &s);
    lua_pushlstring(L, out, sizeof out);
    return 1;
}

/* find_stamps(text) -> { { run, lane, sequence, due }, ... }, what is behind the last */
static int find_stamps(lua_State *L)
{
    struct slice text = check_slice(L, 1);
    struct stamp s;
    lua_newtable(L);
    for (int i = 1; stamp_find(&text, &s); i++) {
        lua_Integer fields[] = {s.run, s.lane, (lua_Integer)s.sequence, (lua_Integer)s.due_ns};
        lua_newtable(L);
        for (int k = 0; k < 4; k++) {
            lua_pushinteger(L, fields[k]);
            lua_seti(L, -2, k + 1);
        }
        lua_seti(L, -2, i);
    }
    push_slice(L, text);
    return 2;
}

/* ledger({ numbers }, end) -> { receipts }, missing */
static int ledger(lua_State *L)
{
    static const char *const names[] = {"in order", "late", "doubled"};
    struct ledger book = {0};
    int count = (int)luaL_len(L, 1);
    lua_newtable(L);
    for (int i = 1; i <= count; i++) {
        lua_geti(L, 1, i);
        enum receipt receipt = ledger_enter(&book, (uint64_t)lua_tointeger(L, -1));
        lua_pop(L, 1);
        lua_pushstring(L, names[receipt]);
        lua_seti(L, -2, i);
    }
    lua_pushinteger(L, (lua_Integer)ledger_missing(&book, (uint64_t)luaL_checkinteger(L, 2)));
    return 2;
}

/* target(url) -> { host, port, path, tls, http, plain }, or nil and why not */
static int target(lua_State *L)
{
    struct target t;
    struct error err;
    if (!target_parse(luaL_checkstring(L, 1), &t, &err)) {
        lua_pushnil(L);
        lua_pushstring(L, err.text);
        return 2;
    }
    lua_newtable(L);
    lua_pushstring(L, t.address.host);
    lua_setfield(L, -2, "host");
    lua_pushinteger(L, t.address.port);
    lua_setfield(L, -2, "port");
    lua_pushstring(L, t.path);
    lua_setfield(L, -2, "path");
    lua_pushboolean(L, t.is_tls);
    lua_setfield(L, -2, "tls");
    lua_pushboolean(L, t.is_http);
    lua_setfield(L, -2, "http");
    lua_pushboolean(L, t.is_plain);
    lua_setfield(L, -2, "plain");
    return 1;
}

/* expand(text, name, value, room) -> text, or nil when it does not fit */
static int expand(lua_State *L)
{
    char out[256];
    struct placeholder one = {luaL_checkstring(L, 2), check_slice(L, 3)};
    size_t room = (size_t)luaL_optinteger(L, 4, sizeof out);
    if (target_expand(out, room, check_slice(L, 1), &one, 1))
        lua_pushstring(L, out);
    else
        lua_pushnil(L);
    return 1;
}

/* mask(opcode, payload, mask) -> bytes */
static int mask(lua_State *L)
{
    struct buf out = {0};
    frames_put(&out, (enum ws_opcode)luaL_checkinteger(L, 1), check_slice(L, 2),
               (uint32_t)luaL_checkinteger(L, 3));
    push_buf(L, &out);
    return 1;
}

/* take_frame(bytes) -> length, opcode, last, payload; 0 while it is not all there; or nil, why */
static int take_frame(lua_State *L)
{
    struct server_frame frame;
    struct error err;
    size_t len;
    if (!frames_take(check_slice(L, 1), &len, &frame, &err)) {
        lua_pushnil(L);
        lua_pushstring(L, err.text);
        return 2;
    }
    lua_pushinteger(L, (lua_Integer)len);
    if (len == 0)
        return 1;
    lua_pushinteger(L, frame.opcode);
    lua_pushboolean(L, frame.is_last);
    push_slice(L, frame.payload);
    return 4;
}

/* reply(bytes) -> { len, status, chunked, closing, length } */
static int reply(lua_State *L)
{
    struct reply_head head;
    reply_read_head(check_slice(L, 1), &head);
    lua_newtable(L);
    lua_pushinteger(L, (lua_Integer)head.len);
    lua_setfield(L, -2, "len");
    lua_pushinteger(L, head.status);
    lua_setfield(L, -2, "status");
    lua_pushboolean(L, head.is_chunked);
    lua_setfield(L, -2, "chunked");
    lua_pushboolean(L, head.is_closing);
    lua_setfield(L, -2, "closing");
    lua_pushinteger(L, (lua_Integer)head.content_length);
    lua_setfield(L, -2, "length");
    return 1;
}

/* unchunk({ pieces }) -> body, is it over, what was left of the last piece */
static int unchunk(lua_State *L)
{
    struct chunks chunks = {0};
    struct buf body = {0}, rest = {0};
    int count = (int)luaL_len(L, 1);
    for (int i = 1; i <= count; i++) {
        struct buf piece = {0};
        size_t used = 0;
        lua_geti(L, 1, i);
        buf_add_slice(&piece, check_slice(L, -1));
        if (piece.len > 0)
            buf_add(&body, piece.at, chunks_strip(&chunks, piece.at, piece.len, &used));
        buf_clear(&rest);
        if (piece.len > used)
            buf_add(&rest, piece.at + used, piece.len - used);
        buf_finish(&piece);
        lua_pop(L, 1);
    }
    push_buf(L, &body);
    lua_pushboolean(L, chunks.step == CHUNK_OVER);
    push_buf(L, &rest);
    return 3;
}

/* events(text) -> { data, ... }, what is left */
static int events(lua_State *L)
{
    struct slice text = check_slice(L, 1), data;
    lua_newtable(L);
    for (int i = 1; events_take(&text, &data); i++) {
        push_slice(L, data);
        lua_seti(L, -2, i);
    }
    push_slice(L, text);
    return 2;
}

static const struct protocol *check_protocol(lua_State *L)
{
    const struct protocol *protocol = protocol_find(luaL_checkstring(L, 1));
    luaL_argcheck(L, protocol != NULL, 1, "no such protocol");
    return protocol;
}

/* say(protocol, step, channel or nil, token or nil) -> text */
static int say(lua_State *L)
{
    struct buf out = {0};
    struct introduction who = {.channel = opt_slice(L, 3), .token = opt_slice(L, 4), .number = 7};
    check_protocol(L)->say(&out, &who, (unsigned)luaL_checkinteger(L, 2));
    push_buf(L, &out);
    return 1;
}

/* query(protocol, channel, token or nil) -> text */
static int query(lua_State *L)
{
    struct buf out = {0};
    struct introduction who = {.channel = opt_slice(L, 2), .token = opt_slice(L, 3)};
    check_protocol(L)->put_query(&out, &who);
    push_buf(L, &out);
    return 1;
}

static int push_heard(lua_State *L, enum heard heard, struct answer *to)
{
    static const char *const names[] = {"other", "step", "refusal", "ping"};
    lua_pushstring(L, names[heard]);
    push_buf(L, heard == HEARD_REFUSAL ? &to->why : &to->answer);
    buf_finish(&to->why);
    buf_finish(&to->answer);
    return 2;
}

/* hear(protocol, step, text) -> what it was, reason or answer */
static int hear(lua_State *L)
{
    struct answer to = {{0}, {0}};
    return push_heard(
        L, check_protocol(L)->hear(check_slice(L, 3), (unsigned)luaL_checkinteger(L, 2), &to), &to);
}

/* listen(protocol, text) */
static int listen(lua_State *L)
{
    struct answer to = {{0}, {0}};
    return push_heard(L, check_protocol(L)->listen(check_slice(L, 2), &to), &to);
}

/* publish(protocol, channel, message, number, form or nil), post(...) -> text */
static int put_publication(lua_State *L, bool as_post)
{
    struct buf out = {0};
    const struct protocol *protocol = check_protocol(L);
    struct publication p = {.channel = check_slice(L, 2),
                            .message = check_slice(L, 3),
                            .number = (uint64_t)luaL_optinteger(L, 4, 1),
                            .form = opt_slice(L, 5)};
    (as_post ? protocol->put_post : protocol->publish)(&out, &p);
    push_buf(L, &out);
    return 1;
}

static int publish(lua_State *L)
{
    return put_publication(L, false);
}

static int post(lua_State *L)
{
    return put_publication(L, true);
}

/* cut(protocol, bytes) -> length of the first message */
static int cut(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)check_protocol(L)->cut(check_slice(L, 2)));
    return 1;
}

static const luaL_Reg functions[] = {
    {"histogram", histogram}, {"stamp", stamp},     {"find_stamps", find_stamps},
    {"ledger", ledger},       {"target", target},   {"expand", expand},
    {"mask", mask},           {"take_frame", take_frame}, {"reply", reply},
    {"unchunk", unchunk},     {"events", events},   {"say", say},
    {"query", query},         {"hear", hear},       {"listen", listen},
    {"publish", publish},     {"post", post},       {"cut", cut},
    {NULL, NULL},
};

int luaopen_room_bench(lua_State *L);
int luaopen_room_bench(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
