#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

static void *or_die(void *memory, size_t size)
{
    if (memory == NULL && size > 0) {
        fprintf(stderr, "weir: out of memory (%zu bytes wanted)\n", size);
        abort();
    }
    return memory;
}

void *xmalloc(size_t size)
{
    return or_die(malloc(size), size);
}

void *xcalloc(size_t count, size_t size)
{
    return or_die(calloc(count, size), count * size);
}

void *xrealloc(void *old, size_t size)
{
    return or_die(realloc(old, size), size);
}

char *xstrdup(const char *text)
{
    return xslicedup(slice_of(text));
}

char *xslicedup(struct slice s)
{
    char *copy = xmalloc(s.len + 1);
    if (s.len > 0)
        memcpy(copy, s.at, s.len);
    copy[s.len] = '\0';
    return copy;
}

void ensure_failed(const char *condition, const char *file, int line, const char *func)
{
    fprintf(stderr, "weir: %s:%d: %s: this must hold: %s\n", file, line, func, condition);
    abort();
}
