/* The buffers that OpenSSL takes for moments, apart from the heap: there, when many come at once,
 * they would leave holes between what lives as long as its connection. `make memory` shows it: of
 * 2,000 that came 1,000 at once each cost 34 KB without this room, 16 KB with it. */
#ifndef NET_BLOCKS_H
#define NET_BLOCKS_H

/* Once a process, before anything else of OpenSSL is called: its allocator has no context, so
 * neither has this room. Too late, it does nothing. */
void blocks_start(void);
/* Gives back the memory of blocks that are not in use; any thread. */
void blocks_trim(void);

#endif
