/* JSON numbers as exact decimals: compared, divided and hashed without a double in between. */
#ifndef RULE_SCHEMA_NUMBER_H
#define RULE_SCHEMA_NUMBER_H

#include "base/slice.h"

#include <stdint.h>

/* Sign, digits and a power of ten; the digits neither begin nor end with a zero, so that a value
 * has one form (zero: no digits, no sign). Copied freely; borrows the text where there are more
 * digits than a word holds. Exponents of more than 17 digits are all alike. */
struct decimal {
    bool is_negative, is_long;
    unsigned digits;   /* how many, when not long */
    uint64_t mantissa; /* the digits, when not long */
    int64_t exponent;  /* of the last digit */
    int64_t magnitude; /* of the place before the first digit: 0.5 has 0, 1 has 1 */
    struct slice text; /* first digit to last, with a point perhaps, when long */
};

void decimal_parse(struct slice number, struct decimal *out); /* a checked JSON number */
int decimal_compare(const struct decimal *a, const struct decimal *b);
static inline bool decimal_is_integer(const struct decimal *d)
{
    return d->exponent >= 0;
}
/* Whether n is a whole number of times the divisor, which is positive and not long. */
bool decimal_is_multiple(const struct decimal *n, const struct decimal *divisor);
uint64_t decimal_hash(const struct decimal *d);
/* False when it is not a whole number from 0 on. One of more than 19 digits is as good as
 * UINT64_MAX. */
bool decimal_count(const struct decimal *d, uint64_t *out) MUST_USE;

#endif
