/* How a reload's end is put: as JSON for whoever asked and for the page, and as lines of the log.
 */
#ifndef SERVER_NEWS_H
#define SERVER_NEWS_H

#include "script/catalogue.h"

/* "a.lua,b.lua" as ["a.lua","b.lua"]. */
void news_put_files(struct buf *out, struct slice names);
/* ,"file":…,"line":… of the first problem and ,"problems":[…] of all. */
void news_put_details(struct buf *out, const struct problems *problems);

/* made_from: by a rollback; 0: a reload */
void news_log_done(const struct log *log, unsigned generation, unsigned made_from,
                   struct buf *files, const char *ms, unsigned repeated);
/* A script that is in force, and looks like a slip. */
void news_log_warning(const struct log *log, const struct problem *warning);
/* What is not known is left out. */
void news_log_problem(const struct log *log, const struct problem *problem, unsigned in_force,
                      unsigned repeated);

#endif
