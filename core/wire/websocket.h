/* WebSocket frames (RFC 6455): a strict decoder for what clients send, headers for what we send. */
#ifndef WIRE_WEBSOCKET_H
#define WIRE_WEBSOCKET_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdint.h>

enum ws_opcode { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

/* Beside an opcode: the payload is compressed, by an extension that was agreed on (wire/deflate). */
enum { WS_DEFLATED = 0x40 };

struct inflater;

enum ws_step {
    WS_NEED_MORE, /* all input was taken, nothing is complete */
    WS_MESSAGE,   /* a whole text or binary message: opcode and payload */
    WS_CONTROL,   /* a whole ping, pong or close: opcode and payload */
    WS_BROKEN     /* close with `close_code` and `why`; the decoder takes nothing more */
};

struct ws_limits {
    size_t message;     /* bytes of a whole message; over it 1009 */
    unsigned fragments; /* of one message; over it 1008 */
    /* The worker's; NULL: permessage-deflate was not agreed on. With it `message` bounds both what a message has on
     * the wire and what it holds. */
    struct inflater *inflater;
};

/* Reads masked frames from one client. Embedded in the connection; all zeroes plus ws_decoder_init.
 * Between messages it owns no memory (once WS_NEED_MORE was answered). Strict: masks, reserved bits (all must be zero;
 * with an inflater the first may be set where a message begins: it is given inflated, or refused with 1007 or 1009),
 * known opcodes, minimal length forms, control frames of at most 125 bytes and never fragmented, UTF-8 of text checked
 * across fragments as early as a fragment ends (1007), close codes and close reasons checked. */
struct ws_decoder {
    struct ws_limits limits;
    struct buf message;    /* fragments or a partial frame of the message so far, unmasked */
    struct buf control;    /* a partial control frame */
    unsigned char head[14]; /* of the current frame */
    unsigned head_len;
    bool in_payload;
    bool is_fragmented;    /* a message has begun and not ended */
    bool is_deflated;      /* it is compressed: inflated when it is whole */
    unsigned char opcode;  /* of the message; the current frame's own opcode is in head[0] */
    unsigned fragments;
    uint64_t left;         /* payload bytes of the current frame still to come */
    unsigned mask_at;
    unsigned utf8;         /* private: state of the UTF-8 check */
    int close_code;        /* after WS_BROKEN: 1002, 1007, 1008 or 1009 */
    const char *why;
    bool is_inflating_broken; /* after WS_BROKEN: because of what was inflated */
};

void ws_decoder_init(struct ws_decoder *d, const struct ws_limits *limits);
void ws_decoder_finish(struct ws_decoder *d);

/* Takes bytes (which it unmasks in place: they are the caller's scratch) and sets *used. Call again with
 * the rest until WS_NEED_MORE. `opcode` and `payload` describe what is complete; the payload is borrowed
 * from `bytes` or from the decoder until the next call. A message that lies whole in `bytes` is not copied. */
enum ws_step ws_decode(struct ws_decoder *d, char *bytes, size_t len, size_t *used, enum ws_opcode *opcode,
                       struct slice *payload);

/* The code of a close frame's payload (1005 when empty); the payload has been checked. */
int ws_close_code(struct slice payload);

/* Writes the header of an unmasked, final frame for a payload of that length; 2, 4 or 10 bytes. */
enum { WS_HEAD_MAX = 10 };
size_t ws_head(unsigned char head[WS_HEAD_MAX], enum ws_opcode opcode, uint64_t payload_len);
/* Appends a close frame; the reason is cut to 123 bytes at a character boundary. */
void ws_put_close(struct buf *out, int code, const char *reason);

#endif
