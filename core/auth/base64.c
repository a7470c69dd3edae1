#include "auth/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64_encode(struct buf *out, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t count = bytes.len - i < 3 ? bytes.len - i : 3;
        unsigned bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < count ? (unsigned char)bytes.at[i + k] : 0u);
        for (size_t k = 0; k <= count; k++)
            buf_add_byte(out, alphabet[bits >> (18 - 6 * k) & 63]);
    }
}

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool base64_decode(struct buf *out, struct slice text)
{
    unsigned bits = 0, held = 0;
    if (text.len % 4 == 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int six = sextet(text.at[i]);
        if (six < 0)
            return false;
        bits = bits << 6 | (unsigned)six;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        buf_add_byte(out, (char)(bits >> held & 0xff));
        bits &= (1u << held) - 1;
    }
    return bits == 0;
}

bool base64_has(char c)
{
    return sextet(c) >= 0;
}
