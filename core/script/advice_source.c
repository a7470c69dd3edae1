#include "script/advice.h"

#include <ctype.h>

#include "hub/generation.h"
#include "script/lua_words.h"
#include "script/problem.h"

struct source {
    const struct script_set *set;
    const struct script *script;
    const struct lua_words *words;
    struct problems *warnings;
};

#define WARN(source, line, ...)                                                                    \
    problem_add((source)->warnings, (source)->set, (source)->script->name, line, __VA_ARGS__)

static bool is(const struct source *s, size_t index, const char *text)
{
    return lua_word_is(s->words, index, text);
}

/* Behind a "." or ":", which makes it a member of something. */
static bool is_member(const struct source *s, size_t index)
{
    return index > 0 && (is(s, index - 1, ".") || is(s, index - 1, ":"));
}

static bool is_text(const struct source *s, size_t index)
{
    enum lua_word_kind kind = lua_word(s->words, index)->kind;
    return kind == LUA_TEXT || kind == LUA_ODD_TEXT;
}

/* ---- publish("name"), kick("name") ---- */

/* `name` at this place is called, or is the key of a table. In "local a, publish = ..." it is none.
 */
static bool is_call_or_key(const struct source *s, size_t index)
{
    bool is_after_function = index > 0 && is(s, index - 1, "function");
    if (is(s, index + 1, "(") || is_text(s, index + 1))
        return !is_after_function;
    if (!is(s, index + 1, "=") || index == 0)
        return false;
    size_t before = index - 1;
    while (before > 0 && is(s, before, ",") && lua_word(s->words, before - 1)->kind == LUA_NAME)
        before -= 2;
    return !is(s, before, "local") &&
           (is(s, index - 1, "{") || is(s, index - 1, ",") || is(s, index - 1, ";"));
}

/* Whether the name is what every script has all over the file: it is called, and nothing else. */
static bool is_global(const struct source *s, const char *name)
{
    for (size_t i = 0; i < s->words->count; i++)
        if (is(s, i, name) && !is_member(s, i) && !is_call_or_key(s, i))
            return false;
    return true;
}

/* The text that is all of the first argument of the call at `index`, and not a part of one; absent:
 * it is none. */
static struct slice first_argument(const struct source *s, size_t index)
{
    struct slice none = {NULL, 0};
    if (!is(s, index + 1, "(") || lua_word(s->words, index + 2)->kind != LUA_TEXT)
        return none;
    return is(s, index + 3, ",") ? lua_word(s->words, index + 2)->text : none;
}

static void look_at_name(const struct source *s, size_t index, const char *function)
{
    struct slice values[PATTERN_PARAMS_MAX];
    struct slice name = first_argument(s, index);
    if (name.at == NULL || slice_begins(name, "weir:") ||
        generation_find(&s->set->generation, name, values) != NULL)
        return;
    WARN(s, lua_word(s->words, index)->line,
         "%s(\"%.*s\"): no script declares a channel of that name, so the call is an error when it "
         "comes to it",
         function, (int)(name.len < 100 ? name.len : 100), name.at);
}

static void look_at_names(const struct source *s, const char *function)
{
    if (!is_global(s, function))
        return;
    for (size_t i = 0; i < s->words->count; i++)
        if (is(s, i, function) && !is_member(s, i))
            look_at_name(s, i, function);
}

/* ---- patterns that take long ---- */

enum { PARTS_MAX = 8, PART_LENGTH_MAX = 32 };

/* A pattern of ".*", ".-" and ".+" with plain text between them; part 0 stands before the first. */
struct parts {
    char text[PARTS_MAX][PART_LENGTH_MAX];
    size_t len[PARTS_MAX];
    unsigned count;
};

/* One character at `i` that stands for itself; its length in the pattern, 0: something else stands
 * there. */
static size_t plain_at(struct slice pattern, size_t i, char *c)
{
    bool is_escaped =
        pattern.at[i] == '%' && i + 1 < pattern.len && ispunct((unsigned char)pattern.at[i + 1]);
    *c = pattern.at[i + is_escaped];
    size_t behind = i + 1 + is_escaped;
    bool is_plain = is_escaped || strchr("^$()%.[]*+-?", *c) == NULL;
    bool is_single = behind == pattern.len || strchr("*+-?", pattern.at[behind]) == NULL;
    return is_plain && is_single ? 1u + is_escaped : 0;
}

static bool is_repeat(struct slice pattern, size_t i)
{
    return pattern.at[i] == '.' && i + 1 < pattern.len && strchr("*+-", pattern.at[i + 1]) != NULL;
}

/* Takes what stands at *i. */
static bool take_part(struct parts *parts, struct slice pattern, size_t *i)
{
    char c;
    unsigned last = parts->count - 1;
    size_t plain = plain_at(pattern, *i, &c);
    if (pattern.at[*i] == '(' || pattern.at[*i] == ')') {
        ++*i;
        return true;
    }
    if (is_repeat(pattern, *i)) {
        *i += 2;
        return parts->count++ < PARTS_MAX;
    }
    if (plain == 0 || parts->len[last] == PART_LENGTH_MAX)
        return false;
    parts->text[last][parts->len[last]++] = c;
    *i += plain;
    return true;
}

