/* The words and signs of a Lua source that is known to compile: as much of the grammar as advice
 * asks for. */
#ifndef SCRIPT_LUA_WORDS_H
#define SCRIPT_LUA_WORDS_H

#include "base/slice.h"

enum lua_word_kind {
    LUA_END,
    LUA_NAME,     /* words of the language and numbers too */
    LUA_TEXT,     /* `text` is what is between the quotes */
    LUA_ODD_TEXT, /* it has escapes: what it says is not looked at */
    LUA_SIGN      /* one character: ".." is two of them */
};

struct lua_word {
    enum lua_word_kind kind;
    struct slice text; /* borrowed from the source */
    int line;
};

/* All zeroes is an empty one. */
struct lua_words {
    struct lua_word *all; /* owned */
    size_t count;
};

void lua_words_read(struct lua_words *words, struct slice source);
void lua_words_finish(struct lua_words *words);
/* LUA_END before the first and behind the last. */
const struct lua_word *lua_word(const struct lua_words *words, size_t index);
bool lua_word_is(const struct lua_words *words, size_t index,
                 const char *text); /* a name or a sign */

#endif
