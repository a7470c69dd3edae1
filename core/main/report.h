/* What is wrong with a set of scripts, as `weir check` and `weir reload` tell it. */
#ifndef MAIN_REPORT_H
#define MAIN_REPORT_H

#include <stdio.h>

#include "base/buf.h"
#include "script/catalogue.h"

/* A text from a script or a server, and the end of the line. */
void report_put_line(FILE *stream, const char *text);
/* Each as "FOLDER/FILE:LINE: reason" and the source line below it. A folder "" leaves the files as
 * they are. */
void report_put(FILE *stream, const char *folder, const struct problems *problems);
/* The same, as warnings. */
void report_put_warnings(FILE *stream, const char *folder, const struct problems *warnings);
/* [{"file":...}, ...] */
void report_put_json(struct buf *out, const struct problems *problems);

#endif
