#include "bench/stamp.h"

enum { RUN_DIGITS = 8, LANE_DIGITS = 6, SEQUENCE_DIGITS = 10, TIME_DIGITS = 16, IS_DIGIT = 0x10 };
_Static_assert(2 + RUN_DIGITS + LANE_DIGITS + SEQUENCE_DIGITS + TIME_DIGITS + 1 == STAMP_LEN,
               "the parts of a stamp");

static char *put_hex(char *at, uint64_t value, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--, value >>= 4)
        at[i - 1] = "0123456789abcdef"[value & 15];
    return at + digits;
}

void stamp_put(char out[STAMP_LEN], const struct stamp *stamp)
{
    out[0] = out[1] = '@';
    char *at = put_hex(out + 2, stamp->run, RUN_DIGITS);
    at = put_hex(at, stamp->lane, LANE_DIGITS);
    at = put_hex(at, stamp->sequence, SEQUENCE_DIGITS);
    *put_hex(at, stamp->due_ns, TIME_DIGITS) = '@';
}

#define DIGIT(value) (IS_DIGIT | (value))
/* The value of each hexadecimal digit; 0 for bytes that are none. */
static const uint8_t digits[256] = {
    ['0'] = DIGIT(0),  ['1'] = DIGIT(1),  ['2'] = DIGIT(2),  ['3'] = DIGIT(3),
    ['4'] = DIGIT(4),  ['5'] = DIGIT(5),  ['6'] = DIGIT(6),  ['7'] = DIGIT(7),
    ['8'] = DIGIT(8),  ['9'] = DIGIT(9),  ['a'] = DIGIT(10), ['b'] = DIGIT(11),
    ['c'] = DIGIT(12), ['d'] = DIGIT(13), ['e'] = DIGIT(14), ['f'] = DIGIT(15),
};

static uint64_t take_hex(const char **at, unsigned count, uint8_t *seen)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++) {
        uint8_t digit = digits[(unsigned char)(*at)[i]];
        *seen &= digit;
        value = value << 4 | (digit & 15);
    }
    *at += count;
    return value;
}

static bool read_stamp(const char *at, struct stamp *stamp)
{
    uint8_t seen = IS_DIGIT;
    if (at[0] != '@' || at[1] != '@' || at[STAMP_LEN - 1] != '@')
        return false;
    at += 2;
    stamp->run = (uint32_t)take_hex(&at, RUN_DIGITS, &seen);
    stamp->lane = (uint32_t)take_hex(&at, LANE_DIGITS, &seen);
    stamp->sequence = take_hex(&at, SEQUENCE_DIGITS, &seen);
    stamp->due_ns = take_hex(&at, TIME_DIGITS, &seen);
    return seen != 0;
}

bool stamp_find(struct slice *text, struct stamp *stamp)
{
    const char *at = text->at, *end = text->at + text->len;
    while (end - at >= STAMP_LEN) {
        at = memchr(at, '@', (size_t)(end - at) - STAMP_LEN + 1);
        if (at == NULL)
            return false;
        if (read_stamp(at, stamp)) {
            at += STAMP_LEN;
            *text = slice_make(at, (size_t)(end - at));
            return true;
        }
        at++;
    }
    return false;
}
