/* Listening sockets: one a worker on the same address, the kernel deals the connections out. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "base/buf.h"
#include "base/error.h"

enum { LISTEN_BACKLOG = 4096 };

/* "127.0.0.1:8000", "[::1]:8000", ":8000" (all addresses). Opens `count` sockets on it (port 0: the first chooses, the
 * others follow). Fills fds and appends the address in use ("127.0.0.1:8000"). False and err: nothing is open. */
bool listener_open(const char *address, unsigned count, int *fds, struct buf *bound, struct error *err);

#endif
