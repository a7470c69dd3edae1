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
 * pairs of key and value (both strings, NULL value = empty), then NULL. Control bytes are escaped; a
 * line longer than LOG_LINE_MAX is cut. A NULL log writes nothing. */
void log_event(const struct log *log, enum log_level level, const char *event, ...)
    __attribute__((sentinel));
/* The same with numbers made into text on the way: valid until the end of the full expression only. */
#define LOG_NUMBER(n) log_number((char[24]){0}, (long long)(n))
const char *log_number(char text[24], long long n);

bool log_level_parse(const char *name, enum log_level *level);   /* debug info warn error */
bool log_format_parse(const char *name, enum log_format *format); /* logfmt json */

#endif
