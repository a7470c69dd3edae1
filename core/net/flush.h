/* The end of the turn: everything that waits for a connection goes out in one write. */
#ifndef NET_FLUSH_H
#define NET_FLUSH_H

#include "net/stream.h"

/* Has the stream flushed at the end of this turn; fine when it already is. */
void flush_add(struct stream *stream);
void flush_remove(struct stream *stream); /* it is being destroyed */
/* Called by the loop at the end of every turn. */
void flush_all(struct net *net);

#endif
