#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"

struct row {
    int code;
    const char *name, *text;
    bool temporary;
};

static const struct row error_rows[] = {
#define X(name, number, text, temporary) {number, #name, text, temporary},
    ERROR_CODES(X)
#undef X
};

static const struct row close_rows[] = {
#define X(name, number, reason) {number, #name, reason, false},
    CLOSE_CODES(X)
#undef X
};

static const struct row *find_row(const struct row *rows, size_t count, int code)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].code == code)
            return &rows[i];
    return NULL;
}

static const struct row *find_error(int code)
{
    return find_row(error_rows, sizeof error_rows / sizeof *error_rows, code);
}

bool fail(struct error *err, int code, const char *format, ...)
{
    if (err == NULL)
        return false;
    err->code = code;
    err->temporary = error_is_temporary(code);
    err->incident[0] = '\0';
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    /* It may have been cut inside a character. */
    err->text[utf8_cut(slice_of(err->text), sizeof err->text)] = '\0';
    return false;
}

bool fail_code(struct error *err, enum error_code code)
{
    return fail(err, code, "%s", error_code_text(code));
}

const char *error_code_text(int code)
{
    const struct row *row = find_error(code);
    return row ? row->text : "rejected";
}

const char *error_code_name(int code)
{
    const struct row *row = find_error(code);
    return row ? row->name : NULL;
}

bool error_is_temporary(int code)
{
    const struct row *row = find_error(code);
    return row && row->temporary;
}

const char *close_code_text(int code)
{
    const struct row *row = find_row(close_rows, sizeof close_rows / sizeof *close_rows, code);
    return row ? row->text : "closed";
}
