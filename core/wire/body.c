#include "wire/body.h"

#include "base/hex.h"
#include "base/memory.h"

/* What the next byte belongs to. */
enum state {
    BODY_DONE,
    BODY_BAD,
    BODY_LENGTH,    /* a body of known length */
    BODY_SIZE,      /* the size of a chunk */
    BODY_EXTENSION, /* what may follow it */
    BODY_SIZE_LF,
    BODY_CHUNK, /* bytes of a chunk */
    BODY_CHUNK_CR,
    BODY_CHUNK_LF,
    BODY_TRAILER, /* the first byte of a trailer, or of the empty line that ends them */
    BODY_TRAILER_REST,
    BODY_TRAILER_LF,
    BODY_END_LF
};

enum { SIZE_DIGITS_MAX = 16 };

static bool refuse(struct http_refusal *refusal, int status, const char *why)
{
    *refusal = (struct http_refusal){status, why};
    return false;
}

bool http_body_init(struct http_body *body, const struct http_head *head, uint64_t limit,
                    struct http_refusal *refusal)
{
    *body = (struct http_body){.limit = limit, .state = BODY_DONE};
    if (head->is_chunked)
        body->state = BODY_SIZE;
    if (head->is_chunked || head->length == 0)
        return true;
    if (head->length > limit) {
        body->state = BODY_BAD;
        return refuse(refusal, 413, "the body is too large");
    }
    body->left = head->length;
    body->state = BODY_LENGTH;
    return true;
}

static bool is_text(char c)
{
    return ((unsigned char)c >= ' ' && c != 0x7f) || c == '\t';
}

static bool take_digit(struct http_body *body, unsigned digit, struct http_refusal *refusal)
{
    if (body->line == SIZE_DIGITS_MAX)
        return refuse(refusal, 400, "a chunk size of more than 16 digits");
    body->line++;
    body->left = body->left << 4 | digit;
    if (body->left > body->limit - body->total)
        return refuse(refusal, 413, "the body is too large");
    return true;
}

static bool take_size(struct http_body *body, char c, struct http_refusal *refusal)
{
    int digit = hex_digit(c);
    if (digit >= 0)
        return take_digit(body, (unsigned)digit, refusal);
    if (body->line == 0 || (c != '\r' && c != ';'))
        return refuse(refusal, 400, "a chunk must begin with its size in hexadecimal digits");
    body->line++;
    body->state = c == ';' ? BODY_EXTENSION : BODY_SIZE_LF;
    return true;
}

static bool take_extension(struct http_body *body, char c, struct http_refusal *refusal)
{
    if (c == '\r') {
        body->state = BODY_SIZE_LF;
        return true;
    }
    if (!is_text(c))
        return refuse(refusal, 400, "a control byte in a chunk extension");
    if (body->line++ == HTTP_CHUNK_LINE_MAX)
        return refuse(refusal, 400, "a chunk line of more than 256 bytes");
    return true;
}

static bool take_trailer(struct http_body *body, char c, struct http_refusal *refusal)
{
    if (body->line++ == HTTP_TRAILERS_BYTES_MAX)
        return refuse(refusal, 431, "more than 4096 bytes of trailers");
    if (c == '\r') {
        body->state = body->state == BODY_TRAILER ? BODY_END_LF : BODY_TRAILER_LF;
        return true;
    }
    if (!is_text(c))
        return refuse(refusal, 400, "a control byte in a trailer");
    if (body->state == BODY_TRAILER && (c == ' ' || c == '\t'))
        return refuse(refusal, 400, "a trailer that is folded");
    body->state = BODY_TRAILER_REST;
    return true;
}

/* A byte that can only be one thing. */
static bool take_mark(struct http_body *body, char c, struct http_refusal *refusal)
{
    if (c != (body->state == BODY_CHUNK_CR ? '\r' : '\n'))
        return refuse(refusal, 400, "chunks and their lines end with CR LF");
    switch (body->state) {
    case BODY_SIZE_LF:
        body->state = body->left > 0 ? BODY_CHUNK : BODY_TRAILER;
        break;
    case BODY_CHUNK_CR:
        body->state = BODY_CHUNK_LF;
        return true;
    case BODY_CHUNK_LF:
        body->state = BODY_SIZE;
        break;
    case BODY_TRAILER_LF:
        body->line++;
        body->state = BODY_TRAILER;
        return true;
    default:
        ensure(body->state == BODY_END_LF);
        body->state = BODY_DONE;
    }
    body->line = 0;
    return true;
}

static bool take_byte(struct http_body *body, char c, struct http_refusal *refusal)
{
    switch (body->state) {
    case BODY_SIZE:
        return take_size(body, c, refusal);
    case BODY_EXTENSION:
        return take_extension(body, c, refusal);
    case BODY_TRAILER:
    case BODY_TRAILER_REST:
        return take_trailer(body, c, refusal);
    default:
        return take_mark(body, c, refusal);
    }
}

static size_t take_data(struct http_body *body, struct slice in, struct buf *out)
{
    size_t len = in.len < body->left ? in.len : (size_t)body->left;
    buf_add(out, in.at, len);
    body->left -= len;
    body->total += len;
    if (body->left == 0)
        body->state = body->state == BODY_LENGTH ? BODY_DONE : BODY_CHUNK_CR;
    return len;
}

enum http_step http_body_read(struct http_body *body, struct slice in, size_t *used,
                              struct buf *out, struct http_refusal *refusal)
{
    *used = 0;
    if (body->state == BODY_BAD)
        refuse(refusal, 400, "the body was refused already");
    while (*used < in.len && body->state != BODY_DONE && body->state != BODY_BAD) {
        struct slice rest = slice_make(in.at + *used, in.len - *used);
        if (body->state == BODY_LENGTH || body->state == BODY_CHUNK)
            *used += take_data(body, rest, out);
        else if (take_byte(body, *rest.at, refusal))
            *used += 1;
        else
            body->state = BODY_BAD;
    }
    if (body->state == BODY_BAD)
        return HTTP_BAD;
    return body->state == BODY_DONE ? HTTP_DONE : HTTP_MORE;
}
