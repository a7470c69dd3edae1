/* Notices that files in a folder change. */
#ifndef LOOP_WATCH_H
#define LOOP_WATCH_H

#include "loop/loop.h"

/* Calls fn once things in the folder or in folders below it have changed and then been quiet for
 * `settle_ms`: editors write a file in several steps. Hidden folders are left out; links are
 * followed, each folder once, and a file that one leads to counts like one in the folder. A folder
 * that is replaced, or comes back, is a change and is watched from then on. NULL when the folder
 * cannot be watched. */
struct watch;
struct watch *watch_create(struct loop *loop, const char *folder, unsigned settle_ms,
                           void (*fn)(void *context), void *context);
void watch_destroy(struct watch *watch); /* NULL is fine */

/* The first folder in which changes are not noticed, for the system or we have a limit; NULL: none.
 * Borrowed until the next turn. */
const char *watch_gap(const struct watch *watch);

#endif
