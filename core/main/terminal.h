/* How the program talks to whoever started it: data on stdout, talk on stderr, colour on terminals
 * only. */
#ifndef MAIN_TERMINAL_H
#define MAIN_TERMINAL_H

#include <stdio.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

/* What the program ends with; `weir help` tells them. */
enum exit_code { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum tone { TONE_PLAIN, TONE_BOLD, TONE_DIM, TONE_BAD, TONE_GOOD };
/* What to write before text of that tone, TONE_PLAIN after it; "" where nobody sees colours: not a
 * terminal, NO_COLOR is set, or TERM is dumb. */
const char *tone(FILE *stream, enum tone tone);

/* "weir: " and a sentence on stderr. */
void talk(const char *format, ...) PRINTF_LIKE(1, 2);
/* The same about what went wrong; returns the exit code that belongs to it. */
enum exit_code talk_failure(const struct error *err);

/* Writes data to stdout. */
void put_out(const struct buf *out);

#endif
