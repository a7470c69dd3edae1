/* HTTP as a client reads it: heads of answers, chunked bodies, lines of event streams. */
#ifndef BENCH_REPLIES_H
#define BENCH_REPLIES_H

#include "base/error.h"
#include "base/slice.h"

#include <stdint.h>

/* The head of an answer. */
struct reply_head {
    size_t len; /* with the empty line; 0: not all there yet */
    int status; /* 0: this is no HTTP */
    bool is_chunked, is_closing;
    uint64_t content_length; /* 0 when it says none */
};

void reply_read_head(struct slice bytes, struct reply_head *head);
/* A field's value by its name in any case; absent when there is none. */
struct slice reply_find(struct slice head, const char *name);

/* Where the reading of a chunked body stands; all zeroes is its beginning. */
struct chunks {
    uint64_t left; /* of the chunk, or its size as far as it is read */
    enum {
        CHUNK_SIZE,
        CHUNK_EXTENSION,
        CHUNK_DATA,
        CHUNK_DATA_END,
        CHUNK_TRAILER_LINE, /* nothing of the line is read but perhaps its \r */
        CHUNK_TRAILER,
        CHUNK_OVER
    } step;
};

/* Takes the chunks' lines out, in place; returns how many bytes of the body are left. After the
 * last chunk and what trails it, it takes no more: step is CHUNK_OVER, and *rest is where the next
 * answer begins. */
size_t chunks_strip(struct chunks *chunks, char *bytes, size_t len, size_t *rest);

/* The data of the next "data:" line, and `text` moved behind it; other lines are passed over.
 * False: no whole line is left. */
bool events_take(struct slice *text, struct slice *data);

#endif
