#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

void buf_finish(struct buf *b)
{
    free(b->at);
    *b = (struct buf){0};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}

char *buf_reserve(struct buf *b, size_t more)
{
    size_t need = b->len + more;
    ensure(need >= more);
    if (need > b->room) {
        size_t room = b->room ? b->room * 2 : 64;
        b->room = room > need ? room : need;
        b->at = xrealloc(b->at, b->room);
    }
    return b->at + b->len;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    memcpy(buf_reserve(b, len), bytes, len);
    b->len += len;
}

void buf_add_slice(struct buf *b, struct slice s)
{
    buf_add(b, s.at, s.len);
}

void buf_add_text(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_add_byte(struct buf *b, char byte)
{
    *buf_reserve(b, 1) = byte;
    b->len++;
}

void buf_add_unsigned(struct buf *b, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    buf_add(b, digits + at, sizeof digits - at);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    ensure(len >= 0);
    char *at = buf_reserve(b, (size_t)len + 1);
    va_start(args, format);
    vsnprintf(at, (size_t)len + 1, format, args);
    va_end(args);
    b->len += (size_t)len;
}

struct slice buf_slice(const struct buf *b)
{
    return slice_make(b->at, b->len);
}

const char *buf_text(struct buf *b)
{
    *buf_reserve(b, 1) = '\0';
    return b->at;
}

char *buf_take(struct buf *b, size_t *len)
{
    char *bytes = b->at;
    *len = b->len;
    *b = (struct buf){0};
    return bytes;
}

void buf_shift(struct buf *b, size_t count)
{
    ensure(count <= b->len);
    b->len -= count;
    if (b->len > 0 && count > 0)
        memmove(b->at, b->at + count, b->len);
}
