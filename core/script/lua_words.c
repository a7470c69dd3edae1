#include "script/lua_words.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/memory.h"

struct reader {
    struct lua_words *words;
    const char *at, *end;
    int line;
};

static bool is_name_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static char peek(const struct reader *r, size_t ahead)
{
    return (size_t)(r->end - r->at) > ahead ? r->at[ahead] : '\0';
}

static void step(struct reader *r)
{
    r->line += *r->at == '\n';
    r->at++;
}

static void add(struct reader *r, enum lua_word_kind kind, struct slice text, int line)
{
    struct lua_words *words = r->words;
    if ((words->count & (words->count - 1)) == 0)
        words->all =
            xrealloc(words->all, (words->count > 0 ? 2 * words->count : 1) * sizeof *words->all);
    words->all[words->count++] = (struct lua_word){kind, text, line};
}

/* How many "=" the long bracket has that begins here, as "[[" and "[==[" do; below 0: it is none.
 */
static int long_level(const struct reader *r)
{
    size_t level = 0;
    if (peek(r, 0) != '[')
        return -1;
    while (peek(r, level + 1) == '=')
        level++;
    return peek(r, level + 1) == '[' ? (int)level : -1;
}

static bool ends_long(const struct reader *r, int level)
{
    int found = 0;
    if (peek(r, 0) != ']')
        return false;
    while (peek(r, (size_t)found + 1) == '=')
        found++;
    return found == level && peek(r, (size_t)found + 1) == ']';
}

static struct slice take_long(struct reader *r, int level)
{
    r->at += level + 2;
    const char *from = r->at;
    while (r->at < r->end && !ends_long(r, level))
        step(r);
    struct slice inside = slice_make(from, (size_t)(r->at - from));
    if (r->at < r->end)
        r->at += level + 2;
    return inside;
}

static void skip_comment(struct reader *r)
{
    r->at += 2;
    int level = long_level(r);
    if (level >= 0)
        take_long(r, level);
    else
        while (r->at < r->end && *r->at != '\n')
            r->at++;
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end)
        if (isspace((unsigned char)*r->at))
            step(r);
        else if (peek(r, 0) == '-' && peek(r, 1) == '-')
            skip_comment(r);
        else
            return;
}

static void take_quoted(struct reader *r)
{
    char quote = *r->at++;
    const char *from = r->at;
    int line = r->line;
    bool is_odd = false;
    for (; r->at < r->end && *r->at != quote; step(r))
        if (*r->at == '\\' && r->at + 1 < r->end) {
            is_odd = true;
            step(r);
        }
    add(r, is_odd ? LUA_ODD_TEXT : LUA_TEXT, slice_make(from, (size_t)(r->at - from)), line);
    if (r->at < r->end)
        r->at++;
}

static void take_name(struct reader *r)
{
    const char *from = r->at;
    while (r->at < r->end && is_name_byte(*r->at))
        r->at++;
    add(r, LUA_NAME, slice_make(from, (size_t)(r->at - from)), r->line);
}

static void take_word(struct reader *r)
{
    int level = long_level(r), line = r->line;
    if (level >= 0) {
        struct slice inside = take_long(r, level);
        bool has_line = inside.len > 0 && (inside.at[0] == '\n' || inside.at[0] == '\r');
        add(r, has_line ? LUA_ODD_TEXT : LUA_TEXT, inside,
            line); /* a first newline is left out of it */
    } else if (*r->at == '"' || *r->at == '\'') {
        take_quoted(r);
    } else if (is_name_byte(*r->at)) {
        take_name(r);
    } else {
        add(r, LUA_SIGN, slice_make(r->at, 1), line);
        r->at++;
    }
}

void lua_words_read(struct lua_words *words, struct slice source)
{
    struct reader r = {words, source.at, source.at + source.len, 1};
    for (skip_blanks(&r); r.at < r.end; skip_blanks(&r))
        take_word(&r);
}

void lua_words_finish(struct lua_words *words)
{
    free(words->all);
    *words = (struct lua_words){0};
}

const struct lua_word *lua_word(const struct lua_words *words, size_t index)
{
    static const struct lua_word end;
    return index < words->count ? &words->all[index] : &end;
}

bool lua_word_is(const struct lua_words *words, size_t index, const char *text)
{
    const struct lua_word *word = lua_word(words, index);
    return (word->kind == LUA_NAME || word->kind == LUA_SIGN) && slice_is(word->text, text);
}
