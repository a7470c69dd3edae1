/* wire/frame and wire/outbox for specs. */
#include "wire/outbox.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "base/memory.h"

static struct slice check_slice(lua_State *L, int at)
{
    struct slice s;
    s.at = luaL_checklstring(L, at, &s.len);
    return s;
}

static void push_frame(lua_State *L, struct frame *frame)
{
    *(struct frame **)lua_newuserdatauv(L, sizeof frame, 0) = frame;
    luaL_setmetatable(L, "room.frame");
}

static struct frame *check_frame(lua_State *L, int at)
{
    return *(struct frame **)luaL_checkudata(L, at, "room.frame");
}

static int plain(lua_State *L)
{
    push_frame(L, frame_create(check_slice(L, 1)));
    return 1;
}

static int message(lua_State *L)
{
    push_frame(L, frame_create_message((enum ws_opcode)luaL_checkinteger(L, 1), check_slice(L, 2)));
    return 1;
}

static int room(lua_State *L)
{
    struct slice payload = check_slice(L, 2);
    struct frame *frame = frame_create_room((enum ws_opcode)luaL_checkinteger(L, 1), payload.len);
    memcpy(frame_payload(frame), payload.at, payload.len);
    push_frame(L, frame);
    return 1;
}

static int farewell(lua_State *L)
{
    push_frame(L, frame_create_close((int)luaL_checkinteger(L, 1), luaL_checkstring(L, 2)));
    return 1;
}

static int bytes(lua_State *L)
{
    struct frame *frame = check_frame(L, 1);
    lua_pushlstring(L, frame->bytes, frame->len);
    return 1;
}

static int payload(lua_State *L)
{
    struct frame *frame = check_frame(L, 1);
    lua_pushlstring(L, frame_payload(frame), frame->len - frame->head_len);
    return 1;
}

static int refs(lua_State *L)
{
    lua_pushinteger(L, atomic_load(&check_frame(L, 1)->refs));
    return 1;
}

static int is_last(lua_State *L)
{
    lua_pushboolean(L, check_frame(L, 1)->is_last);
    return 1;
}

static int unref(lua_State *L)
{
    frame_unref(check_frame(L, 1));
    frame_unref(NULL);
    return 0;
}

static const luaL_Reg frame_methods[] = {{"bytes", bytes},     {"payload", payload}, {"refs", refs},
                                         {"is_last", is_last}, {"__gc", unref},      {NULL, NULL}};

/* ---- outbox ---- */

static struct outbox *check_box(lua_State *L)
{
    return luaL_checkudata(L, 1, "room.outbox");
}

static int new_box(lua_State *L)
{
    size_t limit = (size_t)luaL_checkinteger(L, 1);
    outbox_init(lua_newuserdatauv(L, sizeof(struct outbox), 0), limit);
    luaL_setmetatable(L, "room.outbox");
    return 1;
}

static int push(lua_State *L)
{
    lua_pushboolean(
        L, outbox_push(check_box(L), check_frame(L, 2), (uint32_t)luaL_optinteger(L, 4, 0),
                       (uint64_t)luaL_optinteger(L, 3, 0)));
    return 1;
}

static int push_last(lua_State *L)
{
    outbox_push_last(check_box(L), check_frame(L, 2), (uint64_t)luaL_optinteger(L, 3, 0));
    return 0;
}

/* peek(n from 0) -> bytes or nil */
static int peek(lua_State *L)
{
    struct slice s = outbox_peek(check_box(L), (uint32_t)luaL_checkinteger(L, 2));
    if (s.at == NULL)
        return 0;
    lua_pushlstring(L, s.at, s.len);
    return 1;
}

static int sent(lua_State *L)
{
    lua_pushboolean(L, outbox_sent(check_box(L), (size_t)luaL_checkinteger(L, 2),
                                   (uint64_t)luaL_optinteger(L, 3, 0)));
    return 1;
}

static int drop_waiting(lua_State *L)
{
    outbox_drop_waiting(check_box(L));
    return 0;
}

static int age(lua_State *L)
{
    lua_pushinteger(L, outbox_age_ms(check_box(L), 0, (uint64_t)luaL_checkinteger(L, 2)));
    return 1;
}

/* size() -> frames, bytes, is empty, slots */
static int size(lua_State *L)
{
    struct outbox *box = check_box(L);
    lua_pushinteger(L, box->count);
    lua_pushinteger(L, (lua_Integer)box->bytes);
    lua_pushboolean(L, outbox_is_empty(box));
    lua_pushinteger(L, box->slots);
    return 4;
}

static int finish_box(lua_State *L)
{
    outbox_finish(check_box(L));
    return 0;
}

static const luaL_Reg box_methods[] = {
    {"push", push}, {"push_last", push_last},       {"peek", peek},
    {"sent", sent}, {"drop_waiting", drop_waiting}, {"age", age},
    {"size", size}, {"finish", finish_box},         {"__gc", finish_box},
    {NULL, NULL}};

static const luaL_Reg functions[] = {{"plain", plain},    {"message", message}, {"room", room},
                                     {"close", farewell}, {"new", new_box},     {NULL, NULL}};

static void open_type(lua_State *L, const char *name, const luaL_Reg *methods)
{
    luaL_newmetatable(L, name);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

int luaopen_room_outbox(lua_State *L);
int luaopen_room_outbox(lua_State *L)
{
    open_type(L, "room.frame", frame_methods);
    open_type(L, "room.outbox", box_methods);
    luaL_newlib(L, functions);
    return 1;
}
