#include "store/table.h"

#include <stdlib.h>

#include "base/memory.h"

enum { NOT_IN_HEAP = -1 };

struct slice table_key(const struct table_entry *entry)
{
    return slice_make((const char *)&entry->next[entry->levels], entry->key_len);
}

struct slice table_value(const struct table_entry *entry)
{
    return slice_make(entry->value, entry->value_len);
}

/* With its places in map, list and heap, and what malloc keeps for its two blocks. */
size_t table_cost(size_t key_len, size_t value_len)
{
    return sizeof(struct table_entry) + 3 * sizeof(void *) + 2 * sizeof(struct map_slot) + 32 +
           key_len + value_len;
}

static size_t cost_of(const struct table_entry *entry)
{
    return table_cost(entry->key_len, entry->value_len);
}

/* ---- the heap ---- */

static void heap_place(struct table *table, size_t at, struct table_entry *entry)
{
    table->heap[at] = entry;
    entry->heap_at = at;
}

static void heap_rise(struct table *table, struct table_entry *entry)
{
    size_t at = entry->heap_at;
    for (; at > 0 && table->heap[(at - 1) / 2]->due_ms > entry->due_ms; at = (at - 1) / 2)
        heap_place(table, at, table->heap[(at - 1) / 2]);
    heap_place(table, at, entry);
}

static void heap_sink(struct table *table, struct table_entry *entry)
{
    size_t at = entry->heap_at;
    for (;;) {
        size_t child = at * 2 + 1;
        if (child + 1 < table->heap_count &&
            table->heap[child + 1]->due_ms < table->heap[child]->due_ms)
            child++;
        if (child >= table->heap_count || table->heap[child]->due_ms >= entry->due_ms)
            break;
        heap_place(table, at, table->heap[child]);
        at = child;
    }
    heap_place(table, at, entry);
}

static void heap_add(struct table *table, struct table_entry *entry)
{
    if (table->heap_count == table->heap_room) {
        table->heap_room = table->heap_room ? table->heap_room * 2 : 16;
        table->heap = xrealloc(table->heap, table->heap_room * sizeof(struct table_entry *));
    }
    heap_place(table, table->heap_count++, entry);
    heap_rise(table, entry);
}

static void heap_remove(struct table *table, struct table_entry *entry)
{
    if (entry->heap_at == (size_t)NOT_IN_HEAP)
        return;
    struct table_entry *last = table->heap[--table->heap_count];
    if (last != entry) {
        heap_place(table, entry->heap_at, last);
        heap_rise(table, last);
        heap_sink(table, last);
    }
    entry->heap_at = (size_t)NOT_IN_HEAP;
}

static void set_due(struct table *table, struct table_entry *entry, uint64_t due_ms)
{
    heap_remove(table, entry);
    entry->due_ms = due_ms;
    if (due_ms != 0)
        heap_add(table, entry);
}

/* ---- the order ---- */

int table_compare(struct slice a, struct slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.at, b.at, len) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* places[level]: the pointer, of the level, to the first entry that does not come before the key
 * (or, is_after, that comes after it). */
static void find_places(struct table_entry **first, struct slice key, bool is_after,
                        struct table_entry **places[TABLE_LEVELS])
{
    struct table_entry **next = first;
    for (int level = TABLE_LEVELS - 1; level >= 0; level--) {
        while (next[level] != NULL && table_compare(table_key(next[level]), key) < (int)is_after)
            next = next[level]->next;
        places[level] = &next[level];
    }
}

static unsigned draw_levels(struct table *table)
{
    unsigned levels = 1;
    table->chance = table->chance * 6364136223846793005u + 1442695040888963407u;
    for (uint64_t bits = table->chance >> 32; levels < TABLE_LEVELS && (bits & 3) == 0; bits >>= 2)
        levels++;
    return levels;
}

static struct table_entry *add_entry(struct table *table, struct slice key)
{
    struct table_entry **places[TABLE_LEVELS];
    unsigned levels = draw_levels(table);
    struct table_entry *entry = xcalloc(1, sizeof *entry + levels * sizeof *entry->next + key.len);
    entry->levels = levels;
    entry->key_len = (unsigned)key.len;
    entry->heap_at = (size_t)NOT_IN_HEAP;
    memcpy(&entry->next[levels], key.at, key.len);
    find_places(table->first, key, false, places);
    for (unsigned level = 0; level < levels; level++) {
        entry->next[level] = *places[level];
        *places[level] = entry;
    }
    map_add(&table->by_key, table_key(entry), entry);
    return entry;
}

/* ---- what others call ---- */

static void free_entry(struct table_entry *entry)
{
    free(entry->value);
    free(entry);
}

void table_finish(struct table *table)
{
    for (struct table_entry *entry = table->first[0], *next; entry != NULL; entry = next) {
        next = entry->next[0];
        free_entry(entry);
    }
    map_finish(&table->by_key);
    free(table->heap);
    *table = (struct table){0};
}

struct table_entry *table_find(const struct table *table, struct slice key)
{
    return map_find(&table->by_key, key);
}

bool table_is_over(const struct table_entry *entry, uint64_t now_ms)
{
    return entry == NULL || (entry->due_ms != 0 && entry->due_ms <= now_ms);
}

struct table_entry *table_put(struct table *table, struct slice key, struct slice value,
                              uint64_t due_ms)
{
    struct table_entry *entry = table_find(table, key);
    if (entry == NULL)
        entry = add_entry(table, key);
    else
        table->bytes -= cost_of(entry);
    free(entry->value);
    entry->value = xslicedup(value);
    entry->value_len = value.len;
    entry->version = ++table->version;
    table->bytes += cost_of(entry);
    set_due(table, entry, due_ms);
    return entry;
}

void table_remove(struct table *table, struct table_entry *entry)
{
    struct table_entry **places[TABLE_LEVELS];
    find_places(table->first, table_key(entry), false, places);
    for (unsigned level = 0; level < entry->levels; level++)
        *places[level] = entry->next[level];
    map_remove(&table->by_key, table_key(entry));
    heap_remove(table, entry);
    table->bytes -= cost_of(entry);
    free_entry(entry);
}

size_t table_sweep(struct table *table, uint64_t now_ms, size_t most)
{
    size_t swept = 0;
    for (; swept < most && table->heap_count > 0 && table_is_over(table->heap[0], now_ms); swept++)
        table_remove(table, table->heap[0]);
    return swept;
}

struct table_entry *table_seek(const struct table *table, struct slice from, bool is_after)
{
    struct table_entry **places[TABLE_LEVELS];
    find_places((struct table_entry **)table->first, from, is_after, places);
    return *places[0];
}

struct table_entry *table_next(const struct table_entry *entry)
{
    return entry->next[0];
}