static bool read_parts(struct parts *parts, struct slice pattern)
{
    if (pattern.len > 0 && pattern.at[pattern.len - 1] == '$')
        pattern.len--;
    parts->count = 1;
    for (size_t i = 0; i < pattern.len;)
        if (!take_part(parts, pattern, &i) || parts->count > PARTS_MAX)
            return false;
    if (parts->len[parts->count - 1] == 0) /* what takes all the rest does not fail */
        parts->count--;
    return true;
}

/* Whether a text of many of one part has the other nowhere. */
static bool is_free_of(const struct parts *parts, unsigned one, unsigned other)
{
    char twice[2 * PART_LENGTH_MAX];
    size_t len = parts->len[one], want = parts->len[other];
    memcpy(twice, parts->text[one], len);
    memcpy(twice + len, parts->text[one], len);
    for (size_t i = 0; i + want <= 2 * len; i++)
        if (memcmp(twice + i, parts->text[other], want) == 0)
            return false;
    return want > 0;
}

/* Three choices of a place, one after another, and the last always fails: on a text of many of the
 * part before the last (and, with an anchor, of the one before that). The anchor left out is a
 * choice too. */
static bool is_cubic(struct slice pattern)
{
    struct parts parts = {.count = 0};
    bool is_anchored = slice_begins(pattern, "^");
    unsigned choices = is_anchored ? 3 : 2;
    if (!read_parts(&parts, slice_make(pattern.at + is_anchored, pattern.len - is_anchored)) ||
        parts.count < choices + 1)
        return false;
    for (unsigned i = 1; i < parts.count; i++)
        if (parts.len[i] == 0)
            return false;
    unsigned last = parts.count - 1;
    bool has_prefix = parts.len[0] > 0 && !is_anchored;
    return is_free_of(&parts, last - 1, last) && (!has_prefix || is_free_of(&parts, 0, last));
}

static void look_at_pattern(const struct source *s, const struct lua_word *word)
{
    if (slice_is(word->text, "^%s*(.-)%s*$"))
        WARN(s, word->line,
             "\"%.*s\" takes time with the square of how many blanks there are: text:trim() does "
             "the same in one go",
             SLICE_ARGS(word->text));
    else if (word->text.len <= 100 && is_cubic(word->text))
        WARN(s, word->line,
             "\"%.*s\" can take time with the cube of the text's length where it does not match: "
             "say what may stand "
             "between, such as [^,]* for .-%s",
             SLICE_ARGS(word->text), slice_begins(word->text, "^") ? "" : ", and begin with ^");
}

/* The pattern in text:match("..."), or string.match(text, "..."); NULL: it is not written there. */
static const struct lua_word *pattern_of(const struct source *s, size_t index)
{
    size_t at = index + 1;
    bool is_method = index > 0 && is(s, index - 1, ":");
    if (is_text(s, at))
        return is_method ? lua_word(s->words, at) : NULL;
    if (!is(s, at, "("))
        return NULL;
    at++;
    if (!is_method) { /* a first argument that is a name, or a.b.c */
        while (lua_word(s->words, at)->kind == LUA_NAME && is(s, at + 1, "."))
            at += 2;
        if (lua_word(s->words, at)->kind != LUA_NAME || !is(s, at + 1, ","))
            return NULL;
        at += 2;
    }
    bool is_find = is(s, index, "find"); /* may be told to take it as it stands */
    bool is_whole = is(s, at + 1, ")") || (is(s, at + 1, ",") && !is_find);
    return lua_word(s->words, at)->kind == LUA_TEXT && is_whole ? lua_word(s->words, at) : NULL;
}

static void look_at_patterns(const struct source *s)
{
    static const char *const functions[] = {"find", "match", "gmatch", "gsub"};
    for (size_t i = 0; i < s->words->count; i++) {
        bool is_function = false;
        for (size_t n = 0; n < sizeof functions / sizeof *functions; n++)
            is_function = is_function || is(s, i, functions[n]);
        bool is_string = i > 1 && is(s, i - 1, ".") && is(s, i - 2, "string");
        const struct lua_word *pattern = NULL;
        if (is_function && (is_string || (i > 0 && is(s, i - 1, ":"))))
            pattern = pattern_of(s, i);
        if (pattern != NULL && pattern->kind == LUA_TEXT)
            look_at_pattern(s, pattern);
    }
}

void advise_on_source(const struct script_set *set, const struct script *script,
                      struct problems *warnings)
{
    struct lua_words words = {0};
    lua_words_read(&words, slice_make(script->source, script->source_len));
    struct source source = {set, script, &words, warnings};
    look_at_names(&source, "publish");
    look_at_names(&source, "kick");
    look_at_patterns(&source);
    lua_words_finish(&words);
}
