#include "main/report.h"

#include "main/terminal.h"

/* What scripts and servers say stays text: no escape sequence of theirs reaches the terminal. */
static void put_plain(FILE *stream, const char *text)
{
    for (; *text != '\0'; text++) {
        bool is_control = ((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f;
        fputc(is_control ? '?' : *text, stream);
    }
}

void report_put_line(FILE *stream, const char *text)
{
    put_plain(stream, text);
    fputc('\n', stream);
}

static const char *slash_after(const char *folder)
{
    size_t len = strlen(folder);
    return len > 0 && folder[len - 1] != '/' ? "/" : "";
}

/* Nothing for what is about the folder: its reason names it. */
static void put_place(FILE *stream, const char *folder, const struct problem *problem)
{
    if (*problem->file == '\0')
        return;
    fprintf(stream, "%s%s%s", tone(stream, TONE_BOLD), folder, slash_after(folder));
    put_plain(stream, problem->file);
    if (problem->line > 0)
        fprintf(stream, ":%d", problem->line);
    fprintf(stream, ":%s ", tone(stream, TONE_PLAIN));
}

static void put_source(FILE *stream, const char *source)
{
    source += strspn(source, " \t");
    if (*source == '\0')
        return;
    fprintf(stream, "  %s", tone(stream, TONE_DIM));
    put_plain(stream, source);
    fprintf(stream, "%s\n", tone(stream, TONE_PLAIN));
}

static void put_all(FILE *stream, const char *folder, const char *kind,
                    const struct problems *problems)
{
    if (strcmp(folder, ".") == 0)
        folder = "";
    for (unsigned i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->all[i];
        put_place(stream, folder, problem);
        fputs(kind, stream);
        report_put_line(stream, problem->reason);
        put_source(stream, problem->source);
    }
}

void report_put(FILE *stream, const char *folder, const struct problems *problems)
{
    put_all(stream, folder, "", problems);
}

void report_put_warnings(FILE *stream, const char *folder, const struct problems *warnings)
{
    put_all(stream, folder, "warning: ", warnings);
}

void report_put_json(struct buf *out, const struct problems *problems)
{
    buf_add_byte(out, '[');
    for (unsigned i = 0; i < problems->count; i++) {
        buf_add_text(out, i > 0 ? "," : "");
        problem_put_json(out, &problems->all[i]);
    }
    buf_add_byte(out, ']');
}
