/* Names to things: a hash table whose keys live in the things themselves. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/slice.h"

#include <stdint.h>

/* Embedded; all zeroes is an empty map. The map owns its slots only: the entries and the bytes of
 * their keys belong to the caller, who keeps a key unchanged while its entry is in the map. */
struct map {
    struct map_slot *slots;
    size_t count, room; /* room is zero or a power of two */
};

struct map_slot {
    uint64_t hash;
    struct slice key;
    void *value; /* NULL: the slot is empty */
};

void map_finish(struct map *m); /* frees the slots, not the entries */

void *map_find(const struct map *m, struct slice key); /* NULL when absent */
/* The key must not be in the map yet, the value must not be NULL. */
void map_add(struct map *m, struct slice key, void *value);
void *map_remove(struct map *m, struct slice key); /* what was there, or NULL */

/* Walks all entries in no order: start with *at = 0; NULL at the end. Adding or removing during a
 * walk is not allowed. */
void *map_next(const struct map *m, size_t *at);

/* A keyed hash of bytes. The key is drawn once a process, so that strangers cannot choose names that
 * collide; equal bytes have equal hashes on all threads of one process. */
uint64_t hash_bytes(struct slice bytes);

#endif
