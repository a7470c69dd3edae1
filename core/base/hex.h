/* Hexadecimal digits, and what is written with them: %XX. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include "base/buf.h"
#include "base/slice.h"

/* What a digit stands for, 0 to 15, in either case; -1: it is none. */
static inline int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static inline bool hex_is_digit(char c)
{
    return hex_digit(c) >= 0;
}

/* The value of so many bytes, all of them digits; of more than eight the last eight. */
uint32_t hex_value(struct slice digits);

/* Whether text begins with a % and two digits. */
bool percent_begins(struct slice text);
/* Appends text with each %XX as the byte it is; a % that begins none stays. */
void percent_decode(struct slice text, struct buf *out);

#endif
