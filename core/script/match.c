#include "script/match.h"

#include <ctype.h>

#include <lauxlib.h>

#include "script/vm.h"

/* ROADS_MAX is stock Lua's bound for how deep a pattern may branch. A step costs about as much as
 * so many bytes of the work that vm_charge counts otherwise. */
enum { ROADS_MAX = 199, STEPS_UNTOLD = 4096, STEP_UNITS = 4, PIECE_STEPS = 4096 };

/* What stands for one character: "x", ".", "%a", "[set]". */
struct item {
    enum { ANY, LITERAL, CLASS, SET } kind;
    unsigned char letter;   /* LITERAL, CLASS */
    const char *set, *last; /* SET: behind "[" or "[^", and its "]" */
    bool is_inverse;        /* SET */
    size_t cost;            /* steps to look at one character */
};

/* A place to go back to when the way taken from it has failed, or something to be undone then. */
struct road {
    enum { LESS, MORE, NONE, UNDO_OPEN, UNDO_CLOSE } kind;
    unsigned capture;       /* UNDO_CLOSE */
    const char *at, *least; /* in the text; LESS gives back down to `least` */
    const char *next;       /* in the pattern: behind the item and its sign */
    struct item item;       /* MORE takes one more of these */
};

struct walk {
    struct match *m;
    const char *at, *next; /* in the text, in the pattern */
    unsigned depth;
    struct road roads[ROADS_MAX];
};

enum course { ONWARD, FAILED, ARRIVED };

/* ---- steps ---- */

void match_init(struct match *m, lua_State *L, struct slice text, struct slice pattern)
{
    m->L = L;
    m->text = text.at;
    m->text_end = text.at + text.len;
    m->pattern = pattern.at;
    m->pattern_end = pattern.at + pattern.len;
    m->steps = 0;
    m->count = 0;
}

void match_settle(struct match *m)
{
    size_t steps = m->steps;
    m->steps = 0;
    vm_charge(m->L, steps * STEP_UNITS);
}

static inline void spend(struct match *m, size_t steps)
{
    m->steps += steps;
    if (m->steps >= STEPS_UNTOLD)
        match_settle(m);
}

void match_spend(struct match *m, size_t steps)
{
    spend(m, steps);
}

/* ---- one character ---- */

static bool is_in_class(unsigned char letter, unsigned char c)
{
    bool is_in;
    switch (letter | ('a' ^ 'A')) {
    case 'a':
        is_in = isalpha(c);
        break;
    case 'c':
        is_in = iscntrl(c);
        break;
    case 'd':
        is_in = isdigit(c);
        break;
    case 'g':
        is_in = isgraph(c);
        break;
    case 'l':
        is_in = islower(c);
        break;
    case 'p':
        is_in = ispunct(c);
        break;
    case 's':
        is_in = isspace(c);
        break;
    case 'u':
        is_in = isupper(c);
        break;
    case 'w':
        is_in = isalnum(c);
        break;
    case 'x':
        is_in = isxdigit(c);
        break;
    case 'z': /* of Lua 5.1, still there */
        is_in = c == 0;
        break;
    default:
        return letter == c;
    }
    return isupper(letter) ? !is_in : is_in;
}

/* An escape takes whatever follows it, and a range whatever is on both sides of its "-", also where
 * that looks odd: "[a-%%]" is a range up to "%" and then the class of "]". */
static bool is_listed(const struct item *item, unsigned char c)
{
    for (const char *p = item->set; p < item->last; p++) {
        if (*p == '%') {
            p++;
            if (is_in_class((unsigned char)*p, c))
                return true;
        } else if (p[1] == '-' && p + 2 < item->last) {
            if ((unsigned char)*p <= c && c <= (unsigned char)p[2])
                return true;
            p += 2;
        } else if ((unsigned char)*p == c) {
            return true;
        }
    }
    return false;
}

static inline bool is_in_set(const struct item *item, unsigned char c)
{
    return is_listed(item, c) != item->is_inverse;
}

