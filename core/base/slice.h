/* A run of bytes that somebody else owns. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, args) __attribute__((format(printf, text, args)))

/* Borrowed: valid as long as its owner says. `at` may be NULL when `len` is 0. Never NUL-terminated
 * by promise. A slice whose `at` is NULL means "absent" where a function says so. */
struct slice {
    const char *at;
    size_t len;
};

/* A slice of a string literal, usable in initialisers. */
#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})
/* For printf: ("%.*s", SLICE_ARGS(s)). */
#define SLICE_ARGS(s) (int)(s).len, (s).at ? (s).at : ""

static inline struct slice slice_make(const char *at, size_t len)
{
    return (struct slice){at, len};
}

static inline struct slice slice_of(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_is_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
    return slice_is_equal(a, slice_of(text));
}

static inline bool slice_begins(struct slice a, const char *text)
{
    size_t len = strlen(text);
    return a.len >= len && (len == 0 || memcmp(a.at, text, len) == 0);
}

/* Copies the slice's bytes to *at, moves *at behind them, and returns the copy: for packing several into one
 * allocation. An absent slice stays absent. */
static inline struct slice slice_pack(char **at, struct slice s)
{
    if (s.at == NULL)
        return s;
    struct slice packed = {*at, s.len};
    if (s.len > 0)
        memcpy(*at, s.at, s.len);
    *at += s.len;
    return packed;
}

#endif
