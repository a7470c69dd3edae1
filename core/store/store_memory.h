/* The store that keeps its values in this process's memory: gone when it ends. */
#ifndef STORE_STORE_MEMORY_H
#define STORE_STORE_MEMORY_H

#include "store/store.h"

/* At most `byte_limit` bytes with all that keeping them costs; a set beyond it is refused, nothing
 * gives way. Owned by whoever owns the workers; store_destroy. */
struct store *store_memory_create(size_t byte_limit);

#endif