static inline bool item_takes(const struct item *item, unsigned char c)
{
    switch (item->kind) {
    case ANY:
        return true;
    case LITERAL:
        return item->letter == c;
    case CLASS:
        return is_in_class(item->letter, c);
    case SET:
        return is_in_set(item, c);
    }
    return false;
}

static inline bool takes_at(const struct match *m, const struct item *item, const char *at)
{
    return at < m->text_end && item_takes(item, (unsigned char)*at);
}

/* Where a run of such characters ends that begins at `at`, looking no further than `stop`. */
static const char *end_of_run(const struct item *item, const char *at, const char *stop)
{
    switch (item->kind) {
    case ANY:
        return stop;
    case LITERAL:
        while (at < stop && (unsigned char)*at == item->letter)
            at++;
        return at;
    case CLASS:
        while (at < stop && is_in_class(item->letter, (unsigned char)*at))
            at++;
        return at;
    case SET:
        while (at < stop && is_in_set(item, (unsigned char)*at))
            at++;
        return at;
    }
    return at;
}

/* Where one piece of text ends that begins at `at`: what is done between two spends. */
static inline const char *end_of_piece(const struct match *m, const struct item *item,
                                       const char *at)
{
    size_t left = (size_t)(m->text_end - at);
    if (left * item->cost <= PIECE_STEPS)
        return m->text_end;
    size_t piece = PIECE_STEPS / item->cost + 1;
    return left > piece ? at + piece : m->text_end;
}

static const char *take_run(struct match *m, const struct item *item, const char *at)
{
    while (at < m->text_end) {
        const char *from = at, *stop = end_of_piece(m, item, at);
        at = end_of_run(item, at, stop);
        spend(m, (size_t)(at - from) * item->cost);
        if (at < stop)
            break;
    }
    return at;
}

/* The first such character at or behind `at`, or the end of the text. */
static const char *find_first(struct match *m, const struct item *item, const char *at)
{
    while (at < m->text_end && !item_takes(item, (unsigned char)*at)) {
        const char *from = at, *stop = end_of_piece(m, item, at);
        do
            at++;
        while (at < stop && !item_takes(item, (unsigned char)*at));
        spend(m, (size_t)(at - from) * item->cost);
    }
    return at;
}

/* ---- reading the pattern ---- */

/* The first character of a set is always taken for itself, even if it is "]". */
static const char *read_set(struct match *m, const char *p, struct item *item)
{
    const char *from = p;
    item->kind = SET;
    item->is_inverse = *p == '^';
    if (item->is_inverse)
        p++;
    item->set = p;
    do {
        if (p == m->pattern_end)
            luaL_error(m->L, "malformed pattern (missing ']')");
        if (*p++ == '%' && p < m->pattern_end)
            p++;
    } while (*p != ']');
    item->last = p;
    item->cost = 1 + (size_t)(p - from) / STEP_UNITS;
    spend(m, 2 * item->cost); /* for this, and for what it is read for */
    return p + 1;
}

/* Returns what follows the item. */
static inline const char *read_item(struct match *m, const char *p, struct item *item)
{
    char c = *p++;
    item->cost = 1;
    if (c == '[')
        return read_set(m, p, item);
    if (c == '.') {
        item->kind = ANY;
        return p;
    }
    item->kind = LITERAL;
    if (c == '%') {
        if (p == m->pattern_end)
            luaL_error(m->L, "malformed pattern (ends with '%%')");
        item->kind = CLASS;
        c = *p++;
    }
    item->letter = (unsigned char)c;
    return p;
}

/* ---- captures ---- */

static struct road *add_road(struct walk *w)
{
    if (w->depth == ROADS_MAX)
        luaL_error(w->m->L, "pattern too complex");
    return &w->roads[w->depth++];
}

