#include "base/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"

struct line {
    char text[LOG_LINE_MAX];
    size_t len;
    bool is_full;
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_init(struct log *log, enum log_level level, enum log_format format, int fd)
{
    *log = (struct log){level, format, fd};
}

/* What ends a line in every case: a quote, a brace, a newline. */
enum { LINE_TAIL = 3 };

/* All of it or nothing; after the first piece that does not fit, nothing at all. */
static void put(struct line *line, const char *text, size_t len)
{
    if (line->is_full || line->len + len > sizeof line->text - LINE_TAIL) {
        line->is_full = true;
        return;
    }
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* What a text is escaped as. JSON has its quotes and backslashes already. */
enum text_kind { TEXT_PLAIN, TEXT_JSON };

static void put_escaped(struct line *line, unsigned char code)
{
    char escape[8];
    if (code == '"' || code == '\\')
        snprintf(escape, sizeof escape, "\\%c", code);
    else if (code == '\n')
        snprintf(escape, sizeof escape, "\\n");
    else
        snprintf(escape, sizeof escape, "\\u%04x", code);
    put_text(line, escape);
}

/* U+0080 to U+009F: terminals take them as commands. */
static bool is_c1_control(const char *at)
{
    return (unsigned char)at[0] == 0xc2 && (unsigned char)at[1] < 0xa0;
}

static bool is_ascii_control(unsigned char byte)
{
    return byte < 0x20 || byte == 0x7f;
}

/* Character by character, so that a line that is cut ends with a whole one. */
static void put_chars(struct line *line, const char *text, enum text_kind kind)
{
    struct slice rest = slice_of(text);
    while (rest.len > 0 && !line->is_full) {
        unsigned char byte = (unsigned char)*rest.at;
        size_t len = utf8_char(rest);
        if (len == 0)
            put_text(line, UTF8_REPLACEMENT);
        else if (is_ascii_control(byte) || (kind == TEXT_PLAIN && (byte == '"' || byte == '\\')))
            put_escaped(line, byte);
        else if (len == 2 && is_c1_control(rest.at))
            put_escaped(line, (unsigned char)rest.at[1]);
        else
            put(line, rest.at, len);
        rest = slice_make(rest.at + (len ? len : 1), rest.len - (len ? len : 1));
    }
}

/* False when there was no room to begin. */
static bool put_quoted(struct line *line, const char *text)
{
    put(line, "\"", 1);
    if (line->is_full)
        return false;
    put_chars(line, text, TEXT_PLAIN);
    line->text[line->len++] = '"'; /* of LINE_TAIL, when the line is full */
    return true;
}

static bool is_plain_at(const char *at)
{
    return !is_ascii_control((unsigned char)*at) && strchr(" \"=\\", *at) == NULL &&
           !is_c1_control(at);
}

static bool is_plain(const char *text)
{
    for (const char *at = text; *at; at++)
        if (!is_plain_at(at))
            return false;
    return *text != '\0';
}

/* What would end a logfmt key becomes an underscore. */
static void put_key(struct line *line, const char *key)
{
    char clean[64];
    size_t len = 0;
    for (; key[len] && len < sizeof clean - 1; len++)
        clean[len] = is_plain_at(key + len) ? key[len] : '_';
    clean[len] = '\0';
    put_chars(line, len > 0 ? clean : "_", TEXT_PLAIN);
}

static bool put_logfmt_pair(struct line *line, const char *key, const char *value)
{
    put_text(line, line->len > 0 ? " " : "");
    put_key(line, key + (*key == *LOG_JSON_MARK));
    put(line, "=", 1);
    if (!is_plain(value))
        return put_quoted(line, value);
    bool has_begun = !line->is_full;
    put_chars(line, value, TEXT_PLAIN);
    return has_begun;
}

/* All of it, or false and the line as it was: half of a JSON value is none. */
static bool put_json(struct line *line, const char *json)
{
    size_t begin = line->len;
    if (line->is_full || *json == '\0')
        return false;
    put_chars(line, json, TEXT_JSON);
    if (!line->is_full)
        return true;
    line->len = begin;
    line->is_full = false;
    return false;
}

static bool put_json_pair(struct line *line, const char *key, const char *value)
{
    bool is_json = *key == *LOG_JSON_MARK;
    put_text(line, line->len > 1 ? "," : "");
    put_quoted(line, key + is_json);
    put(line, ":", 1);
    return (is_json && put_json(line, value)) || put_quoted(line, value);
}

/* A value may be cut, a key may not: a pair whose value cannot begin is left out. */
static void put_pair(const struct log *log, struct line *line, const char *key, const char *value)
{
    bool is_json = log->format == LOG_FORMAT_JSON;
    size_t begin = line->len;
    if (line->is_full)
        return;
    if (!(is_json ? put_json_pair : put_logfmt_pair)(line, key, value ? value : ""))
        line->len = begin;
}

static void put_time(const struct log *log, struct line *line)
{
    char text[40];
    int64_t now = clock_unix_ms();
    time_t seconds = (time_t)(now / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + len, sizeof text - len, ".%03dZ", (int)(now % 1000));
    put_pair(log, line, "time", text);
}

void log_event(const struct log *log, enum log_level level, const char *event, ...)
{
    if (log == NULL || level < log->level)
        return;
    struct line line = {.len = 0};
    if (log->format == LOG_FORMAT_JSON)
        put(&line, "{", 1);
    put_time(log, &line);
    put_pair(log, &line, "level", level_names[level]);
    put_pair(log, &line, "event", event);
    va_list args;
    va_start(args, event);
    for (const char *key; (key = va_arg(args, const char *)) != NULL;)
        put_pair(log, &line, key, va_arg(args, const char *));
    va_end(args);
    if (log->format == LOG_FORMAT_JSON)
        line.text[line.len++] = '}';
    line.text[line.len++] = '\n';
    if (write(log->fd, line.text, line.len) < 0)
        return; /* nobody is left to be told */
}

const char *log_number(char text[24], long long n)
{
    snprintf(text, 24, "%lld", n);
    return text;
}

static bool find_name(const char *const *names, size_t count, const char *name, size_t *found)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) {
            *found = i;
            return true;
        }
    return false;
}

bool log_level_parse(const char *name, enum log_level *level)
{
    size_t found;
    if (!find_name(level_names, 4, name, &found))
        return false;
    *level = (enum log_level)found;
    return true;
}

bool log_format_parse(const char *name, enum log_format *format)
{
    size_t found;
    if (!find_name((const char *const[]){"logfmt", "json"}, 2, name, &found))
        return false;
    *format = (enum log_format)found;
    return true;
}
