#include "wire/websocket.h"

#include "base/utf8.h"
#include "wire/deflate.h"

enum {
    BIT_FIN = 0x80,
    BITS_RESERVED = 0x70,
    BITS_OPCODE = 0x0f,
    BIT_MASK = 0x80,
    BITS_LENGTH = 0x7f
};
enum { CONTROL_MAX = 125, REASON_MAX = CONTROL_MAX - 2 };
enum { BROKEN_PROTOCOL = 1002, BROKEN_TEXT = 1007, BROKEN_POLICY = 1008, BROKEN_SIZE = 1009 };

void ws_decoder_init(struct ws_decoder *d, const struct ws_limits *limits)
{
    *d = (struct ws_decoder){.limits = *limits};
}

void ws_decoder_finish(struct ws_decoder *d)
{
    buf_finish(&d->message);
    buf_finish(&d->control);
}

static bool break_off(struct ws_decoder *d, int code, const char *why)
{
    d->close_code = code;
    d->why = why;
    return false;
}

/* The current frame, as far as its head has come. */
static enum ws_opcode frame_opcode(const struct ws_decoder *d)
{
    return (enum ws_opcode)(d->head[0] & BITS_OPCODE);
}

static bool is_control(const struct ws_decoder *d)
{
    return (d->head[0] & 0x08) != 0;
}

static bool is_final(const struct ws_decoder *d)
{
    return (d->head[0] & BIT_FIN) != 0;
}

/* How many bytes of a longer length follow the first two. */
static unsigned long_length(const struct ws_decoder *d)
{
    unsigned length = d->head[1] & BITS_LENGTH;
    return length < 126 ? 0 : length == 126 ? 2 : 8;
}

static bool check_control_start(struct ws_decoder *d)
{
    if (frame_opcode(d) > WS_PONG)
        return break_off(d, BROKEN_PROTOCOL, "unknown opcode");
    if (!is_final(d))
        return break_off(d, BROKEN_PROTOCOL, "a control frame may not be fragmented");
    return true;
}

/* The one bit that may be set, and only where a message begins. */
static bool check_reserved(struct ws_decoder *d)
{
    unsigned reserved = d->head[0] & BITS_RESERVED;
    if (reserved == 0)
        return true;
    if (d->limits.inflater == NULL)
        return break_off(d, BROKEN_PROTOCOL,
                         "reserved bits must be zero: no extension was agreed on");
    if (reserved != WS_DEFLATED)
        return break_off(d, BROKEN_PROTOCOL, "reserved bits must be zero but for the first");
    if (is_control(d) || frame_opcode(d) == WS_CONTINUATION)
        return break_off(d, BROKEN_PROTOCOL,
                         "only a message's first frame may say that it is compressed");
    return true;
}

static bool check_start(struct ws_decoder *d)
{
    if (!check_reserved(d))
        return false;
    if (is_control(d))
        return check_control_start(d);
    if (frame_opcode(d) > WS_BINARY)
        return break_off(d, BROKEN_PROTOCOL, "unknown opcode");
    if (frame_opcode(d) == WS_CONTINUATION && !d->is_fragmented)
        return break_off(d, BROKEN_PROTOCOL, "a continuation of nothing");
    if (frame_opcode(d) != WS_CONTINUATION && d->is_fragmented)
        return break_off(d, BROKEN_PROTOCOL, "a new message inside an unfinished one");
    if (d->is_fragmented && d->fragments >= d->limits.fragments)
        return break_off(d, BROKEN_POLICY, "too many fragments in one message");
    return true;
}

static bool check_mask_bit(struct ws_decoder *d)
{
    if (!(d->head[1] & BIT_MASK))
        return break_off(d, BROKEN_PROTOCOL, "frames of a client must be masked");
    if (is_control(d) && (d->head[1] & BITS_LENGTH) > CONTROL_MAX)
        return break_off(d, BROKEN_PROTOCOL, "a control frame may have 125 bytes at most");
    return true;
}

static bool check_length(struct ws_decoder *d)
{
    unsigned more = long_length(d);
    uint64_t length = 0;
    if (more == 0)
        length = d->head[1] & BITS_LENGTH;
    for (unsigned i = 0; i < more; i++)
        length = length << 8 | d->head[2 + i];
    if (length >> 63)
        return break_off(d, BROKEN_PROTOCOL, "a length with its top bit set");
    if ((more == 2 && length < 126) || (more == 8 && length <= UINT16_MAX))
        return break_off(d, BROKEN_PROTOCOL, "a length that is not in its shortest form");
    if (!is_control(d) && length > d->limits.message - d->message.len)
        return break_off(d, BROKEN_SIZE, "message too large");
    d->left = length;
    return true;
}

