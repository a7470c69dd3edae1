#include "wire/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The shortest of three forms that reads back equal. */
static void put_fraction(struct buf *out, double x)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    buf_add_text(out, text);
    if (text[strspn(text, "-0123456789")] == '\0')
        buf_add_text(out, ".0");
}

/* Prices, coordinates, percentages: a number of at most six decimals is found without printing it
 * three times. A quotient of two exact floats is what reading the decimal gives, so equality proves
 * it. */
static bool put_decimal(struct buf *out, double x)
{
    double millionths = nearbyint(fabs(x) * 1e6);
    if (!(millionths < 1e15) || millionths == 0 || millionths / 1e6 != fabs(x))
        return false;
    uint64_t whole = (uint64_t)millionths / 1000000, rest = (uint64_t)millionths % 1000000;
    char digits[6];
    size_t used = 1;
    for (size_t i = sizeof digits; i-- > 0; rest /= 10) {
        digits[i] = (char)('0' + rest % 10);
        if (digits[i] != '0' && used < i + 1)
            used = i + 1;
    }
    if (x < 0)
        buf_add_byte(out, '-');
    buf_add_unsigned(out, whole);
    buf_add_byte(out, '.');
    buf_add(out, digits, used);
    return true;
}

void json_put_float(struct buf *out, double x)
{
    if (!put_decimal(out, x))
        put_fraction(out, x);
}
