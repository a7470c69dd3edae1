#include "script/codec.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "wire/json.h"

enum {
    DEPTH_MAX = 1024,
    SLOTS = 8,        /* Lua stack slots that one level or member takes */
    NAME_SHOWN = 40,  /* bytes of a name in an error */
    PATH_SHOWN = 400, /* bytes of a path in an error */
    FEW = 16,         /* members that are sorted by insertion */
};

/* Everything here keeps the promise of codec_encode: only calls that neither raise nor
 * allocate, so that no collection can run and the bytes of names stay where they are while their
 * table does. */

struct member {
    struct slice name;
    int value; /* where on the stack */
};

/* One step of a path: into which table, and by a name or, where that is absent, a position. */
struct step {
    const struct step *up;
    const void *table;
    struct slice name;
    lua_Integer position;
};

struct writer {
    lua_State *L;
    struct buf *out;
    size_t limit; /* of out->len */
    const struct codec_limits *limits;
    const char *what;
    struct error *err;
    unsigned depth;
    struct member *members; /* of all objects that are open, the innermost last */
    size_t count, room;
};

static bool write_value(struct writer *w, int index, const struct step *at);

static bool is_word(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.len > 0;
}

static void put_name(struct buf *path, struct slice name)
{
    bool whole = name.len <= NAME_SHOWN;
    if (whole && is_word(name)) {
        buf_printf(path, ".%.*s", SLICE_ARGS(name));
        return;
    }
    struct slice shown = whole ? name : slice_make(name.at, utf8_cut(name, NAME_SHOWN));
    buf_add_byte(path, '[');
    json_quote(path, utf8_is_valid(shown) ? shown : SLICE("(not UTF-8)"));
    buf_add_text(path, whole ? "]" : "...]");
}

static void put_path(struct buf *path, const struct step *at)
{
    if (at == NULL)
        return;
    put_path(path, at->up);
    if (at->name.at != NULL)
        put_name(path, at->name);
    else
        buf_printf(path, "[%lld]", (long long)at->position);
}

/* The end of a long path says more than its start. */
static struct slice path_tail(struct slice path)
{
    size_t from = path.len > PATH_SHOWN ? path.len - PATH_SHOWN : 0;
    while (from > 0 && from < path.len && ((unsigned char)path.at[from] & 0xC0) == 0x80)
        from++;
    return slice_make(path.at + from, path.len - from);
}

static bool refuse(const struct writer *w, const struct step *at, const char *format, ...)
    PRINTF_LIKE(3, 4);
static bool refuse(const struct writer *w, const struct step *at, const char *format, ...)
{
    char reason[200];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    struct buf path = {0};
    put_path(&path, at);
    struct slice tail = path_tail(buf_slice(&path));
    fail(w->err, ERROR_SCRIPT_FAILED, "%s%s%.*s: %s", w->what, tail.len < path.len ? "..." : "",
         SLICE_ARGS(tail), reason);
    buf_finish(&path);
    return false;
}

static bool refuse_size(const struct writer *w)
{
    return fail(w->err, ERROR_TOO_LARGE, "%s: more than %zu bytes of JSON", w->what,
                w->limits->bytes);
}

static bool write_string(struct writer *w, struct slice text, const struct step *at)
{
    if (w->out->len > w->limit || text.len > w->limit - w->out->len)
        return refuse_size(w);
    if (!utf8_is_valid(text))
        return refuse(w, at, "a string that is not valid UTF-8");
    json_quote(w->out, text);
    return true;
}

static void put_integer(struct buf *out, lua_Integer n)
{
    if (n < 0)
        buf_add_byte(out, '-');
    buf_add_unsigned(out, n < 0 ? -(uint64_t)n : (uint64_t)n);
}

static bool write_float(struct writer *w, double x, const struct step *at)
{
    if (!isfinite(x))
        return refuse(w, at, "the number %s is not one of JSON", isnan(x) ? "nan" : "inf");
    json_put_float(w->out, x);
    return true;
}

