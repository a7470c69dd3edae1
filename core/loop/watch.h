/* Notices that files in a folder change. */
#ifndef LOOP_WATCH_H
#define LOOP_WATCH_H

#include "loop/loop.h"

/* Calls fn once things in the folder or a folder directly in it have changed and then been quiet for
 * `settle_ms`: editors write a file in several steps. NULL when the folder cannot be watched. */
struct watch;
struct watch *watch_create(struct loop *loop, const char *folder, unsigned settle_ms,
                           void (*fn)(void *context), void *context);
void watch_destroy(struct watch *watch); /* NULL is fine */

#endif
