/* Keys in their order, values with versions and a time to go: what one lock of the memory store
 * guards. */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include "base/map.h"

enum { TABLE_LEVELS = 12 };

/* Owned by its table, gone by table_remove and table_sweep; a put of its key changes it. */
struct table_entry {
    uint64_t due_ms; /* 0: it stays */
    uint64_t version;
    size_t heap_at; /* private, from here */
    char *value;
    size_t value_len;
    unsigned key_len, levels;
    struct table_entry *next[]; /* a skip list: one in four entries of a level is on the next one.
                                   Behind it the key */
};

/* Embedded; all zeroes is an empty table. Not locked: its owner does. */
struct table {
    struct map by_key;
    struct table_entry *first[TABLE_LEVELS];
    struct table_entry **heap; /* those with a time, the first to go on top */
    size_t heap_count, heap_room;
    size_t bytes; /* the costs of all */
    uint64_t version, chance;
};

void table_finish(struct table *table);

struct slice table_key(const struct table_entry *entry);   /* borrowed from the entry */
struct slice table_value(const struct table_entry *entry); /* until it is put again */
size_t table_cost(size_t key_len, size_t value_len);       /* bytes that an entry is counted with */

struct table_entry *table_find(const struct table *table,
                               struct slice key); /* also one whose time is over; or NULL */
bool table_is_over(const struct table_entry *entry, uint64_t now_ms); /* takes NULL for over */
/* Adds it or changes it, with a new version. Keys have at most 65535 bytes. */
struct table_entry *table_put(struct table *table, struct slice key, struct slice value,
                              uint64_t due_ms);
void table_remove(struct table *table, struct table_entry *entry);
/* Removes at most `most` entries whose time is over; how many there were. */
size_t table_sweep(struct table *table, uint64_t now_ms, size_t most);

/* The first key from `from` on, or after it; NULL at the end. */
struct table_entry *table_seek(const struct table *table, struct slice from, bool is_after);
struct table_entry *table_next(const struct table_entry *entry);
int table_compare(struct slice a, struct slice b); /* the order: of bytes, what is shorter first */

#endif
