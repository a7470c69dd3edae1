#include "base/utf8.h"

#include <stdint.h>

/* A state is how many bytes the character still needs, and between which two the next one lies. */
#define STATE(need, low, high) ((need) | (low) << 8 | (high) << 16)
enum { STATE_BAD = 0xff };

static unsigned state_after_lead(unsigned char lead)
{
    if (lead < 0xc2)
        return lead < 0x80 ? 0 : STATE_BAD;
    if (lead < 0xe0)
        return STATE(1u, 0x80u, 0xbfu);
    if (lead < 0xf0)
        return STATE(2u, lead == 0xe0 ? 0xa0u : 0x80u, lead == 0xed ? 0x9fu : 0xbfu);
    if (lead < 0xf5)
        return STATE(3u, lead == 0xf0 ? 0x90u : 0x80u, lead == 0xf4 ? 0x8fu : 0xbfu);
    return STATE_BAD;
}

static inline unsigned state_after(unsigned state, unsigned char byte)
{
    if (state == 0)
        return state_after_lead(byte);
    if (byte < (state >> 8 & 0xff) || byte > state >> 16)
        return STATE_BAD;
    unsigned need = (state & 0xff) - 1;
    return need > 0 ? STATE(need, 0x80u, 0xbfu) : 0;
}

/* How many of the bytes are ASCII before the first word that is not. */
static size_t skip_ascii(const char *at, size_t len)
{
    size_t i = 0;
    for (; i + 32 <= len; i += 32) {
        uint64_t w[4];
        memcpy(w, at + i, sizeof w);
        if ((w[0] | w[1] | w[2] | w[3]) & 0x8080808080808080u)
            break;
    }
    for (; i + 8 <= len; i += 8) {
        uint64_t w;
        memcpy(&w, at + i, sizeof w);
        if (w & 0x8080808080808080u)
            break;
    }
    return i;
}

/* The usual characters of two and three bytes, as long as there are some; the rest is for the
 * states. */
static size_t skip_common(const unsigned char *at, size_t len)
{
    size_t i = 0;
    while (i + 3 <= len) {
        unsigned char lead = at[i];
        bool is_next = (at[i + 1] & 0xc0) == 0x80;
        if (lead < 0x80)
            i += 1;
        else if (lead >= 0xc2 && lead < 0xe0 && is_next)
            i += 2;
        else if (lead > 0xe0 && lead < 0xf0 && lead != 0xed && is_next &&
                 (at[i + 2] & 0xc0) == 0x80)
            i += 3;
        else
            break;
        if (lead < 0x80 && at[i] < 0x80)
            break; /* a run of ASCII goes faster by words */
    }
    return i;
}

bool utf8_check(unsigned *state, struct slice piece)
{
    const unsigned char *bytes = (const unsigned char *)piece.at;
    for (size_t i = 0; i < piece.len; i++) {
        if (*state == 0) {
            i += skip_ascii(piece.at + i, piece.len - i);
            i += skip_common(bytes + i, piece.len - i);
            if (i == piece.len)
                break;
        }
        *state = state_after(*state, bytes[i]);
        if (*state == STATE_BAD)
            return false;
    }
    return true;
}

bool utf8_is_valid(struct slice text)
{
    unsigned state = 0;
    return utf8_check(&state, text) && state == 0;
}

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

size_t utf8_char(struct slice text)
{
    const unsigned char *at = (const unsigned char *)text.at;
    size_t left = text.len;
    if (left == 0)
        return 0;
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

size_t utf8_cut(struct slice text, size_t max)
{
    size_t len = text.len < max ? text.len : max, lead = len;
    while (lead > 0 && len - lead < 3 && ((unsigned char)text.at[lead - 1] & 0xC0) == 0x80)
        lead--;
    if (lead == 0 || (unsigned char)text.at[lead - 1] < 0xC0)
        return len; /* it ends with ASCII, or with what is no UTF-8 anyway */
    lead--;
    return utf8_char(slice_make(text.at + lead, len - lead)) > 0 ? len : lead;
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
