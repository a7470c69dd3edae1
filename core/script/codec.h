/* JSON bytes to Lua values and back: the one way in and out of a VM for what clients say.
 *
 *   JSON                         Lua
 *   null                         light userdata NULL (json.null; true in a condition, as it is not nil)
 *   true, false                  boolean
 *   -2^63 .. 2^63-1, digits only integer
 *   any other number             float; one that no float can hold (1e400) is refused
 *   string                       string; an unpaired surrogate becomes U+FFFD
 *   array                        table with positions 1..n, marked as an array, so that [] stays []
 *   object                       table with names; of a repeated name the last value
 *
 * Back: a marked table or one with positions is an array, any other an object, names in order of their
 * bytes, so that equal values are equal bytes (two equal tables of `next` are not). A float always
 * looks like one (1.0) and reads back equal. Nothing is looked up through metatables and no Lua code
 * runs. What JSON cannot say is an error that names the place: "data.items[3]: a table with holes". */
#ifndef SCRIPT_CODEC_H
#define SCRIPT_CODEC_H

#include "base/buf.h"
#include "base/error.h"

#include <lua.h>

struct codec_limits {
    unsigned depth; /* of nested tables; at most 1024 */
    size_t bytes;   /* of the text made */
};
#define CODEC_LIMITS_DEFAULT ((struct codec_limits){.depth = 64, .bytes = 1 << 20})

/* Once a VM, before anything below; may be repeated. May raise. */
void codec_open(lua_State *L);

/* Pushes the value of a text that json_check has accepted; false with nothing pushed when it holds a
 * number that is too large. May raise (memory, stack): the caller is protected, holds nothing that
 * only C would free, and keeps `json` alive and in place meanwhile. */
bool codec_push(lua_State *L, struct slice json, struct error *err) MUST_USE;

/* Appends the value at `index` as JSON. On failure `out` is as it was, and the error begins with
 * `what`, the caller's name for the value ("data"), or a path from there. nil is null, here only. Never
 * raises and allocates nothing in the VM (its stack may grow, and if it cannot that is a failure), so
 * that the caller may hold what it likes; leaves the Lua stack as it was. */
bool codec_encode(lua_State *L, int index, const char *what, const struct codec_limits *limits,
                  struct buf *out, struct error *err) MUST_USE;

void codec_push_null(lua_State *L);              /* never raises; needs a slot */
void codec_mark_array(lua_State *L, int index);  /* replaces the table's metatable; never raises */
bool codec_is_array(lua_State *L, int index);    /* whether it is a marked table; never raises */

#endif
