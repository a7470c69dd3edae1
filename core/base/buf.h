/* Bytes that grow at the end. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/slice.h"

#include <stdint.h>

/* Embedded or on the stack; all zeroes is an empty buffer that owns nothing. Appending may move
 * `at`. The bytes are followed by no NUL unless buf_text put one there. */
struct buf {
    char *at;
    size_t len, room;
};

void buf_finish(struct buf *b); /* frees; leaves an empty buffer */
void buf_clear(struct buf *b);  /* forgets the bytes, keeps the memory */

/* Makes room for `more` bytes after the end and returns where they start; `len` is unchanged. */
char *buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_add_slice(struct buf *b, struct slice s);
void buf_add_text(struct buf *b, const char *text);
void buf_add_byte(struct buf *b, char byte);
void buf_add_unsigned(struct buf *b, uint64_t n); /* in decimal */
void buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);

struct slice buf_slice(const struct buf *b); /* borrowed until the next change */
const char *buf_text(struct buf *b);         /* the same, NUL-terminated */
/* Gives the bytes away: the caller frees them; the buffer is empty afterwards. */
char *buf_take(struct buf *b, size_t *len);
/* Removes the first `count` bytes. */
void buf_shift(struct buf *b, size_t count);

#endif
