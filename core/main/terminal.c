#include "main/terminal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const escapes[] = {
    [TONE_PLAIN] = "\033[0m", [TONE_BOLD] = "\033[1m",  [TONE_DIM] = "\033[2m",
    [TONE_BAD] = "\033[31m",  [TONE_GOOD] = "\033[32m",
};

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL && *value != '\0';
}

static bool is_dumb(void)
{
    const char *term = getenv("TERM");
    return term == NULL || strcmp(term, "dumb") == 0;
}

const char *tone(FILE *stream, enum tone tone)
{
    return isatty(fileno(stream)) && !is_set("NO_COLOR") && !is_dumb() ? escapes[tone] : "";
}

void talk(const char *format, ...)
{
    va_list args;
    fprintf(stderr, "weir: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
}

enum exit_code talk_failure(const struct error *err)
{
    fprintf(stderr, "%sweir:%s %s\n", tone(stderr, TONE_BAD), tone(stderr, TONE_PLAIN), err->text);
    return err->code == ERROR_USAGE || err->code == ERROR_CONFIG ? EXIT_USAGE : EXIT_FAILED;
}

void put_out(const struct buf *out)
{
    if (out->len > 0)
        fwrite(out->at, 1, out->len, stdout);
}
