#include "base/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

struct line {
    char text[LOG_LINE_MAX];
    size_t len;
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_init(struct log *log, enum log_level level, enum log_format format, int fd)
{
    *log = (struct log){level, format, fd};
}

/* Room is kept for the closing `"}` and the newline. */
static void put(struct line *line, const char *text, size_t len)
{
    size_t room = sizeof line->text - 4 - line->len;
    if (len > room)
        len = room;
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_escaped_byte(struct line *line, unsigned char byte)
{
    char escape[8];
    if (sizeof line->text - 4 - line->len < sizeof escape)
        return;
    if (byte == '"' || byte == '\\')
        snprintf(escape, sizeof escape, "\\%c", byte);
    else if (byte == '\n')
        snprintf(escape, sizeof escape, "\\n");
    else
        snprintf(escape, sizeof escape, "\\u%04x", byte);
    put_text(line, escape);
}

static void put_quoted(struct line *line, const char *text)
{
    put(line, "\"", 1);
    for (const char *at = text; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f)
            put_escaped_byte(line, byte);
        else
            put(line, at, 1);
    }
    if (line->len < sizeof line->text - 3)
        line->text[line->len++] = '"';
}

static bool is_plain(const char *text)
{
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at <= 0x20 || *at == '"' || *at == '=' || *at == '\\' || *at == 0x7f)
            return false;
    return *text != '\0';
}

static void put_pair(const struct log *log, struct line *line, const char *key, const char *value)
{
    if (value == NULL)
        value = "";
    if (log->format == LOG_FORMAT_JSON) {
        put_text(line, line->len > 1 ? "," : "");
        put_quoted(line, key);
        put(line, ":", 1);
        put_quoted(line, value);
        return;
    }
    put_text(line, line->len > 0 ? " " : "");
    put_text(line, key);
    put(line, "=", 1);
    if (is_plain(value))
        put_text(line, value);
    else
        put_quoted(line, value);
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
