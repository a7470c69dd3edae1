/* Lines for the operator, on stderr: logfmt for people, JSON for programs. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };
enum { LOG_LINE_MAX = 4096 };

/* Owned by main, lent to every room, shared by all threads: nothing in it changes after log_init.
 * A line is one write(), so lines of different threads never mix. */
struct log {
    enum log_level level; /* lines below it are not written */
    enum log_format format;
    int fd;
};

void log_init(struct log *log, enum log_level level, enum log_format format, int fd);

/* log_event(log, LOG_INFO, "reload", "generation", "2", "files", "chat.lua", NULL): an event name, then
 * pairs of key and value (both strings, NULL value = empty), then NULL. Keys are ours, never a
 * stranger's text. Control bytes are escaped; a line longer than LOG_LINE_MAX is cut. A NULL log
 * writes nothing. */
void log_event(const struct log *log, enum log_level level, const char *event, ...)
    __attribute__((sentinel));
/* In place of a pair: the value is JSON on one line, and in a JSON line it stands as it is. One that
 * no longer fits becomes a text that is cut. LOG_JSON("ms", "2.1") */
#define LOG_JSON(key, json) LOG_JSON_MARK key, json
#define LOG_JSON_MARK       "\x01"
/* LOG_NUMBER("generation", 2): the text is valid until the end of the full expression only. */
#define LOG_NUMBER(key, n) LOG_JSON(key, log_number((char[24]){0}, (long long)(n)))
const char *log_number(char text[24], long long n);

bool log_level_parse(const char *name, enum log_level *level);   /* debug info warn error */
bool log_format_parse(const char *name, enum log_format *format); /* logfmt json */

#endif
