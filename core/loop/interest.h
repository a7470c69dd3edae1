/* A descriptor that a library reads and writes: called back for what the library is interested in
 * just now. */
#ifndef LOOP_INTEREST_H
#define LOOP_INTEREST_H

#include "loop/loop.h"

/* Owned by whoever made it, on the loop's thread; it waits for nothing at first. The descriptor
 * stays the caller's, who destroys the interest before he closes it. At most one interest or poller
 * a descriptor. */
struct interest;

/* fn may set and destroy this very interest. After an error of the descriptor both flags are set:
 * reading and writing tell which. */
struct interest *interest_create(struct loop *loop, int fd,
                                 void (*fn)(void *context, int fd, bool is_readable,
                                            bool is_writable),
                                 void *context);
void interest_destroy(struct interest *interest); /* NULL is fine */
void interest_set(struct interest *interest, bool readable, bool writable);

#endif
