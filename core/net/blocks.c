#include "net/blocks.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* COUNT blocks are address space only; when all are taken the heap serves. */
enum { COUNT = 16384, WORD_BITS = 64, WORDS = COUNT / WORD_BITS };

/* Blocks of one size. The lowest free one is taken first, so that free ones lie together. */
struct pool {
    size_t least, bytes; /* what is asked for to get a block, and its size */
    pthread_mutex_t lock;
    char *base; /* NULL: there are none */
    uint64_t free[WORDS];
    unsigned first;   /* no word before this one has a free block */
    unsigned touched; /* blocks from here on have no memory */
};

/* Records and the handshake's message; what is buffered while shaking hands. Nothing of these sizes
 * stays: libwebsockets has OpenSSL let go of an idle connection's buffers. */
static struct pool pools[] = {
    {.least = 16 * 1024, .bytes = 24 * 1024, .lock = PTHREAD_MUTEX_INITIALIZER},
    {.least = 4096, .bytes = 4096, .lock = PTHREAD_MUTEX_INITIALIZER},
};
enum { POOLS = sizeof pools / sizeof *pools };

static struct pool *pool_for(size_t bytes)
{
    for (unsigned i = 0; i < POOLS; i++)
        if (bytes >= pools[i].least && bytes <= pools[i].bytes && pools[i].base != NULL)
            return &pools[i];
    return NULL;
}

static struct pool *pool_of(const void *at)
{
    for (unsigned i = 0; i < POOLS; i++)
        if ((uintptr_t)at - (uintptr_t)pools[i].base < COUNT * pools[i].bytes &&
            pools[i].base != NULL)
            return &pools[i];
    return NULL;
}

static void *take_block(struct pool *pool)
{
    void *at = NULL;
    pthread_mutex_lock(&pool->lock);
    while (pool->first < WORDS && pool->free[pool->first] == 0)
        pool->first++;
    if (pool->first < WORDS) {
        unsigned n = pool->first * WORD_BITS + (unsigned)__builtin_ctzll(pool->free[pool->first]);
        pool->free[pool->first] &= pool->free[pool->first] - 1;
        pool->touched = n >= pool->touched ? n + 1 : pool->touched;
        at = pool->base + n * pool->bytes;
    }
    pthread_mutex_unlock(&pool->lock);
    return at;
}

static void give_block(struct pool *pool, const char *at)
{
    unsigned n = (unsigned)((size_t)(at - pool->base) / pool->bytes);
    pthread_mutex_lock(&pool->lock);
    pool->free[n / WORD_BITS] |= (uint64_t)1 << n % WORD_BITS;
    if (n / WORD_BITS < pool->first)
        pool->first = n / WORD_BITS;
    pthread_mutex_unlock(&pool->lock);
}

/* ---- OpenSSL's allocator ---- */

static void *take(size_t bytes, const char *file, int line)
{
    struct pool *pool = pool_for(bytes);
    void *at = pool != NULL ? take_block(pool) : NULL;
    (void)file;
    (void)line;
    return at != NULL ? at : malloc(bytes);
}

static void give(void *at, const char *file, int line)
{
    struct pool *pool = pool_of(at);
    (void)file;
    (void)line;
    if (pool != NULL)
        give_block(pool, at);
    else
        free(at);
}

static void *resize(void *at, size_t bytes, const char *file, int line)
{
    struct pool *pool = pool_of(at);
    if (at == NULL)
        return take(bytes, file, line);
    if (pool == NULL)
        return realloc(at, bytes);
    if (bytes > 0 && bytes <= pool->bytes)
        return at;
    void *to = bytes > 0 ? malloc(bytes) : NULL;
    if (to != NULL)
        memcpy(to, at, pool->bytes);
    if (to != NULL || bytes == 0)
        give(at, file, line);
    return to;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) /* they watch the heap only */
void blocks_start(void)
{
    (void)take;
    (void)give;
    (void)resize;
}
#else
static void open_pool(struct pool *pool)
{
    void *base = mmap(NULL, COUNT * pool->bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return;
    memset(pool->free, 0xff, sizeof pool->free);
    pool->base = base;
}

void blocks_start(void)
{
    if (CRYPTO_set_mem_functions(take, resize, give) != 1)
        return;
    for (unsigned i = 0; i < POOLS; i++)
        open_pool(&pools[i]);
}
#endif

static bool is_free(const struct pool *pool, unsigned n)
{
    return pool->free[n / WORD_BITS] >> n % WORD_BITS & 1;
}

/* Free neighbours go in one call: it is calls that cost. */
static void trim(struct pool *pool)
{
    unsigned last = 0;
    pthread_mutex_lock(&pool->lock);
    for (unsigned n = 0, run; n < pool->touched; n += run + 1) {
        for (run = 0; n + run < pool->touched && is_free(pool, n + run); run++)
            continue;
        if (run > 0)
            madvise(pool->base + n * pool->bytes, run * pool->bytes, MADV_DONTNEED);
        if (n + run < pool->touched)
            last = n + run + 1;
    }
    pool->touched = last;
    pthread_mutex_unlock(&pool->lock);
}

void blocks_trim(void)
{
    for (unsigned i = 0; i < POOLS; i++)
        trim(&pools[i]);
}