static enum course open_capture(struct walk *w)
{
    struct match *m = w->m;
    bool is_position = w->next[1] == ')';
    if (m->count == CAPTURES_MAX)
        luaL_error(m->L, "too many captures");
    m->captures[m->count++] =
        (struct capture){w->at, is_position ? CAPTURE_POSITION : CAPTURE_OPEN};
    w->next += is_position ? 2 : 1;
    add_road(w)->kind = UNDO_OPEN;
    return ONWARD;
}

static enum course close_capture(struct walk *w)
{
    struct match *m = w->m;
    unsigned i = m->count;
    while (i > 0 && m->captures[i - 1].len != CAPTURE_OPEN)
        i--;
    if (i == 0)
        luaL_error(m->L, "invalid pattern capture");
    m->captures[i - 1].len = w->at - m->captures[i - 1].at;
    w->next++;
    struct road *road = add_road(w);
    road->kind = UNDO_CLOSE;
    road->capture = i - 1;
    return ONWARD;
}

static enum course match_again(struct walk *w)
{
    struct match *m = w->m;
    int index = w->next[1] - '1';
    if (index < 0 || (unsigned)index >= m->count || m->captures[index].len == CAPTURE_OPEN)
        return (enum course)luaL_error(m->L, "invalid capture index %%%d", index + 1);
    const struct capture *capture = &m->captures[index];
    if (capture->len < 0 || m->text_end - w->at < capture->len)
        return FAILED;
    spend(m, 1 + (size_t)capture->len / STEP_UNITS);
    if (memcmp(capture->at, w->at, (size_t)capture->len) != 0)
        return FAILED;
    w->at += capture->len;
    w->next += 2;
    return ONWARD;
}

struct capture match_capture(struct match *m, unsigned index, const char *from, const char *end)
{
    if (index >= m->count) {
        if (index > 0)
            luaL_error(m->L, "invalid capture index %%%d", (int)index + 1);
        return (struct capture){from, end - from};
    }
    if (m->captures[index].len == CAPTURE_OPEN)
        luaL_error(m->L, "unfinished capture");
    return m->captures[index];
}

/* ---- %b, %f ---- */

static const char *end_of_balance(struct match *m, const char *at, char open, char close)
{
    size_t depth = 1;
    if (at == m->text_end || *at != open)
        return NULL;
    for (at++; at < m->text_end; at++) {
        spend(m, 1);
        if (*at == close) {
            if (--depth == 0)
                return at + 1;
        } else if (*at == open) {
            depth++;
        }
    }
    return NULL;
}

static enum course match_balance(struct walk *w)
{
    if (w->m->pattern_end - w->next < 4)
        luaL_error(w->m->L, "malformed pattern (missing arguments to '%%b')");
    const char *end = end_of_balance(w->m, w->at, w->next[2], w->next[3]);
    if (end == NULL)
        return FAILED;
    w->at = end;
    w->next += 4;
    return ONWARD;
}

/* Both ends of the text count as a character 0. */
static enum course match_frontier(struct walk *w)
{
    struct match *m = w->m;
    struct item item;
    if (w->next[2] != '[')
        luaL_error(m->L, "missing '[' after '%%f' in pattern");
    const char *after = read_set(m, w->next + 3, &item);
    spend(m, item.cost);
    if (is_in_set(&item, w->at == m->text ? 0 : (unsigned char)w->at[-1]) ||
        !is_in_set(&item, w->at == m->text_end ? 0 : (unsigned char)*w->at))
        return FAILED;
    w->next = after;
    return ONWARD;
}

/* ---- an item and its sign ---- */

static enum course take_most(struct walk *w, const struct item *item, const char *next)
{
    const char *most = take_run(w->m, item, w->at);
    struct road *road = add_road(w);
    road->kind = LESS;
    road->at = most;
    road->least = w->at;
    road->next = next;
    w->at = most;
    w->next = next;
    return ONWARD;
}

static enum course take_fewest(struct walk *w, const struct item *item, const char *next)
{
    struct road *road = add_road(w);
    road->kind = MORE;
    road->at = w->at;
    road->next = next;
    road->item = *item;
    w->next = next;
    return ONWARD;
}

