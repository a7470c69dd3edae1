/* Fuzz wire/websocket: nothing crashes, memory stays bounded, it does not matter how the bytes were
 * cut. The first byte chooses the cuts, the rest are frames. */
#include "base/memory.h"
#include "base/utf8.h"
#include "wire/websocket.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGE_MAX = 300, FRAGMENTS_MAX = 4 };

static void put_number(struct buf *story, uint64_t n)
{
    buf_add_unsigned(story, n);
    buf_add_byte(story, ' ');
}

static void check_given(const struct ws_decoder *d, enum ws_step step, enum ws_opcode opcode,
                        struct slice payload)
{
    unsigned state = 0;
    ensure(payload.at != NULL);
    ensure(step == WS_MESSAGE ? opcode == WS_TEXT || opcode == WS_BINARY : opcode >= WS_CLOSE);
    ensure(payload.len <= (step == WS_MESSAGE ? d->limits.message : 125));
    if (opcode == WS_TEXT)
        ensure(utf8_check(&state, payload) && state == 0);
}

/* Writes down what happened. Each piece lies in memory of exactly its size, gone before the next.
 */
static bool feed(struct ws_decoder *d, const uint8_t *piece, size_t len, struct buf *story)
{
    char *bytes = xmalloc(len ? len : 1);
    memcpy(bytes, piece, len);
    enum ws_step step;
    for (size_t at = 0, used;; at += used) {
        enum ws_opcode opcode;
        struct slice payload = {0};
        step = ws_decode(d, bytes + at, len - at, &used, &opcode, &payload);
        ensure(used <= len - at && (step != WS_NEED_MORE || used == len - at));
        if (step == WS_NEED_MORE || step == WS_BROKEN)
            break;
        check_given(d, step, opcode, payload);
        put_number(story, opcode);
        put_number(story, payload.len);
        buf_add_slice(story, payload);
    }
    free(bytes);
    ensure(d->message.room <= 2 * MESSAGE_MAX && d->control.room <= 256);
    ensure(d->in_payload || d->is_fragmented || d->message.room + d->control.room == 0);
    if (step == WS_BROKEN)
        put_number(story, (uint64_t)d->close_code);
    return step != WS_BROKEN;
}

static struct buf tell(const uint8_t *data, size_t size, size_t piece)
{
    struct ws_decoder d;
    struct buf story = {0};
    ws_decoder_init(&d, &(struct ws_limits){MESSAGE_MAX, FRAGMENTS_MAX});
    bool goes_on = true;
    for (size_t at = 0; goes_on && at < size; at += piece)
        goes_on = feed(&d, data + at, size - at < piece ? size - at : piece, &story);
    buf_add_text(&story, d.why ? d.why : "");
    ws_decoder_finish(&d);
    return story;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct buf whole = tell(data + 1, size - 1, size);
    struct buf cut = tell(data + 1, size - 1, 1 + data[0] % 37);
    ensure(slice_is_equal(buf_slice(&whole), buf_slice(&cut)));
    buf_finish(&whole);
    buf_finish(&cut);
    return 0;
}
