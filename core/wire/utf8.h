/* UTF-8, strictly: no surrogates, no overlong forms, nothing past U+10FFFF. */
#ifndef WIRE_UTF8_H
#define WIRE_UTF8_H

#include "base/slice.h"

#include <stdint.h>

/* Whether bytes are valid UTF-8. */
bool utf8_is_valid(struct slice bytes);

/* The length of the character that starts at `at`, 0 when the bytes before `end` are not one.
 * `at` is before `end`. */
size_t utf8_char(const char *at, const char *end);

/* Writes a code point (not a surrogate) and returns its length, 1 to 4. */
size_t utf8_put(char out[static 4], uint32_t point);

#endif
