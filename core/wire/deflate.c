#include "wire/deflate.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/memory.h"

/* WINDOW_BITS is what RFC 7692 allows at most and means where nothing is said. LEVEL: measured on
 * JSON, a tenth larger than level 6 in half its time. MEMORY: zlib's default, 256 KiB. */
enum { WINDOW_BITS = 15, WINDOW_BYTES = 1 << WINDOW_BITS, LEVEL = 3, MEMORY = 8 };
/* Ours between two messages; what a long one needed more is given back. */
enum { SCRATCH_KEPT = 64 * 1024 };
/* OUT_LEAST: room for the first bytes that come out. FINALS_MAX: blocks in one message that say
 * they are the last. */
enum { OUT_LEAST = 1024, FINALS_MAX = 16 };

/* Every message ends with an empty stored block. Its last four bytes are never sent. */
static const struct slice sync_tail = {"\0\0\377\377", 4};
/* They, and a last block with nothing in it: so the end of the stream is told from its middle. */
static const struct slice whole_tail = {"\0\0\377\377\3\0", 6};

struct deflater {
    z_stream z;
    struct buf scratch;
    size_t least;
};

struct inflater {
    z_stream z;
};

/* zlib's memory is the process's own: it never runs out, as ours never does. */
static void *take_memory(void *context, unsigned count, unsigned size)
{
    (void)context;
    return xcalloc(count, size);
}

static void give_memory(void *context, void *memory)
{
    (void)context;
    free(memory);
}

static z_stream new_stream(void)
{
    return (z_stream){.zalloc = take_memory, .zfree = give_memory};
}

static void set_input(z_stream *z, struct slice in)
{
    ensure(in.len <= UINT32_MAX);
    z->next_in = (unsigned char *)in.at;
    z->avail_in = (unsigned)in.len;
}

static void set_output(z_stream *z, char *at, size_t room)
{
    ensure(room <= UINT32_MAX);
    z->next_out = (unsigned char *)at;
    z->avail_out = (unsigned)room;
}

/* ---- out ---- */

struct deflater *deflater_create(size_t least)
{
    struct deflater *d = xcalloc(1, sizeof *d);
    d->z = new_stream();
    d->least = least;
    ensure(deflateInit2(&d->z, LEVEL, Z_DEFLATED, -WINDOW_BITS, MEMORY, Z_DEFAULT_STRATEGY) ==
           Z_OK);
    return d;
}

void deflater_destroy(struct deflater *d)
{
    if (d == NULL)
        return;
    deflateEnd(&d->z);
    buf_finish(&d->scratch);
    free(d);
}

/* False: it does not become smaller. It stops there: no more room is given to it. */
static bool make_smaller(struct deflater *d, struct slice payload)
{
    size_t room = payload.len + sync_tail.len;
    ensure(deflateReset(&d->z) == Z_OK);
    set_input(&d->z, payload);
    set_output(&d->z, buf_reserve(&d->scratch, room), room);
    ensure(deflate(&d->z, Z_SYNC_FLUSH) == Z_OK);
    if (d->z.avail_out == 0) /* perhaps there is more, certainly there is too much */
        return false;
    size_t len = room - d->z.avail_out - sync_tail.len;
    ensure(memcmp(d->scratch.at + len, sync_tail.at, sync_tail.len) == 0);
    d->scratch.len = len;
    return true;
}

struct frame *deflater_frame(struct deflater *d, enum ws_opcode opcode, struct slice payload)
{
    if (payload.len == 0 || payload.len < d->least)
        return frame_create_message(opcode, payload);
    struct frame *frame = make_smaller(d, payload)
                              ? frame_create_message(opcode | WS_DEFLATED, buf_slice(&d->scratch))
                              : frame_create_message(opcode, payload);
    buf_clear(&d->scratch);
    if (d->scratch.room > SCRATCH_KEPT)
        buf_finish(&d->scratch);
    return frame;
}

/* ---- in ---- */

struct inflater *inflater_create(void)
{
    struct inflater *i = xcalloc(1, sizeof *i);
    i->z = new_stream();
    ensure(inflateInit2(&i->z, -WINDOW_BITS) == Z_OK);
    return i;
}

void inflater_destroy(struct inflater *i)
{
    if (i == NULL)
        return;
    inflateEnd(&i->z);
    free(i);
}

/* One call of zlib, with room for what comes out; at the limit for one byte more, to see whether
 * there is one. */
static int inflate_some(z_stream *z, size_t limit, struct buf *out, bool *is_over)
{
    char extra;
    size_t room = limit - out->len, step = out->len < OUT_LEAST ? OUT_LEAST : out->len;
    if (room > step)
        room = step;
    if (room == 0)
        set_output(z, &extra, 1);
    else
        set_output(z, buf_reserve(out, room), room);
    int code = inflate(z, Z_SYNC_FLUSH);
    *is_over = room == 0 && z->avail_out == 0;
    if (room > 0)
        out->len += room - z->avail_out;
    return code;
}

/* A last block need not be the message's last (7.2.1): what follows is a new stream that may look
 * back. */
static void go_on_after_last(z_stream *z, const struct buf *out)
{
    size_t len = out->len < WINDOW_BYTES ? out->len : WINDOW_BYTES;
    ensure(inflateReset(z) == Z_OK);
    if (len > 0)
        ensure(inflateSetDictionary(z, (const unsigned char *)out->at + out->len - len,
                                    (unsigned)len) == Z_OK);
}

/* Feeds `in`, and adds how many last blocks came to their end in it. *is_at_end: the last of them
 * at the end of `in`. */
static enum inflated feed(z_stream *z, struct slice in, size_t limit, struct buf *out,
                          unsigned *finals, bool *is_at_end)
{
    *is_at_end = false;
    set_input(z, in);
    for (;;) {
        bool is_over;
        int code = inflate_some(z, limit, out, &is_over);
        if (is_over)
            return INFLATED_TOO_LARGE;
        if (code == Z_STREAM_END) {
            *is_at_end = z->avail_in == 0;
            if (*is_at_end)
                return INFLATED;
            if (++*finals > FINALS_MAX)
                return INFLATED_DAMAGED;
            go_on_after_last(z, out);
        } else if (code == Z_BUF_ERROR || (code == Z_OK && z->avail_in == 0 && z->avail_out > 0)) {
            return INFLATED;
        } else if (code != Z_OK) {
            return INFLATED_DAMAGED;
        }
    }
}

enum inflated inflater_take(struct inflater *i, struct slice in, size_t limit, struct buf *out)
{
    unsigned finals = 0;
    bool is_at_end;
    ensure(out->len == 0 && inflateReset(&i->z) == Z_OK);
    enum inflated result = feed(&i->z, in, limit, out, &finals, &is_at_end);
    if (result != INFLATED || is_at_end)
        return result;
    /* What is cut off in the middle may take the tail for its own: then something comes out of it.
     */
    size_t len = out->len;
    result = feed(&i->z, whole_tail, limit, out, &finals, &is_at_end);
    return result == INFLATED && is_at_end && out->len == len ? INFLATED : INFLATED_DAMAGED;
}
