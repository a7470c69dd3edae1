/* Fuzz wire/extension: nothing crashes, it reads no byte past the field, and one line says what two
 * lines say. */
#include "wire/extension.h"

#include <stdlib.h>

#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *copy_exactly(const uint8_t *data, size_t size)
{
    char *copy = xmalloc(size ? size : 1);
    memcpy(copy, data, size);
    return copy;
}

/* 0: refused, 1: nothing agreed on, 2: agreed on, 3: and the window repeated. */
static int judge(const struct http_head *head)
{
    struct extension_terms terms;
    struct buf out = {0};
    if (!extension_read(head, &terms))
        return 0;
    extension_put(&out, &terms);
    ensure((out.len > 0) == terms.has_deflate && (!terms.asks_window || terms.has_deflate));
    ensure(out.len == 0 || memcmp(out.at + out.len - 2, "\r\n", 2) == 0);
    buf_finish(&out);
    return 1 + terms.has_deflate + terms.asks_window;
}

static struct http_field field_of(const char *at, size_t len)
{
    return (struct http_field){SLICE("sec-websocket-extensions"), slice_make(at, len)};
}

/* The field is cut at its first comma outside of quotes, if it has no quote at all: both halves are
 * lists then. */
static void check_cut(const char *whole, size_t size, int verdict)
{
    const char *comma = memchr(whole, ',', size);
    if (comma == NULL || memchr(whole, '"', size) != NULL)
        return;
    size_t first = (size_t)(comma - whole), second = size - first - 1;
    char *copy = copy_exactly((const uint8_t *)comma + 1, second);
    struct http_head head = {.field_count = 2};
    head.fields[0] = field_of(whole, first);
    head.fields[1] = field_of(copy, second);
    ensure(judge(&head) == verdict);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *whole = copy_exactly(data, size);
    struct http_head head = {.field_count = 1};
    head.fields[0] = field_of(whole, size);
    check_cut(whole, size, judge(&head));
    free(whole);
    return 0;
}
