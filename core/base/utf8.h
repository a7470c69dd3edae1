/* UTF-8, strictly: no surrogates, no overlong forms, nothing above U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/slice.h"

#include <stdint.h>

/* Checks text that arrives in pieces. `*state` is zero before the first one; false as soon as what
 * has come cannot be the beginning of valid text. A `*state` of zero afterwards: it ends with a
 * whole character. */
bool utf8_check(unsigned *state, struct slice piece) MUST_USE;

/* Whether the whole text is valid. */
bool utf8_is_valid(struct slice text);

/* The length of the character that `text` begins with, 1 to 4; 0 when it begins with none. */
size_t utf8_char(struct slice text);

/* The length of the longest beginning of `text`, of at most `max` bytes, that does not end within a
 * character. */
size_t utf8_cut(struct slice text, size_t max);

/* Writes a code point (not a surrogate) and returns its length, 1 to 4. */
size_t utf8_put(char out[static 4], uint32_t point);

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD, for what is not UTF-8 */

#endif
