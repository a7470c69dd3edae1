/* Writes to many sockets in one system call, by io_uring, where the kernel has it. */
#ifndef NET_RING_H
#define NET_RING_H

#include "base/slice.h"

#include <sys/types.h>

enum { RING_WRITES_MAX = 1024 };

struct ring; /* owned by its worker's net, used on its thread */

struct ring *ring_create(void); /* NULL: not to be had here (old kernel, forbidden, no memory) */
void ring_destroy(struct ring *ring); /* NULL is fine */

struct ring_write {
    int fd;
    struct slice bytes;
    void *owner;
    ssize_t result; /* bytes taken, or a negative errno: -EAGAIN where the socket is full */
};

/* Sends all, at most RING_WRITES_MAX, and fills their results before it returns: no buffer outlives the call, no write
 * waits for a peer. */
void ring_send(struct ring *ring, struct ring_write *writes, unsigned count);

#endif
