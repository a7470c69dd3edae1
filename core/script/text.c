#include "script/text.h"

#include <ctype.h>

#include <lauxlib.h>

#include "script/match.h"
#include "script/vm.h"

static struct slice check_text(lua_State *L, int index)
{
    struct slice text;
    text.at = luaL_checklstring(L, index, &text.len);
    return text;
}

/* The argument `init` as bytes to skip; may be more than there are. */
static size_t check_skip(lua_State *L, int index, size_t len)
{
    lua_Integer init = luaL_optinteger(L, index, 1);
    if (init > 0)
        return (size_t)init - 1;
    if (init == 0 || init < -(lua_Integer)len)
        return 0;
    return len - (size_t)-init;
}

/* ---- captures ---- */

static void push_capture(struct match *m, struct capture capture)
{
    if (capture.len == CAPTURE_POSITION)
        lua_pushinteger(m->L, capture.at - m->text + 1);
    else
        lua_pushlstring(m->L, capture.at, (size_t)capture.len);
}

/* All of them; of a pattern without any, the whole match. */
static int push_captures(struct match *m, const char *from, const char *end)
{
    unsigned count = m->count > 0 ? m->count : 1;
    luaL_checkstack(m->L, (int)count, "too many captures");
    for (unsigned i = 0; i < count; i++)
        push_capture(m, match_capture(m, i, from, end));
    return (int)count;
}

/* ---- find and match ---- */

static int push_nothing(lua_State *L)
{
    lua_pushnil(L);
    return 1;
}

/* Usually the first character is rare enough to jump from one to the next; where it is not, memmem
 * takes over before the wrong starts have cost more than that does. */
static const char *find_bytes(struct slice text, struct slice sought)
{
    const char *at = text.at, *stop = text.at + text.len;
    if (sought.len == 0)
        return at;
    for (size_t wasted = 0; (size_t)(stop - at) >= sought.len; wasted += sought.len) {
        if (wasted > 256 + 2 * (size_t)(at - text.at))
            return memmem(at, (size_t)(stop - at), sought.at, sought.len);
        at = memchr(at, *sought.at, (size_t)(stop - at) - sought.len + 1);
        if (at == NULL || memcmp(at, sought.at, sought.len) == 0)
            return at;
        at++;
    }
    return NULL;
}

static int find_plain(lua_State *L, struct slice text, struct slice sought, size_t skip)
{
    vm_charge(L, text.len - skip);
    const char *found = find_bytes(slice_make(text.at + skip, text.len - skip), sought);
    if (found == NULL)
        return push_nothing(L);
    lua_pushinteger(L, found - text.at + 1);
    lua_pushinteger(L, found - text.at + (lua_Integer)sought.len);
    return 2;
}

static bool has_magic(struct slice pattern)
{
    for (size_t i = 0; i < pattern.len; i++)
        if (pattern.at[i] != '\0' && strchr("^$*+?.([%-", pattern.at[i]))
            return true;
    return false;
}

static bool skip_anchor(struct match *m)
{
    bool has_anchor = m->pattern < m->pattern_end && *m->pattern == '^';
    m->pattern += has_anchor;
    return has_anchor;
}

/* The first match at or behind *from, which becomes where it begins; NULL if there is none. */
static const char *match_next(struct match *m, const char **from)
{
    bool is_anchored = skip_anchor(m);
    const char *end = match_try(m, *from);
    while (end == NULL && *from < m->text_end && !is_anchored) {
        *from = match_seek(m, *from + 1);
        end = match_try(m, *from);
    }
    return end;
}

static int find_pattern(lua_State *L, struct slice text, struct slice pattern, size_t skip,
                        bool with_place)
{
    struct match m;
    match_init(&m, L, text, pattern);
    const char *from = text.at + skip, *end = match_next(&m, &from);
    match_settle(&m);
    if (end == NULL)
        return push_nothing(L);
    if (!with_place)
        return push_captures(&m, from, end);
    lua_pushinteger(L, from - text.at + 1);
    lua_pushinteger(L, end - text.at);
    return m.count > 0 ? 2 + push_captures(&m, from, end) : 2;
}

int text_find(lua_State *L)
{
    struct slice text = check_text(L, 1), sought = check_text(L, 2);
    size_t skip = check_skip(L, 3, text.len);
    if (skip > text.len)
        return push_nothing(L);
    if (lua_toboolean(L, 4) || !has_magic(sought))
        return find_plain(L, text, sought, skip);
    return find_pattern(L, text, sought, skip, true);
}

int text_match(lua_State *L)
{
    struct slice text = check_text(L, 1), pattern = check_text(L, 2);
    size_t skip = check_skip(L, 3, text.len);
    if (skip > text.len)
        return push_nothing(L);
    return find_pattern(L, text, pattern, skip, false);
}

/* ---- gmatch ---- */

/* A userdata, with text and pattern an upvalue of the iterator. */
struct iteration {
    struct match m;
    const char *at, *behind; /* at: NULL when it is over; behind: the last match, NULL before one */
};

static int end_iteration(struct iteration *i)
{
    i->at = NULL;
    match_settle(&i->m);
    return 0;
}

