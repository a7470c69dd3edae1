#include "bench/frames.h"

enum { MASK_BYTES = 4, FINAL = 0x80, MASKED = 0x80, RESERVED = 0x70, OPCODE = 0x0f };

static void mask_into(char *out, struct slice payload, uint32_t mask)
{
    uint64_t wide = (uint64_t)mask << 32 | mask, word;
    size_t at = 0;
    for (; at + sizeof word <= payload.len; at += sizeof word) {
        memcpy(&word, payload.at + at, sizeof word);
        word ^= wide;
        memcpy(out + at, &word, sizeof word);
    }
    for (; at < payload.len; at++)
        out[at] = (char)(payload.at[at] ^ ((const char *)&mask)[at % MASK_BYTES]);
}

void frames_put(struct buf *out, enum ws_opcode opcode, struct slice payload, uint32_t mask)
{
    unsigned char head[WS_HEAD_MAX];
    size_t head_len = ws_head(head, opcode, payload.len);
    head[1] |= MASKED;
    buf_add(out, head, head_len);
    buf_add(out, &mask, sizeof mask);
    if (payload.len > 0)
        mask_into(buf_reserve(out, payload.len), payload, mask);
    out->len += payload.len;
}

/* How long the payload is, and where it starts; `at` is 0 when too little is there to tell. */
static uint64_t read_length(const unsigned char *bytes, size_t len, size_t *at)
{
    unsigned code = bytes[1] & 0x7f, extra = code == 127 ? 8 : code == 126 ? 2 : 0;
    uint64_t length = extra == 0 ? code : 0;
    *at = len < 2 + extra ? 0 : 2 + extra;
    for (unsigned i = 0; i<extra && * at> 0; i++)
        length = length << 8 | bytes[2 + i];
    return length;
}

bool frames_take(struct slice bytes, size_t *len, struct server_frame *frame, struct error *err)
{
    const unsigned char *head = (const unsigned char *)bytes.at;
    size_t start;
    *len = 0;
    if (bytes.len < 2)
        return true;
    if (head[1] & MASKED || head[0] & RESERVED)
        return fail(err, ERROR_SYSTEM, "the server sent a frame that is %s",
                    head[1] & MASKED ? "masked" : "of an extension nobody asked for");
    uint64_t length = read_length(head, bytes.len, &start);
    if (length > FRAME_BYTES_MAX)
        return fail(err, ERROR_SYSTEM, "the server sent a frame of more than %d bytes",
                    FRAME_BYTES_MAX);
    if (start == 0 || bytes.len - start < length)
        return true;
    *len = start + length;
    frame->opcode = head[0] & OPCODE;
    frame->is_last = (head[0] & FINAL) != 0;
    frame->payload = slice_make(bytes.at + start, length);
    return true;
}
