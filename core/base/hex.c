#include "base/hex.h"

uint32_t hex_value(struct slice digits)
{
    uint32_t value = 0;
    for (size_t i = 0; i < digits.len; i++)
        value = value << 4 | (uint32_t)hex_digit(digits.at[i]);
    return value;
}

bool percent_begins(struct slice text)
{
    return text.len > 2 && text.at[0] == '%' && hex_is_digit(text.at[1]) &&
           hex_is_digit(text.at[2]);
}

void percent_decode(struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!percent_begins(slice_make(text.at + i, text.len - i))) {
            buf_add_byte(out, text.at[i]);
            continue;
        }
        buf_add_byte(out, (char)hex_value(slice_make(text.at + i + 1, 2)));
        i += 2;
    }
}
