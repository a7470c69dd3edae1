#include "rule/schema_number.h"

#include "base/buf.h"
#include "base/map.h"

enum { DIGITS_MAX = 19 };                        /* what always fits 64 bits */
#define EXPONENT_MAX INT64_C(100000000000000000) /* ten times it fits as well */

static const uint64_t powers[DIGITS_MAX + 1] = {
    1u,
    10u,
    100u,
    1000u,
    10000u,
    100000u,
    1000000u,
    10000000u,
    100000000u,
    1000000000u,
    10000000000u,
    100000000000u,
    1000000000000u,
    10000000000000u,
    100000000000000u,
    1000000000000000u,
    10000000000000000u,
    100000000000000000u,
    1000000000000000000u,
    10000000000000000000u,
};

static int64_t read_exponent(const char *at, const char *end)
{
    bool is_negative = *at == '-';
    int64_t exponent = 0;
    if (*at == '-' || *at == '+')
        at++;
    for (; at < end && exponent < EXPONENT_MAX; at++)
        exponent = exponent * 10 + (*at - '0');
    if (exponent > EXPONENT_MAX)
        exponent = EXPONENT_MAX;
    return is_negative ? -exponent : exponent;
}

/* Where the digits are in the text, and the exponent of the last one there. */
struct span {
    const char *first, *last; /* both digits that are not 0; first NULL for zero */
    int64_t count, exponent;
};

/* Digits that are not significant are left out; the last one's place is counted from the point. */
static struct span find_digits(const char *at, const char *end)
{
    struct span s = {NULL, NULL, 0, 0};
    bool is_behind_point = false;
    int64_t places = 0, zeros = 0; /* zeros: those since the last other digit */
    for (; at < end && (*at | 0x20) != 'e'; at++) {
        if (*at == '.') {
            is_behind_point = true;
            continue;
        }
        places += is_behind_point;
        if (*at == '0') {
            zeros++;
            continue;
        }
        s.count = s.first != NULL ? s.count + zeros + 1 : 1;
        s.first = s.first != NULL ? s.first : at;
        s.last = at;
        zeros = 0;
    }
    s.exponent = zeros - places;
    if (at < end && s.first != NULL)
        s.exponent += read_exponent(at + 1, end);
    return s;
}

static uint64_t read_mantissa(struct slice text)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] != '.')
            sum = sum * 10 + (uint64_t)(text.at[i] - '0');
    return sum;
}

void decimal_parse(struct slice number, struct decimal *out)
{
    const char *at = number.at, *end = number.at + number.len;
    *out = (struct decimal){.is_negative = *at == '-'};
    struct span s = find_digits(at + out->is_negative, end);
    if (s.first == NULL) {
        out->is_negative = false;
        return;
    }
    out->exponent = s.exponent;
    out->magnitude = s.exponent + s.count;
    out->is_long = s.count > DIGITS_MAX;
    out->digits = out->is_long ? 0 : (unsigned)s.count;
    out->text = slice_make(s.first, (size_t)(s.last - s.first) + 1);
    if (!out->is_long)
        out->mantissa = read_mantissa(out->text);
}

static bool is_zero(const struct decimal *d)
{
    return !d->is_long && d->mantissa == 0;
}

static int sign_of(const struct decimal *d)
{
    return is_zero(d) ? 0 : d->is_negative ? -1 : 1;
}

/* The digits one after the other, zeros without end behind them. */
static char next_digit(struct slice *text)
{
    if (text->len > 0 && *text->at == '.')
        *text = slice_make(text->at + 1, text->len - 1);
    if (text->len == 0)
        return '0';
    char digit = *text->at;
    *text = slice_make(text->at + 1, text->len - 1);
    return digit;
}

static int compare_texts(struct slice a, struct slice b)
{
    while (a.len > 0 || b.len > 0) {
        char left = next_digit(&a), right = next_digit(&b);
        if (left != right)
            return left < right ? -1 : 1;
    }
    return 0;
}

/* Two of one magnitude. */
static int compare_digits(const struct decimal *a, const struct decimal *b)
{
    if (a->is_long || b->is_long)
        return compare_texts(a->text, b->text);
    uint64_t left = a->mantissa, right = b->mantissa;
    if (a->digits < b->digits)
        left *= powers[b->digits - a->digits];
    else
        right *= powers[a->digits - b->digits];
    return (left > right) - (left < right);
}

int decimal_compare(const struct decimal *a, const struct decimal *b)
{
    int left = sign_of(a), right = sign_of(b);
    if (left != right || left == 0)
        return left - right;
    if (a->magnitude != b->magnitude)
        return a->magnitude < b->magnitude ? -left : left;
    return left * compare_digits(a, b);
}

static uint64_t multiply(uint64_t a, uint64_t b, uint64_t modulus)
{
    return (uint64_t)((unsigned __int128)a * b % modulus);
}

static uint64_t power_of_ten(int64_t exponent, uint64_t modulus)
{
    uint64_t result = 1 % modulus, base = 10 % modulus;
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1)
            result = multiply(result, base, modulus);
        base = multiply(base, base, modulus);
    }
    return result;
}

static uint64_t remainder_of(const struct decimal *n, uint64_t modulus)
{
    if (!n->is_long)
        return n->mantissa % modulus;
    uint64_t rest = 0;
    for (size_t i = 0; i < n->text.len; i++)
        if (n->text.at[i] != '.')
            rest = (uint64_t)(((unsigned __int128)rest * 10 + (unsigned)(n->text.at[i] - '0')) %
                              modulus);
    return rest;
}

bool decimal_is_multiple(const struct decimal *n, const struct decimal *divisor)
{
    if (is_zero(n))
        return true;
    /* The digits of n do not end with a zero, so no power of ten divides them. */
    if (n->exponent < divisor->exponent)
        return false;
    uint64_t shift = power_of_ten(n->exponent - divisor->exponent, divisor->mantissa);
    return multiply(remainder_of(n, divisor->mantissa), shift, divisor->mantissa) == 0;
}

uint64_t decimal_hash(const struct decimal *d)
{
    struct buf key = {0};
    int64_t head[2] = {d->exponent, sign_of(d)};
    buf_add(&key, head, sizeof head);
    if (!d->is_long)
        buf_add(&key, &d->mantissa, sizeof d->mantissa);
    for (size_t i = 0; d->is_long && i < d->text.len; i++)
        if (d->text.at[i] != '.')
            buf_add_byte(&key, d->text.at[i]);
    uint64_t hash = hash_bytes(buf_slice(&key));
    buf_finish(&key);
    return hash;
}

bool decimal_count(const struct decimal *d, uint64_t *out)
{
    if (d->is_negative || d->exponent < 0)
        return false;
    *out = is_zero(d)                                ? 0
           : d->is_long || d->magnitude > DIGITS_MAX ? UINT64_MAX
                                                     : d->mantissa * powers[d->exponent];
    return true;
}
