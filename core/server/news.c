#include "server/news.h"

#include "wire/json.h"

void news_put_files(struct buf *out, struct slice names)
{
    const char *end = names.at + names.len;
    buf_add_byte(out, '[');
    for (const char *at = names.at; at < end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma != NULL ? comma : end;
        buf_add_text(out, at > names.at ? "," : "");
        json_quote(out, slice_make(at, (size_t)(stop - at)));
        at = stop + 1;
    }
    buf_add_byte(out, ']');
}

void news_put_details(struct buf *out, const struct problems *problems)
{
    buf_add_byte(out, ',');
    size_t first = out->len;
    problem_put_json(out, &problems->all[0]);
    out->len--; /* the object's end, and its beginning, give way to the error's own */
    memmove(out->at + first, out->at + first + 1, out->len - first - 1);
    out->len--;
    buf_add_text(out, ",\"problems\":[");
    for (unsigned i = 0; i < problems->count; i++) {
        buf_add_text(out, i > 0 ? "," : "");
        problem_put_json(out, &problems->all[i]);
    }
    buf_add_byte(out, ']');
}

/* The key of a last pair that is only there after repetitions: NULL ends the pairs. */
static const char *repeated_key(unsigned repeated)
{
    return repeated > 0 ? LOG_JSON_MARK "repeated" : NULL;
}

void news_log_done(const struct log *log, unsigned generation, unsigned made_from,
                   struct buf *files, const char *ms, unsigned repeated)
{
    if (made_from != 0)
        log_event(log, LOG_INFO, "rollback", LOG_NUMBER("generation", generation),
                  LOG_NUMBER("made_from", made_from), "files", buf_text(files), LOG_JSON("ms", ms),
                  NULL);
    else
        log_event(log, LOG_INFO, "reload", LOG_NUMBER("generation", generation), "files",
                  buf_text(files), LOG_JSON("ms", ms), repeated_key(repeated),
                  log_number((char[24]){0}, repeated), NULL);
}

void news_log_warning(const struct log *log, const struct problem *warning)
{
    log_event(log, LOG_WARN, "script_warning", "file", warning->file, LOG_NUMBER("line", warning->line),
              "reason", warning->reason, "source", warning->source, NULL);
}

void news_log_problem(const struct log *log, const struct problem *problem, unsigned in_force,
                      unsigned repeated)
{
    const char *again = repeated_key(repeated), *times = log_number((char[24]){0}, repeated);
    if (problem->line > 0)
        log_event(log, LOG_ERROR, "reload_refused", "file", problem->file,
                  LOG_NUMBER("line", problem->line), "reason", problem->reason, "source",
                  problem->source, LOG_NUMBER("in_force", in_force), again, times, NULL);
    else if (problem->file[0] != '\0')
        log_event(log, LOG_ERROR, "reload_refused", "file", problem->file, "reason",
                  problem->reason, LOG_NUMBER("in_force", in_force), again, times, NULL);
    else
        log_event(log, LOG_ERROR, "reload_refused", "reason", problem->reason,
                  LOG_NUMBER("in_force", in_force), again, times, NULL);
}
