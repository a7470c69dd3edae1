#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/memory.h"

enum { ROOM_MIN = 8 };

/* SipHash-1-3, which is what makes a table safe against names chosen by strangers. The key is the one
 * value of the process that is not passed around: it is drawn once and never changes. */
static uint64_t hash_key[2];
static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;

static void draw_hash_key(void)
{
    ensure(getrandom(hash_key, sizeof hash_key, 0) == (ssize_t)sizeof hash_key);
}

static inline uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
    v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

static uint64_t sip_tail(const char *at, size_t len)
{
    uint64_t tail = (uint64_t)len << 56;
    for (size_t i = 0; i < len % 8; i++)
        tail |= (uint64_t)(unsigned char)at[i] << (8 * i);
    return tail;
}

uint64_t hash_bytes(struct slice bytes)
{
    pthread_once(&hash_key_once, draw_hash_key);
    uint64_t v[4] = {hash_key[0] ^ 0x736f6d6570736575u, hash_key[1] ^ 0x646f72616e646f6du,
                     hash_key[0] ^ 0x6c7967656e657261u, hash_key[1] ^ 0x7465646279746573u};
    const char *at = bytes.at;
    uint64_t word;
    for (size_t left = bytes.len; left >= 8; left -= 8, at += 8) {
        memcpy(&word, at, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = sip_tail(at, bytes.len);
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void map_finish(struct map *m)
{
    free(m->slots);
    *m = (struct map){0};
}

/* The slot that holds the key, or the empty one where it would go. */
static struct map_slot *probe(const struct map *m, uint64_t hash, struct slice key)
{
    size_t mask = m->room - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct map_slot *slot = &m->slots[i];
        if (slot->value == NULL || (slot->hash == hash && slice_is_equal(slot->key, key)))
            return slot;
    }
}

void *map_find(const struct map *m, struct slice key)
{
    return m->count == 0 ? NULL : probe(m, hash_bytes(key), key)->value;
}

static void resize(struct map *m, size_t room)
{
    struct map old = *m;
    m->slots = xcalloc(room, sizeof *m->slots);
    m->room = room;
    for (size_t i = 0; i < old.room; i++)
        if (old.slots[i].value != NULL)
            *probe(m, old.slots[i].hash, old.slots[i].key) = old.slots[i];
    free(old.slots);
}

void map_add(struct map *m, struct slice key, void *value)
{
    ensure(value != NULL);
    if ((m->count + 1) * 4 > m->room * 3)
        resize(m, m->room ? m->room * 2 : ROOM_MIN);
    uint64_t hash = hash_bytes(key);
    struct map_slot *slot = probe(m, hash, key);
    ensure(slot->value == NULL);
    *slot = (struct map_slot){hash, key, value};
    m->count++;
}

/* Closes the hole at `hole` by moving later entries of the run back, so that probing needs no marks. */
static void close_hole(struct map *m, size_t hole)
{
    size_t mask = m->room - 1;
    for (size_t i = (hole + 1) & mask; m->slots[i].value != NULL; i = (i + 1) & mask) {
        size_t home = m->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct map_slot){0};
}

void *map_remove(struct map *m, struct slice key)
{
    if (m->count == 0)
        return NULL;
    struct map_slot *slot = probe(m, hash_bytes(key), key);
    void *value = slot->value;
    if (value == NULL)
        return NULL;
    close_hole(m, (size_t)(slot - m->slots));
    m->count--;
    if (m->room > 64 && m->count * 8 < m->room)
        resize(m, m->room / 2);
    return value;
}

void *map_next(const struct map *m, size_t *at)
{
    while (*at < m->room) {
        void *value = m->slots[(*at)++].value;
        if (value != NULL)
            return value;
    }
    return NULL;
}