static void begin_payload(struct ws_decoder *d)
{
    d->in_payload = true;
    d->mask_at = 0;
    if (is_control(d))
        return;
    d->fragments++;
    if (d->is_fragmented)
        return;
    d->opcode = (unsigned char)frame_opcode(d);
    d->is_deflated = (d->head[0] & WS_DEFLATED) != 0;
    d->fragments = 1;
}

/* One part of the head has come in: each is judged as soon as it is there. */
static bool take_head_part(struct ws_decoder *d)
{
    if (d->head_len == 1)
        return check_start(d);
    unsigned length_end = 2 + long_length(d);
    if (d->head_len == 2 && !check_mask_bit(d))
        return false;
    if (d->head_len == length_end)
        return check_length(d);
    if (d->head_len == length_end + 4)
        begin_payload(d);
    return true;
}

static unsigned head_part_end(const struct ws_decoder *d)
{
    if (d->head_len < 2)
        return d->head_len + 1;
    unsigned length_end = 2 + long_length(d);
    return d->head_len < length_end ? length_end : length_end + 4;
}

/* False when the frame is bad. Afterwards either the payload begins or the input is used up. */
static bool read_head(struct ws_decoder *d, const char *bytes, size_t len, size_t *used)
{
    unsigned part_end = head_part_end(d);
    while (!d->in_payload && *used < len) {
        d->head[d->head_len++] = (unsigned char)bytes[(*used)++];
        if (d->head_len < part_end)
            continue;
        if (!take_head_part(d))
            return false;
        part_end = head_part_end(d);
    }
    return true;
}

/* Takes the mask off `len` bytes; `mask_at` is where in the mask the first of them is. */
static void unmask(char *at, size_t len, const unsigned char mask[4], unsigned mask_at)
{
    unsigned char turned[8];
    for (unsigned i = 0; i < sizeof turned; i++)
        turned[i] = mask[(mask_at + i) & 3];
    uint64_t key;
    memcpy(&key, turned, sizeof key);
    size_t i = 0;
    for (; i + sizeof key <= len; i += sizeof key) {
        uint64_t word;
        memcpy(&word, at + i, sizeof word);
        word ^= key;
        memcpy(at + i, &word, sizeof word);
    }
    for (; i < len; i++)
        at[i] = (char)(at[i] ^ turned[i & 3]);
}

