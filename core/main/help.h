/* The pages that `weir help` and --help print: examples first, then the flags. */
#ifndef MAIN_HELP_H
#define MAIN_HELP_H

#include <stdio.h>

#include "main/command.h"

void help_put(FILE *stream, const struct command *command);
void help_put_overview(FILE *stream);

#endif
