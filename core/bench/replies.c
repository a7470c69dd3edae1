#include "bench/replies.h"

#include <stdlib.h>
#include <strings.h>

#include "base/hex.h"

struct slice reply_find(struct slice head, const char *name)
{
    size_t name_len = strlen(name);
    const char *line = head.at, *end = head.at + head.len, *next;
    for (; line < end; line = next + 1) {
        next = memchr(line, '\n', (size_t)(end - line));
        if (next == NULL)
            break;
        if ((size_t)(next - line) > name_len && line[name_len] == ':' &&
            strncasecmp(line, name, name_len) == 0) {
            const char *value = line + name_len + 1, *last = next;
            while (value < last && *value == ' ')
                value++;
            while (last > value && (last[-1] == '\r' || last[-1] == ' '))
                last--;
            return slice_make(value, (size_t)(last - value));
        }
    }
    return (struct slice){0};
}

static bool is_word(struct slice value, const char *word)
{
    return value.len == strlen(word) && strncasecmp(value.at, word, value.len) == 0;
}

static int read_status(struct slice head)
{
    if (head.len < 12 || memcmp(head.at, "HTTP/1.", 7) != 0)
        return 0;
    return atoi(head.at + 9);
}

void reply_read_head(struct slice bytes, struct reply_head *head)
{
    const char *end = bytes.len ? memmem(bytes.at, bytes.len, "\r\n\r\n", 4) : NULL;
    *head = (struct reply_head){0};
    if (end == NULL)
        return;
    struct slice text = slice_make(bytes.at, (size_t)(end + 4 - bytes.at));
    head->len = text.len;
    head->status = read_status(text);
    head->is_chunked = is_word(reply_find(text, "transfer-encoding"), "chunked");
    head->is_closing =
        is_word(reply_find(text, "connection"), "close") || (head->status > 0 && text.at[7] == '0');
    struct slice length = reply_find(text, "content-length");
    if (length.len > 0)
        head->content_length = strtoull(length.at, NULL, 10);
}

/* One byte of a line between the data, or behind it: there an empty line ends it all. */
static void read_line_byte(struct chunks *chunks, char byte)
{
    if (byte == '\n' && chunks->step == CHUNK_DATA_END)
        *chunks = (struct chunks){0};
    else if (byte == '\n' && chunks->step == CHUNK_TRAILER)
        chunks->step = CHUNK_TRAILER_LINE;
    else if (byte == '\n' && chunks->step == CHUNK_TRAILER_LINE)
        chunks->step = CHUNK_OVER;
    else if (byte == '\n')
        chunks->step = chunks->left > 0 ? CHUNK_DATA : CHUNK_TRAILER_LINE;
    else if (chunks->step == CHUNK_TRAILER_LINE && byte != '\r')
        chunks->step = CHUNK_TRAILER;
    else if (chunks->step == CHUNK_SIZE && hex_digit(byte) >= 0)
        chunks->left = chunks->left << 4 | (unsigned)hex_digit(byte);
    else if (chunks->step == CHUNK_SIZE)
        chunks->step = CHUNK_EXTENSION;
}

size_t chunks_strip(struct chunks *chunks, char *bytes, size_t len, size_t *rest)
{
    size_t at = 0, kept = 0;
    while (at < len && chunks->step != CHUNK_OVER) {
        if (chunks->step != CHUNK_DATA) {
            read_line_byte(chunks, bytes[at++]);
            continue;
        }
        size_t piece = len - at < chunks->left ? len - at : chunks->left;
        memmove(bytes + kept, bytes + at, piece);
        kept += piece;
        at += piece;
        chunks->left -= piece;
        if (chunks->left == 0)
            chunks->step = CHUNK_DATA_END;
    }
    *rest = at;
    return kept;
}

static bool take_line(struct slice *text, struct slice *line)
{
    const char *end = text->len ? memchr(text->at, '\n', text->len) : NULL;
    if (end == NULL)
        return false;
    *line = slice_make(text->at, (size_t)(end - text->at));
    *text = slice_make(end + 1, text->len - line->len - 1);
    if (line->len > 0 && line->at[line->len - 1] == '\r')
        line->len--;
    return true;
}

bool events_take(struct slice *text, struct slice *data)
{
    struct slice line;
    while (take_line(text, &line)) {
        if (!slice_begins(line, "data:"))
            continue;
        size_t skip = line.len > 5 && line.at[5] == ' ' ? 6 : 5;
        *data = slice_make(line.at + skip, line.len - skip);
        return true;
    }
    return false;
}
