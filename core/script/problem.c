#include "script/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "wire/json.h"

static const struct script *find_file(const struct script *files, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(files[i].name, name) == 0)
            return &files[i];
    return NULL;
}

static char *copy_line(const struct script_set *set, const char *file, int line)
{
    const struct script *script = NULL;
    if (set != NULL)
        script = find_file(set->scripts, set->script_count, file);
    if (set != NULL && script == NULL)
        script = find_file(set->libraries, set->library_count, file);
    if (script == NULL || line <= 0)
        return xstrdup("");
    const char *at = script->source, *end = at + script->source_len;
    for (; line > 1 && at < end; line--) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    size_t len = (size_t)((newline ? newline : end) - at);
    if (len > 0 && at[len - 1] == '\r')
        len--;
    return xslicedup(slice_make(at, len));
}

/* A module that several scripts require fails once for each. */
static bool is_known(const struct problems *problems, const char *file, int line,
                     const char *reason)
{
    for (unsigned i = 0; i < problems->count; i++) {
        const struct problem *known = &problems->all[i];
        if (known->line == line && strcmp(known->file, file) == 0 &&
            strcmp(known->reason, reason) == 0)
            return true;
    }
    return false;
}

void problem_add(struct problems *problems, const struct script_set *set, const char *file,
                 int line, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (is_known(problems, file, line, text))
        return;
    problems->all = xrealloc(problems->all, (problems->count + 1) * sizeof *problems->all);
    problems->all[problems->count++] = (struct problem){
        .file = xstrdup(file),
        .line = line,
        .source = copy_line(set, file, line),
        .reason = xstrdup(text),
    };
}

static int compare(const void *a, const void *b)
{
    const struct problem *x = a, *y = b;
    int by_file = strcmp(x->file, y->file);
    if (by_file != 0)
        return by_file;
    return x->line != y->line ? (x->line > y->line) - (x->line < y->line)
                              : strcmp(x->reason, y->reason);
}

void problems_sort(struct problems *problems)
{
    if (problems->count > 1)
        qsort(problems->all, problems->count, sizeof *problems->all, compare);
}

bool problems_fail(const struct problems *problems, struct error *err)
{
    ensure(problems->count > 0);
    const struct problem *first = &problems->all[0];
    if (first->line > 0)
        return fail(err, ERROR_SCRIPT, "%s:%d: %s", first->file, first->line, first->reason);
    if (first->file[0] != '\0')
        return fail(err, ERROR_SCRIPT, "%s: %s", first->file, first->reason);
    return fail(err, ERROR_SCRIPT, "%s", first->reason);
}

/* At "a.lua:7" or "(to close 'function' at line 7)" in one's reason and the other's: past the
 * number. */
static void skip_line_numbers(const char *start, const char **a, const char **b)
{
    size_t before = (size_t)(*a - start);
    bool is_line = (before >= 1 && (*a)[-1] == ':') || (before >= 5 && !memcmp(*a - 5, "line ", 5));
    if (!is_line)
        return;
    *a += strspn(*a, "0123456789");
    *b += strspn(*b, "0123456789");
}

static bool is_same_reason(const char *a, const char *b)
{
    for (const char *start = a;; a++, b++) {
        skip_line_numbers(start, &a, &b);
        if (*a != *b)
            return false;
        if (*a == '\0')
            return true;
    }
}

enum problems_change problems_compare(const struct problems *a, const struct problems *b)
{
    enum problems_change change = PROBLEMS_SAME;
    if (a->count != b->count)
        return PROBLEMS_OTHER;
    for (unsigned i = 0; i < a->count; i++) {
        const struct problem *x = &a->all[i], *y = &b->all[i];
        if (strcmp(x->file, y->file) != 0 || strcmp(x->source, y->source) != 0 ||
            !is_same_reason(x->reason, y->reason))
            return PROBLEMS_OTHER;
        if (x->line != y->line || strcmp(x->reason, y->reason) != 0)
            change = PROBLEMS_MOVED;
    }
    return change;
}

void problems_finish(struct problems *problems)
{
    for (unsigned i = 0; i < problems->count; i++) {
        free(problems->all[i].file);
        free(problems->all[i].source);
        free(problems->all[i].reason);
    }
    free(problems->all);
    *problems = (struct problems){0};
}

/* Bytes that are no UTF-8 (a script in another encoding) become '?'. */
static void put_text(struct buf *out, const char *text)
{
    struct buf plain = {0};
    buf_add_text(&plain, text);
    if (!utf8_is_valid(buf_slice(&plain)))
        for (size_t i = 0; i < plain.len; i++)
            if ((unsigned char)plain.at[i] >= 0x80)
                plain.at[i] = '?';
    json_quote(out, buf_slice(&plain));
    buf_finish(&plain);
}

void problem_put_json(struct buf *out, const struct problem *problem)
{
    buf_add_text(out, "{\"file\":");
    put_text(out, problem->file);
    buf_printf(out, ",\"line\":%d,\"source\":", problem->line);
    put_text(out, problem->source);
    buf_add_text(out, ",\"reason\":");
    put_text(out, problem->reason);
    buf_add_byte(out, '}');
}