static enum course take_or_not(struct walk *w, const char *next)
{
    struct road *road = add_road(w);
    road->kind = NONE;
    road->at = w->at++;
    road->next = next;
    w->next = next;
    return ONWARD;
}

/* One that is not there needs no way back: whatever the sign, none of it is taken. */
static enum course match_item(struct walk *w)
{
    struct item item;
    const char *sign = read_item(w->m, w->next, &item);
    if (!takes_at(w->m, &item, w->at)) {
        w->next = sign + 1;
        return *sign == '*' || *sign == '-' || *sign == '?' ? ONWARD : FAILED;
    }
    switch (*sign) {
    case '+':
        w->at++;
        return take_most(w, &item, sign + 1);
    case '*':
        return take_most(w, &item, sign + 1);
    case '-':
        return take_fewest(w, &item, sign + 1);
    case '?':
        return take_or_not(w, sign + 1);
    }
    w->at++;
    w->next = sign;
    return ONWARD;
}

/* ---- the way through ---- */

static enum course match_escape(struct walk *w)
{
    switch (w->next[1]) {
    case 'b':
        return match_balance(w);
    case 'f':
        return match_frontier(w);
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return match_again(w);
    }
    return match_item(w);
}

static inline enum course go_on(struct walk *w)
{
    if (w->next == w->m->pattern_end)
        return ARRIVED;
    switch (*w->next) {
    case '(':
        return open_capture(w);
    case ')':
        return close_capture(w);
    case '%':
        return match_escape(w);
    case '$':
        if (w->next + 1 == w->m->pattern_end)
            return w->at == w->m->text_end ? ARRIVED : FAILED;
    }
    return match_item(w);
}

/* Whether the road leads on once more. LESS stays until all has been given back, MORE until no more
 * can be taken. */
static bool turn_into(struct walk *w, struct road *road)
{
    switch (road->kind) {
    case LESS:
        if (road->at == road->least)
            return false;
        road->at--;
        break;
    case MORE:
        spend(w->m, road->item.cost);
        if (!takes_at(w->m, &road->item, road->at))
            return false;
        road->at++;
        break;
    case NONE:
        w->depth--;
        break;
    case UNDO_OPEN:
        w->m->count--;
        return false;
    case UNDO_CLOSE:
        w->m->captures[road->capture].len = CAPTURE_OPEN;
        return false;
    }
    w->at = road->at;
    w->next = road->next;
    return true;
}

static bool go_back(struct walk *w)
{
    while (w->depth > 0) {
        spend(w->m, 1);
        if (turn_into(w, &w->roads[w->depth - 1]))
            return true;
        w->depth--;
    }
    return false;
}

const char *match_try(struct match *m, const char *from)
{
    struct walk w;
    w.m = m;
    w.at = from;
    w.next = m->pattern;
    w.depth = 0;
    m->count = 0;
    for (;;) {
        spend(m, 1);
        enum course course = go_on(&w);
        if (course == ARRIVED)
            return w.at;
        if (course == FAILED && !go_back(&w))
            return NULL;
    }
}

/* ---- where a match may begin ---- */

static inline bool is_item(const struct match *m, const char *p)
{
    if (p == m->pattern_end || *p == '(' || *p == ')')
        return false;
    if (*p == '$')
        return p + 1 < m->pattern_end;
    return *p != '%' || !(p[1] == 'b' || p[1] == 'f' || isdigit((unsigned char)p[1]));
}

/* A pattern that begins with an item that has to be there begins only at such characters: no way
 * from anywhere else comes past it. */
const char *match_seek(struct match *m, const char *from)
{
    struct item item;
    const char *p = m->pattern;
    if (p < m->pattern_end && *p == '(')
        p++;
    if (!is_item(m, p))
        return from;
    char sign = *read_item(m, p, &item);
    if (sign == '*' || sign == '-' || sign == '?' || from == m->text_end)
        return from;
    return find_first(m, &item, from);
}