/* Every match but an empty one right behind the one before. */
static int iterate(lua_State *L)
{
    struct iteration *i = lua_touserdata(L, lua_upvalueindex(1));
    struct match *m = &i->m;
    const char *at = i->at;
    if (at == NULL)
        return 0;
    m->L = L;
    const char *end = match_try(m, at);
    while (end == NULL || end == i->behind) {
        if (at == m->text_end)
            return end_iteration(i);
        at = match_seek(m, at + 1);
        end = match_try(m, at);
    }
    i->at = i->behind = end;
    match_settle(m);
    return push_captures(m, at, end);
}

int text_gmatch(lua_State *L)
{
    struct slice text = check_text(L, 1), pattern = check_text(L, 2);
    size_t skip = check_skip(L, 3, text.len);
    struct iteration *i = lua_newuserdatauv(L, sizeof *i, 0);
    match_init(&i->m, L, text, pattern);
    i->at = skip > text.len ? NULL : text.at + skip;
    i->behind = NULL;
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, iterate, 3);
    return 1;
}

/* ---- gsub ---- */

/* What comes before `kept` is in the result. */
struct rewriting {
    struct match m;
    const char *kept;
    bool is_changed;
    luaL_Buffer result;
};

static void keep_until(struct rewriting *r, const char *at)
{
    luaL_addlstring(&r->result, r->kept, (size_t)(at - r->kept));
    r->kept = at;
}

static void add_capture(struct rewriting *r, char digit, const char *from, const char *end)
{
    struct capture capture = {from, end - from};
    if (digit != '0')
        capture = match_capture(&r->m, (unsigned)(digit - '1'), from, end);
    if (capture.len >= 0) {
        luaL_addlstring(&r->result, capture.at, (size_t)capture.len);
    } else {
        push_capture(&r->m, capture);
        luaL_addvalue(&r->result);
    }
}

static void add_template(struct rewriting *r, const char *from, const char *end)
{
    size_t len;
    const char *at = lua_tolstring(r->m.L, 3, &len), *stop = at + len, *escape;
    match_spend(&r->m, len);
    while ((escape = memchr(at, '%', (size_t)(stop - at))) != NULL) {
        luaL_addlstring(&r->result, at, (size_t)(escape - at));
        if (escape[1] == '%')
            luaL_addchar(&r->result, '%');
        else if (isdigit((unsigned char)escape[1]))
            add_capture(r, escape[1], from, end);
        else
            luaL_error(r->m.L, "invalid use of '%%' in replacement string");
        at = escape + 2;
    }
    luaL_addlstring(&r->result, at, (size_t)(stop - at));
}

/* Pushes what the table or the function at 3 answers. */
static void ask(struct rewriting *r, const char *from, const char *end)
{
    lua_State *L = r->m.L;
    match_settle(&r->m);
    if (lua_istable(L, 3)) {
        push_capture(&r->m, match_capture(&r->m, 0, from, end));
        lua_gettable(L, 3);
    } else {
        lua_pushvalue(L, 3);
        lua_call(L, push_captures(&r->m, from, end), 1);
    }
}

/* False if the answer was to leave the match as it is. */
static bool add_answer(struct rewriting *r, const char *from, const char *end)
{
    lua_State *L = r->m.L;
    ask(r, from, end);
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        return false;
    }
    if (!lua_isstring(L, -1))
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    luaL_addvalue(&r->result);
    return true;
}

static void replace(struct rewriting *r, const char *from, const char *end)
{
    keep_until(r, from);
    if (lua_isstring(r->m.L, 3))
        add_template(r, from, end);
    else if (!add_answer(r, from, end))
        return;
    r->kept = end;
    r->is_changed = true;
}

/* An empty match right behind the one before is none. Returns how many there were. */
static lua_Integer replace_all(struct rewriting *r, lua_Integer limit)
{
    struct match *m = &r->m;
    bool is_anchored = skip_anchor(m);
    const char *at = m->text, *behind = NULL;
    lua_Integer count = 0;
    while (count < limit) {
        const char *end = match_try(m, at);
        if (end != NULL && end != behind) {
            replace(r, at, end);
            count++;
            at = behind = end;
        } else if (at < m->text_end) {
            at = match_seek(m, at + 1);
        } else {
            break;
        }
        if (is_anchored)
            break;
    }
    return count;
}

int text_gsub(lua_State *L)
{
    struct slice text = check_text(L, 1), pattern = check_text(L, 2);
    lua_Integer limit = luaL_optinteger(L, 4, (lua_Integer)text.len + 1);
    luaL_argexpected(L, lua_isstring(L, 3) || lua_istable(L, 3) || lua_isfunction(L, 3), 3,
                     "string/function/table");
    struct rewriting r;
    match_init(&r.m, L, text, pattern);
    r.kept = text.at;
    r.is_changed = false;
    luaL_buffinit(L, &r.result);
    lua_Integer count = replace_all(&r, limit);
    match_settle(&r.m);
    if (r.is_changed) {
        keep_until(&r, r.m.text_end);
        luaL_pushresult(&r.result);
    } else {
        lua_pushvalue(L, 1);
    }
    lua_pushinteger(L, count);
    return 2;
}
