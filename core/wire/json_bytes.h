/* What the files of wire/json and the tape of rule/schema share: byte classes, and skipping runs of
 * bytes quickly. Nobody else's. */
#ifndef WIRE_JSON_BYTES_H
#define WIRE_JSON_BYTES_H

#include "base/slice.h"

#include <endian.h>
#include <stdint.h>

/* What a byte may be part of. */
enum {
    SPACE = 1,
    DIGIT = 2,
    HEX = 4,
    ENDS_SCALAR = 8, /* a number or literal stops before it */
    SPECIAL = 16,    /* a string byte that cannot be copied as it is: quote, backslash, control */
    BEYOND_ASCII = 32,
};

static const uint8_t json_classes[256] = {
    [0x00 ... 0x08] = SPECIAL,
    ['\t'] = SPACE | SPECIAL | ENDS_SCALAR,
    ['\n'] = SPACE | SPECIAL | ENDS_SCALAR,
    [0x0B ... 0x0C] = SPECIAL,
    ['\r'] = SPACE | SPECIAL | ENDS_SCALAR,
    [0x0E ... 0x1F] = SPECIAL,
    [' '] = SPACE | ENDS_SCALAR,
    ['"'] = SPECIAL | ENDS_SCALAR,
    ['\\'] = SPECIAL,
    [','] = ENDS_SCALAR,
    [':'] = ENDS_SCALAR,
    ['['] = ENDS_SCALAR,
    [']'] = ENDS_SCALAR,
    ['{'] = ENDS_SCALAR,
    ['}'] = ENDS_SCALAR,
    ['0' ... '9'] = DIGIT | HEX,
    ['A' ... 'F'] = HEX,
    ['a' ... 'f'] = HEX,
    [0x80 ... 0xFF] = BEYOND_ASCII,
};

static inline bool is(char byte, unsigned class)
{
    return (json_classes[(unsigned char)byte] & class) != 0;
}

static inline const char *skip(const char *at, const char *end, unsigned class)
{
    while (at < end && is(*at, class))
        at++;
    return at;
}

static inline const char *skip_until(const char *at, const char *end, unsigned class)
{
    while (at < end && !is(*at, class))
        at++;
    return at;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The top bit of every byte of `word` that is SPECIAL, of the others none up to the first that is:
 * a borrow can only leave a byte that is one. Bytes beyond ASCII are left to the caller. */
static inline uint64_t special_bits(uint64_t word)
{
    uint64_t control = word - EACH(0x20);
    uint64_t quote = (word ^ EACH('"')) - EACH(1);
    uint64_t backslash = (word ^ EACH('\\')) - EACH(1);
    return control | quote | backslash;
}

static inline uint64_t load_word(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return le64toh(word);
}

/* To the first byte that is SPECIAL. */
static inline const char *skip_plain(const char *at, const char *end)
{
    for (; end - at >= 8; at += 8) {
        uint64_t word = load_word(at);
        uint64_t stops = special_bits(word) & ~word & EACH(0x80);
        if (stops != 0)
            return at + __builtin_ctzll(stops) / 8;
    }
    return skip_until(at, end, SPECIAL);
}

/* To the first byte that is SPECIAL or BEYOND_ASCII. */
static inline const char *skip_plain_ascii(const char *at, const char *end)
{
    for (; end - at >= 8; at += 8) {
        uint64_t word = load_word(at);
        uint64_t stops = (special_bits(word) | word) & EACH(0x80);
        if (stops != 0)
            return at + __builtin_ctzll(stops) / 8;
    }
    return skip_until(at, end, SPECIAL | BEYOND_ASCII);
}

/* Where a slice ends, also one that is absent. */
static inline const char *end_of(struct slice s)
{
    return s.len > 0 ? s.at + s.len : s.at;
}

#endif
