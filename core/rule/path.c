#include "rule/path.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "wire/json.h"

/* Copies the name that begins at `at` to *out, without its backslashes and with its NUL; returns
 * where it ends. */
static const char *take_name(const char *at, const char *end, char **out)
{
    for (; at < end && *at != '.'; at++) {
        at += *at == '\\' && at + 1 < end;
        *(*out)++ = *at;
    }
    *(*out)++ = '\0';
    return at;
}

static bool split(struct path *path, struct slice text, struct error *err)
{
    const char *at = text.at, *end = text.at + text.len;
    char *out = path->names;
    for (;;) {
        const char *name = out;
        at = take_name(at, end, &out);
        if (*name == '\0')
            return fail(err, ERROR_SCRIPT,
                        "\"%.*s\" is no path: write names with dots between them",
                        SLICE_ARGS(text));
        if (++path->count > PATH_NAMES_MAX)
            return fail(err, ERROR_SCRIPT, "\"%.*s\" has more than %d names", SLICE_ARGS(text),
                        PATH_NAMES_MAX);
        if (at == end)
            return true;
        at++; /* the dot */
    }
}

bool path_parse(struct path *path, struct slice text, struct error *err)
{
    *path = (struct path){0};
    if (!utf8_is_valid(text) || (text.len > 0 && memchr(text.at, '\0', text.len) != NULL))
        return fail(err, ERROR_SCRIPT, "a path is text in UTF-8, without NUL");
    path->names = xmalloc(text.len + 1);
    if (text.len > 0
            ? split(path, text, err)
            : fail(err, ERROR_SCRIPT, "\"\" is no path: write names with dots between them"))
        return true;
    path_finish(path);
    return false;
}

void path_finish(struct path *path)
{
    free(path->names);
    *path = (struct path){0};
}

struct slice path_find(const struct path *path, struct slice json)
{
    return json_find_path(json, path->names, path->count);
}

struct slice path_last(const struct path *path)
{
    const char *name = path->names;
    for (unsigned i = 1; i < path->count; i++)
        name += strlen(name) + 1;
    return slice_of(name);
}

static size_t bytes_of(const struct path *path)
{
    const char *end = path->names;
    for (unsigned i = 0; i < path->count; i++)
        end += strlen(end) + 1;
    return (size_t)(end - path->names);
}

bool path_is_equal(const struct path *a, const struct path *b)
{
    return a->count == b->count &&
           slice_is_equal(slice_make(a->names, bytes_of(a)), slice_make(b->names, bytes_of(b)));
}