static bool refuse_key(const struct writer *w, struct step *in)
{
    lua_State *L = w->L;
    if (lua_type(L, -2) == LUA_TSTRING) {
        in->name.at = lua_tolstring(L, -2, &in->name.len);
        return refuse(w, in, "a name in an array");
    }
    if (lua_isinteger(L, -2)) {
        in->name.at = NULL;
        in->position = lua_tointeger(L, -2);
        return refuse(w, in, in->position < 1 ? "positions start at 1" : "a position in an object");
    }
    return refuse(w, in->up, "a key that is a %s; keys are strings, or positions from 1",
                  luaL_typename(L, -2));
}

/* How many positions there are, if they are all that the table has and none is missing; otherwise
 * 0. Takes the first key and value from the stack. */
static lua_Integer count_positions(const struct writer *w, int table, struct step *in)
{
    lua_State *L = w->L;
    lua_Integer count = 0, last = 0;
    do {
        lua_Integer position = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
        if (position < 1)
            return refuse_key(w, in);
        if ((size_t)++count > w->limits->bytes)
            return refuse_size(w);
        last = position > last ? position : last;
        lua_pop(L, 1);
    } while (lua_next(L, table));
    if (last == count)
        return count;
    for (in->position = 1; lua_rawgeti(L, table, in->position) != LUA_TNIL; in->position++)
        lua_pop(L, 1);
    return refuse(w, in, "a table with holes");
}

static bool write_array(struct writer *w, int table, struct step *in)
{
    lua_Integer count = count_positions(w, table, in);
    if (count == 0)
        return false;
    buf_add_byte(w->out, '[');
    for (in->position = 1; in->position <= count; in->position++) {
        if (in->position > 1)
            buf_add_byte(w->out, ',');
        lua_rawgeti(w->L, table, in->position);
        if (!write_value(w, lua_gettop(w->L), in))
            return false;
        lua_pop(w->L, 1);
    }
    buf_add_byte(w->out, ']');
    return true;
}

static void add_member(struct writer *w)
{
    if (w->count == w->room) {
        w->room = w->room ? w->room * 2 : 32;
        w->members = xrealloc(w->members, w->room * sizeof *w->members);
    }
    struct member *m = &w->members[w->count++];
    m->name.at = lua_tolstring(w->L, -2, &m->name.len);
    m->value = lua_gettop(w->L);
}

/* Leaves all keys and values on the Lua stack: there they need no second lookup, which would need
 * the key as a new Lua string. Takes the first ones as they are. */
static bool collect_members(struct writer *w, int table, struct step *in)
{
    size_t base = w->count;
    do {
        if (lua_type(w->L, -2) != LUA_TSTRING)
            return refuse_key(w, in);
        if (w->count - base > w->limits->bytes)
            return refuse_size(w);
        if (!lua_checkstack(w->L, SLOTS))
            return refuse(w, in->up, "more members than the Lua stack can hold");
        add_member(w);
        lua_pushvalue(w->L, -2);
    } while (lua_next(w->L, table));
    return true;
}

