/* Values that scripts keep and all workers share: JSON by key, behind a table of functions. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/buf.h"
#include "base/error.h"

/* STORE_LIST_BYTES_MAX: of the values of one list, beyond the first. */
enum {
    STORE_KEY_MAX = 512,
    STORE_VALUE_MAX = 1 << 20,
    STORE_LIST_MAX = 1000,
    STORE_LIST_BYTES_MAX = 1 << 20
};

/* One kind of store fills it (store_memory.h); a store's first member. Any thread may call, at any
 * time; each call is atomic, and who has been answered sees what he did. Times are ms of one clock
 * that all threads share and that does not go back. A store that keeps values on disk answers from
 * what it has in memory, and writes behind. */
struct store {
    const struct store_methods *methods;
};

struct store_write {
    struct slice key;   /* 1 to STORE_KEY_MAX bytes, any */
    struct slice value; /* JSON, at most STORE_VALUE_MAX bytes; not looked at */
    uint64_t ttl_ms;    /* gone after that; 0: never */
};

struct store_range {
    struct slice prefix; /* keys that begin so */
    struct slice after;  /* and come after this one, in the order of bytes; absent: all */
    size_t limit;        /* at most so many, up to STORE_LIST_MAX */
};

struct store_counts {
    uint64_t values, bytes, byte_limit; /* now */
    uint64_t expired, refused;          /* so far; refused: for want of room */
};

enum store_outcome {
    STORE_SWAPPED,
    STORE_DIFFERS, /* it is at another version */
    STORE_REFUSED, /* err */
};

/* False: there is none. Else the value is appended, and *version, which may be NULL, is its
 * version: a number from 1 that no other value of this key ever has. */
bool store_get(struct store *store, struct slice key, uint64_t now_ms, struct buf *value,
               uint64_t *version);
/* False and err: STORE_FULL, TOO_LARGE or BAD_REQUEST (a key that is none). */
bool store_set(struct store *store, const struct store_write *write, uint64_t now_ms,
               struct error *err);
bool store_delete(struct store *store, struct slice key,
                  uint64_t now_ms); /* whether it was there */
/* Adds to an integer; what is not there is 0, and gets the ttl: a later one changes no time. False
 * and err as above, and BAD_REQUEST where the value is no integer or would be none of 64 bits. */
bool store_increment(struct store *store, struct slice key, int64_t by, uint64_t ttl_ms,
                     uint64_t now_ms, int64_t *result, struct error *err);
/* Sets if the value is still at `version`; 0: if there is none. *version becomes what it is at now
 * (0: none). */
enum store_outcome store_swap(struct store *store, const struct store_write *write,
                              uint64_t *version, uint64_t now_ms, struct error *err);
/* Calls each() in the order of keys, outside of all locks, with what is borrowed until it returns.
 * True: there may be more after the last. Each value is as it was at some moment of the call; they
 * are not of one moment. */
bool store_list(struct store *store, const struct store_range *range, uint64_t now_ms,
                void (*each)(void *context, struct slice key, struct slice value, uint64_t version),
                void *context);
/* Forgets at most `most` values whose time is over; how many those were. For a timer: all calls
 * forget a few too. */
size_t store_sweep(struct store *store, uint64_t now_ms, size_t most);
void store_counts(struct store *store, struct store_counts *counts);
void store_destroy(struct store *store); /* NULL is fine; no thread may use it any more */

/* What store.c has checked already, else as above. */
struct store_methods {
    bool (*get)(struct store *store, struct slice key, uint64_t now_ms, struct buf *value,
                uint64_t *version);
    bool (*set)(struct store *store, const struct store_write *write, uint64_t now_ms,
                struct error *err);
    bool (*remove)(struct store *store, struct slice key, uint64_t now_ms);
    bool (*increment)(struct store *store, struct slice key, int64_t by, uint64_t ttl_ms,
                      uint64_t now_ms, int64_t *result, struct error *err);
    enum store_outcome (*swap)(struct store *store, const struct store_write *write,
                               uint64_t *version, uint64_t now_ms, struct error *err);
    bool (*list)(struct store *store, const struct store_range *range, uint64_t now_ms,
                 void (*each)(void *context, struct slice key, struct slice value,
                              uint64_t version),
                 void *context);
    size_t (*sweep)(struct store *store, uint64_t now_ms, size_t most);
    void (*counts)(struct store *store, struct store_counts *counts);
    void (*destroy)(struct store *store);
};

/* For stores: a value as increment sees it. */
bool store_parse_integer(struct slice value, int64_t *n);

#endif
