/* What is done once: who repeats a command is answered as it was the first time. */
#ifndef HUB_ONCE_H
#define HUB_ONCE_H

#include "base/map.h"
#include "hub/request.h"

struct channel;

enum {
    ONCE_KEPT_MAX = 16384,       /* answers of one channel, and ... */
    ONCE_BYTES_MAX = 1 << 20,    /* ... what they take; past either the oldest are forgotten */
    ONCE_ANSWER_MAX = 64 << 10,  /* a longer one is not kept; that it was done is */
    ONCE_MS_DEFAULT = 5 * 60000, /* how long one is kept */
    ONCE_MS_MAX = 24 * 60 * 60000,
};

/* Embedded in its channel; all zeroes has done nothing. A command's key is the member that the
 * channel's type names, of the same user (who is nobody: the same connection), and of the same
 * method. The house repeats nothing. */
struct once {
    struct map kept;              /* struct done by its key */
    struct done *oldest, *newest; /* in the order they came */
    size_t bytes;
};

/* Whether it has been answered, since it repeats one that was, or that is still being done. If not,
 * it is noted as being done where it has a key. */
bool once_answered(struct channel *channel, const struct request *request) MUST_USE;
/* How it came out, before it is answered. What failed is forgotten, so that it may be tried again.
 */
void once_keep(struct channel *channel, const struct request *request, const struct answer *answer);

/* What is being done will not be answered. */
void once_abandon(struct once *once);

uint64_t once_until_ms(
    const struct once *once); /* until when the newest is kept; 0: there is none */
void once_finish(struct once *once);

#endif
