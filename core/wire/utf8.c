#include "wire/utf8.h"

/* Whether `count` bytes before `end` continue a character; the first of them is bounded more
 * narrowly after some leading bytes, which is what keeps out overlongs and surrogates. */
static bool continues(const unsigned char *at, size_t count, unsigned low, unsigned high)
{
    if (at[0] < low || at[0] > high)
        return false;
    for (size_t i = 1; i < count; i++)
        if ((at[i] & 0xC0) != 0x80)
            return false;
    return true;
}

static size_t three(const unsigned char *at)
{
    unsigned low = at[0] == 0xE0 ? 0xA0 : 0x80;
    unsigned high = at[0] == 0xED ? 0x9F : 0xBF;
    return continues(at + 1, 2, low, high) ? 3 : 0;
}

static size_t four(const unsigned char *at)
{
    unsigned low = at[0] == 0xF0 ? 0x90 : 0x80;
    unsigned high = at[0] == 0xF4 ? 0x8F : 0xBF;
    return continues(at + 1, 3, low, high) ? 4 : 0;
}

size_t utf8_char(const char *from, const char *end)
{
    const unsigned char *at = (const unsigned char *)from;
    size_t left = (size_t)(end - from);
    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xC2 || at[0] > 0xF4)
        return 0;
    if (at[0] < 0xE0)
        return left >= 2 && (at[1] & 0xC0) == 0x80 ? 2 : 0;
    if (at[0] < 0xF0)
        return left >= 3 ? three(at) : 0;
    return left >= 4 ? four(at) : 0;
}

size_t utf8_put(char out[static 4], uint32_t point)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (point & 0x3F));
        point >>= 6;
    }
    out[0] = (char)((0xF00 >> len) | point);
    return len;
}

static bool is_ascii_word(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return (word & UINT64_C(0x8080808080808080)) == 0;
}

bool utf8_is_valid(struct slice bytes)
{
    const char *at = bytes.at, *end = bytes.len > 0 ? bytes.at + bytes.len : bytes.at;
    while (at < end) {
        while (end - at >= 8 && is_ascii_word(at))
            at += 8;
        if (at == end)
            return true;
        size_t len = utf8_char(at, end);
        if (len == 0)
            return false;
        at += len;
    }
    return true;
}
