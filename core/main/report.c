#include "main/report.h"

#include "main/terminal.h"

static const char *slash_after(const char *folder)
{
    size_t len = strlen(folder);
    return len > 0 && folder[len - 1] != '/' ? "/" : "";
}

static void put_place(FILE *stream, const char *folder, const struct problem *problem)
{
    if (*problem->file == '\0')
        fprintf(stream, "%s", *folder ? folder : "scripts");
    else
        fprintf(stream, "%s%s%s", folder, slash_after(folder), problem->file);
    if (problem->line > 0)
        fprintf(stream, ":%d", problem->line);
}

static void put_source(FILE *stream, const char *source)
{
    source += strspn(source, " \t");
    if (*source != '\0')
        fprintf(stream, "  %s%s%s\n", tone(stream, TONE_DIM), source, tone(stream, TONE_PLAIN));
}

void report_put(FILE *stream, const char *folder, const struct problems *problems)
{
    if (strcmp(folder, ".") == 0)
        folder = "";
    for (unsigned i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->all[i];
        fprintf(stream, "%s", tone(stream, TONE_BOLD));
        put_place(stream, folder, problem);
        fprintf(stream, ":%s %s\n", tone(stream, TONE_PLAIN), problem->reason);
        put_source(stream, problem->source);
    }
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
