/* Lua's patterns, tried in steps that the CPU budget sees: no pattern on no text outlives it. */
#ifndef SCRIPT_MATCH_H
#define SCRIPT_MATCH_H

#include "base/slice.h"

#include <lua.h>

enum { CAPTURES_MAX = 32 };

struct capture {
    const char *at;
    ptrdiff_t len; /* or, below 0, one of these */
};
enum { CAPTURE_OPEN = -1, CAPTURE_POSITION = -2 };

/* On the stack of a function that scripts call. Text and pattern are Lua strings, which the caller
 * keeps on its own: both are followed by a NUL. Owns nothing, so that anything here may raise. */
struct match {
    lua_State *L;
    const char *text, *text_end;
    const char *pattern, *pattern_end; /* without an anchor: "^" means nothing here */
    size_t steps;                      /* that the budget has not been told yet */
    unsigned count;
    struct capture captures[CAPTURES_MAX];
};

void match_init(struct match *m, lua_State *L, struct slice text, struct slice pattern);
/* Tells the budget of the steps it has not heard of: before other code runs, and at the end. Does
 * not return when the budget is used up, as all of the following. */
void match_settle(struct match *m);
/* Counts steps beside those of match_try. */
void match_spend(struct match *m, size_t steps);

/* The capture `index`, counted from 0, of the match from `from` to `end`; of a pattern without
 * captures, 0 is all of it. Raises if there is none, or it is still open. `len` may be
 * CAPTURE_POSITION. */
struct capture match_capture(struct match *m, unsigned index, const char *from, const char *end);
/* The end of the match that begins exactly at `from`, with its captures, or NULL. Mistakes in the
 * pattern are raised when the way through it comes across them, not before. */
const char *match_try(struct match *m, const char *from);
/* The first place at or behind `from` where a match may begin; may be the end of the text. Only
 * after a match_try: a mistake in the pattern's first item is for that to find. */
const char *match_seek(struct match *m, const char *from);

#endif