static bool is_close_code(int code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static bool check_close(struct ws_decoder *d, struct slice payload)
{
    unsigned utf8 = 0;
    if (payload.len == 0)
        return true;
    if (payload.len == 1)
        return break_off(d, BROKEN_PROTOCOL, "a close frame with half a code");
    if (!is_close_code(ws_close_code(payload)))
        return break_off(d, BROKEN_PROTOCOL, "a close code that may not be sent");
    if (!utf8_check(&utf8, slice_make(payload.at + 2, payload.len - 2)) || utf8 != 0)
        return break_off(d, BROKEN_TEXT, "a close reason that is not UTF-8");
    return true;
}

/* `piece` is the next part of the message, unmasked and inflated. */
static bool check_text(struct ws_decoder *d, struct slice piece)
{
    if (d->opcode != WS_TEXT)
        return true;
    bool is_end = d->left == 0 && is_final(d);
    if (!utf8_check(&d->utf8, piece) || (is_end && d->utf8 != 0))
        return break_off(d, BROKEN_TEXT, "text that is not UTF-8");
    return true;
}

static void end_frame(struct ws_decoder *d)
{
    d->in_payload = false;
    d->head_len = 0;
    if (!is_control(d))
        d->is_fragmented = !is_final(d);
}

static bool is_whole(const struct ws_decoder *d)
{
    return d->left == 0 && (is_control(d) || is_final(d));
}

/* The whole of what `piece` ends: itself when nothing was kept before it. */
static struct slice join(struct buf *kept, struct slice piece, bool must_keep)
{
    if (kept->len == 0 && !must_keep)
        return piece;
    buf_add_slice(kept, piece);
    return kept->len > 0 ? buf_slice(kept) : piece;
}

static bool break_inflating(struct ws_decoder *d, int code, const char *why)
{
    d->is_inflating_broken = true;
    return break_off(d, code, why);
}

/* Puts what the whole message holds into its place. */
static bool inflate_message(struct ws_decoder *d, struct slice *whole)
{
    struct buf out = {0};
    enum inflated result = inflater_take(d->limits.inflater, *whole, d->limits.message, &out);
    buf_finish(&d->message);
    d->message = out;
    *whole = out.len > 0 ? buf_slice(&out) : SLICE("");
    if (result == INFLATED_TOO_LARGE)
        return break_inflating(d, BROKEN_SIZE, "message too large when inflated");
    if (result == INFLATED_DAMAGED)
        return break_inflating(d, BROKEN_TEXT, "a compressed message that cannot be inflated");
    return check_text(d, *whole);
}

/* Takes the next piece of the payload; `whole` is what it completes, if it does. */
static enum ws_step read_payload(struct ws_decoder *d, struct slice piece, struct slice *whole)
{
    bool ends_frame = d->left == 0;
    if (!is_control(d) && !d->is_deflated && !check_text(d, piece))
        return WS_BROKEN;
    *whole = join(is_control(d) ? &d->control : &d->message, piece, !is_whole(d));
    if (!ends_frame)
        return WS_NEED_MORE;
    if (frame_opcode(d) == WS_CLOSE && !check_close(d, *whole))
        return WS_BROKEN;
    if (!is_control(d) && is_final(d) && d->is_deflated && !inflate_message(d, whole))
        return WS_BROKEN;
    enum ws_step step = is_control(d) ? WS_CONTROL : is_final(d) ? WS_MESSAGE : WS_NEED_MORE;
    end_frame(d);
    return step;
}

/* What was handed out by the last call is not needed any more. */
static void forget_given(struct ws_decoder *d)
{
    if (d->in_payload)
        return;
    buf_finish(&d->control);
    if (!d->is_fragmented)
        buf_finish(&d->message);
}

static enum ws_step decode_frame(struct ws_decoder *d, char *bytes, size_t len, size_t *used,
                                 struct slice *payload)
{
    if (!d->in_payload && !read_head(d, bytes, len, used))
        return WS_BROKEN;
    if (!d->in_payload)
        return WS_NEED_MORE;
    char *at = bytes + *used;
    size_t size = len - *used < d->left ? len - *used : (size_t)d->left;
    unmask(at, size, d->head + d->head_len - 4, d->mask_at);
    d->mask_at = (d->mask_at + size) & 3;
    d->left -= size;
    *used += size;
    return read_payload(d, slice_make(at, size), payload);
}

enum ws_step ws_decode(struct ws_decoder *d, char *bytes, size_t len, size_t *used,
                       enum ws_opcode *opcode, struct slice *payload)
{
    *used = 0;
    forget_given(d);
    enum ws_step step = d->close_code != 0 ? WS_BROKEN : WS_NEED_MORE;
    while (step == WS_NEED_MORE && *used < len)
        step = decode_frame(d, bytes, len, used, payload);
    if (step == WS_BROKEN)
        ws_decoder_finish(d);
    if (step == WS_MESSAGE)
        *opcode = (enum ws_opcode)d->opcode;
    if (step == WS_CONTROL)
        *opcode = frame_opcode(d);
    return step;
}

int ws_close_code(struct slice payload)
{
    if (payload.len < 2)
        return 1005;
    return (unsigned char)payload.at[0] << 8 | (unsigned char)payload.at[1];
}

size_t ws_head(unsigned char head[WS_HEAD_MAX], enum ws_opcode opcode, uint64_t payload_len)
{
    head[0] = (unsigned char)(BIT_FIN | opcode);
    if (payload_len < 126) {
        head[1] = (unsigned char)payload_len;
        return 2;
    }
    size_t more = payload_len <= UINT16_MAX ? 2 : 8;
    head[1] = more == 2 ? 126 : 127;
    for (size_t i = 0; i < more; i++)
        head[2 + i] = (unsigned char)(payload_len >> 8 * (more - 1 - i));
    return 2 + more;
}

/* The longest beginning of `reason` that fits and ends with a whole character, and is valid: a peer
 * may break off on a reason that is not. */
static struct slice cut_reason(const char *reason)
{
    struct slice rest = slice_of(reason);
    size_t len = 0;
    while (len < rest.len) {
        size_t more = utf8_char(slice_make(rest.at + len, rest.len - len));
        if (more == 0 || len + more > REASON_MAX)
            break;
        len += more;
    }
    return slice_make(rest.at, len);
}

void ws_put_close(struct buf *out, int code, const char *reason)
{
    struct slice text = cut_reason(reason);
    unsigned char head[WS_HEAD_MAX];
    buf_add(out, head, ws_head(head, WS_CLOSE, 2 + text.len));
    buf_add_byte(out, (char)(code >> 8));
    buf_add_byte(out, (char)code);
    buf_add_slice(out, text);
}
