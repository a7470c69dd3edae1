/* Fuzz wire/deflate and wire/websocket with it: nothing crashes, the limit holds, what we compress
 * comes out again, and it does not matter how the bytes were cut. The first byte chooses what is
 * tried and the cuts. */
#include "wire/deflate.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGE_MAX = 3000, FRAGMENTS_MAX = 4 };

/* ---- inflating ---- */

static void check_inflating(struct inflater *i, struct slice in)
{
    struct buf out = {0}, less = {0};
    enum inflated result = inflater_take(i, in, MESSAGE_MAX, &out);
    ensure(out.len <= MESSAGE_MAX && out.room <= 2 * MESSAGE_MAX);
    if (result == INFLATED && out.len > 0) {
        ensure(inflater_take(i, in, out.len - 1, &less) != INFLATED && less.len < out.len);
        buf_clear(&less);
        ensure(inflater_take(i, in, out.len, &less) == INFLATED);
        ensure(slice_is_equal(buf_slice(&out), buf_slice(&less)));
    }
    buf_finish(&out);
    buf_finish(&less);
}

static void check_there_and_back(struct inflater *i, struct slice text)
{
    struct deflater *d = deflater_create(1);
    struct buf out = {0};
    for (int n = 0; n < 2; n++) {
        struct frame *frame = deflater_frame(d, WS_TEXT, text);
        struct slice payload = slice_make(frame_payload(frame), frame->len - frame->head_len);
        ensure(frame_is_deflated(frame) ? payload.len < text.len : slice_is_equal(payload, text));
        if (frame_is_deflated(frame)) {
            ensure(inflater_take(i, payload, text.len, &out) == INFLATED);
            ensure(slice_is_equal(buf_slice(&out), text));
        }
        buf_finish(&out);
        frame_unref(frame);
    }
    deflater_destroy(d);
}

/* ---- the decoder with it ---- */

static void put_number(struct buf *story, uint64_t n)
{
    buf_add_unsigned(story, n);
    buf_add_byte(story, ' ');
}

static void check_given(const struct ws_decoder *d, enum ws_step step, enum ws_opcode opcode,
                        struct slice payload)
{
    ensure(payload.at != NULL);
    ensure(step == WS_MESSAGE ? opcode == WS_TEXT || opcode == WS_BINARY : opcode >= WS_CLOSE);
    ensure(payload.len <= (step == WS_MESSAGE ? d->limits.message : 125));
    ensure(opcode != WS_TEXT || utf8_is_valid(payload));
}

/* Writes down what happened. Each piece lies in memory of exactly its size, gone before the next.
 */
static bool hear(struct ws_decoder *d, const uint8_t *piece, size_t len, struct buf *story)
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

static struct buf tell(struct inflater *i, struct slice in, size_t piece)
{
    struct ws_decoder d;
    struct buf story = {0};
    ws_decoder_init(&d, &(struct ws_limits){MESSAGE_MAX, FRAGMENTS_MAX, i});
    bool goes_on = true;
    for (size_t at = 0; goes_on && at < in.len; at += piece) {
        size_t len = in.len - at < piece ? in.len - at : piece;
        goes_on = hear(&d, (const uint8_t *)in.at + at, len, &story);
    }
    buf_add_text(&story, d.why ? d.why : "");
    ws_decoder_finish(&d);
    return story;
}

static void check_frames(struct inflater *i, struct slice in, size_t piece)
{
    struct buf whole = tell(i, in, in.len), cut = tell(i, in, piece);
    ensure(slice_is_equal(buf_slice(&whole), buf_slice(&cut)));
    buf_finish(&whole);
    buf_finish(&cut);
}

/* A fuzzer does not find what compression is by itself: the input as a frame's payload, which is
 * cut after a third. */
static void check_as_message(struct inflater *i, struct slice in, size_t piece)
{
    struct buf bytes = {0};
    size_t first = in.len / 3 < 125 ? in.len / 3 : 125,
           second = in.len - first < 125 ? in.len - first : 125;
    const char heads[2][6] = {{WS_DEFLATED | WS_TEXT, (char)(0x80 | first)},
                              {(char)0x80, (char)(0x80 | second)}};
    buf_add(&bytes, heads[0], 6);
    buf_add(&bytes, in.at, first);
    buf_add(&bytes, heads[1], 6);
    buf_add(&bytes, in.at + first, second);
    check_frames(i, buf_slice(&bytes), piece);
    buf_finish(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t piece = 1 + data[0] % 61;
    struct slice in = slice_make((const char *)data + 1, size - 1);
    struct inflater *i = inflater_create();
    switch (data[0] >> 6) {
    case 0:
        check_inflating(i, in);
        break;
    case 1:
        check_there_and_back(i, in);
        break;
    case 2:
        check_frames(i, in, piece);
        break;
    default:
        check_as_message(i, in, piece);
        break;
    }
    inflater_destroy(i);
    return 0;
}
