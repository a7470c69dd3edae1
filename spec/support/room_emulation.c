/* dialect/emulation for specs. */
#include "dialect/emulation.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "base/memory.h"

/* parse(body) -> session, node, commands, or nil. The body is copied to the exact byte; it is
 * parsed twice with one scratch buffer, as the bodies of one connection may be. */
static int parse(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    char *exact = xmalloc(len ? len : 1);
    memcpy(exact, text, len);
    struct buf scratch = {0};
    struct emulation emulation;
    bool is_fine = emulation_parse(slice_make(exact, len), &scratch, &emulation);
    ensure(emulation_parse(slice_make(exact, len), &scratch, &emulation) == is_fine);
    if (is_fine) {
        lua_pushlstring(L, emulation.session.at, emulation.session.len);
        lua_pushlstring(L, emulation.node.at, emulation.node.len);
        lua_pushlstring(L, emulation.commands.at, emulation.commands.len);
    }
    buf_finish(&scratch);
    free(exact);
    return is_fine ? 3 : 0;
}

static const luaL_Reg functions[] = {{"parse", parse}, {NULL, NULL}};

int luaopen_room_emulation(lua_State *L);
int luaopen_room_emulation(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