static int compare_members(const void *left, const void *right)
{
    const struct slice a = ((const struct member *)left)->name;
    const struct slice b = ((const struct member *)right)->name;
    int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static void sort_members(struct member *m, size_t count)
{
    if (count > FEW) {
        qsort(m, count, sizeof *m, compare_members);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct member moved = m[i];
        size_t to = i;
        for (; to > 0 && compare_members(&moved, &m[to - 1]) < 0; to--)
            m[to] = m[to - 1];
        m[to] = moved;
    }
}

static bool write_member(struct writer *w, const struct member *m, struct step *in)
{
    in->name = m->name;
    if (!write_string(w, m->name, in))
        return false;
    buf_add_byte(w->out, ':');
    return write_value(w, m->value, in);
}

static bool write_object(struct writer *w, int table, struct step *in)
{
    int top = lua_gettop(w->L) - 2;
    size_t base = w->count;
    if (!collect_members(w, table, in))
        return false;
    size_t end = w->count;
    sort_members(w->members + base, end - base);
    buf_add_byte(w->out, '{');
    for (size_t i = base; i < end; i++) {
        struct member m = w->members[i]; /* a copy: objects inside may move the array */
        if (i > base)
            buf_add_byte(w->out, ',');
        if (!write_member(w, &m, in))
            return false;
    }
    buf_add_byte(w->out, '}');
    w->count = base;
    lua_settop(w->L, top);
    return true;
}

static bool contains_itself(const struct step *in)
{
    for (const struct step *up = in->up; up != NULL; up = up->up)
        if (up->table == in->table)
            return true;
    return false;
}

static bool write_entries(struct writer *w, int table, struct step *in)
{
    bool marked = codec_is_array(w->L, table);
    lua_pushnil(w->L);
    if (!lua_next(w->L, table)) {
        buf_add_text(w->out, marked ? "[]" : "{}");
        return true;
    }
    return marked || lua_isinteger(w->L, -2) ? write_array(w, table, in)
                                             : write_object(w, table, in);
}

static bool write_table(struct writer *w, int table, const struct step *at)
{
    struct step in = {.up = at, .table = lua_topointer(w->L, table)};
    if (contains_itself(&in))
        return refuse(w, at, "a table that contains itself");
    if (w->depth == w->limits->depth)
        return refuse(w, at, "nested more than %u deep", w->limits->depth);
    if (!lua_checkstack(w->L, SLOTS))
        return refuse(w, at, "no room left on the Lua stack");
    w->depth++;
    bool written = write_entries(w, table, &in);
    w->depth--;
    return written;
}

static bool write_number(struct writer *w, int index, const struct step *at)
{
    if (!lua_isinteger(w->L, index))
        return write_float(w, lua_tonumber(w->L, index), at);
    put_integer(w->out, lua_tointeger(w->L, index));
    return true;
}

static bool write_lua_string(struct writer *w, int index, const struct step *at)
{
    struct slice text;
    text.at = lua_tolstring(w->L, index, &text.len);
    return write_string(w, text, at);
}

static bool write_other(struct writer *w, int index, const struct step *at)
{
    bool null = lua_islightuserdata(w->L, index) && lua_touserdata(w->L, index) == NULL;
    if (!null && !(at == NULL && lua_isnoneornil(w->L, index)))
        return refuse(w, at, "a %s, which JSON cannot hold", luaL_typename(w->L, index));
    buf_add_text(w->out, "null");
    return true;
}

static bool write_by_type(struct writer *w, int index, const struct step *at)
{
    switch (lua_type(w->L, index)) {
    case LUA_TBOOLEAN:
        buf_add_text(w->out, lua_toboolean(w->L, index) ? "true" : "false");
        return true;
    case LUA_TNUMBER:
        return write_number(w, index, at);
    case LUA_TSTRING:
        return write_lua_string(w, index, at);
    case LUA_TTABLE:
        return write_table(w, index, at);
    default:
        return write_other(w, index, at);
    }
}

static bool write_value(struct writer *w, int index, const struct step *at)
{
    if (!write_by_type(w, index, at))
        return false;
    return w->out->len <= w->limit || refuse_size(w);
}

bool codec_encode(lua_State *L, int index, const char *what, const struct codec_limits *limits,
                  struct buf *out, struct error *err)
{
    ensure(limits->depth <= DEPTH_MAX);
    int top = lua_gettop(L);
    size_t start = out->len;
    struct writer w = {.L = L, .out = out, .limits = limits, .what = what, .err = err};
    w.limit = limits->bytes < SIZE_MAX - start ? start + limits->bytes : SIZE_MAX;
    bool written = lua_checkstack(L, SLOTS) ? write_value(&w, lua_absindex(L, index), NULL)
                                            : refuse(&w, NULL, "no room left on the Lua stack");
    free(w.members);
    lua_settop(L, top);
    if (!written)
        out->len = start;
    return written;
}
