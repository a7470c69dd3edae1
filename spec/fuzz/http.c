/* Fuzz wire/http and wire/body: nothing crashes, and it does not matter how the bytes were cut.
 * The first byte chooses the cuts, the rest is a head and its body. */
#include "base/memory.h"
#include "wire/body.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_LIMIT = 2000 };

struct verdict {
    enum http_step step;
    size_t used;
    struct http_refusal refusal;
};

/* In memory of exactly its size, so that reading past the end is seen. */
static struct verdict parse_exactly(struct slice in, struct http_head *head)
{
    char *copy = xmalloc(in.len ? in.len : 1);
    if (in.len > 0)
        memcpy(copy, in.at, in.len);
    struct verdict v = {0};
    v.step = http_parse(slice_make(copy, in.len), head, &v.used, &v.refusal);
    free(copy);
    return v;
}

static void ensure_equal(struct verdict a, struct verdict b)
{
    ensure(a.step == b.step && a.used == b.used && a.refusal.status == b.refusal.status);
    ensure(a.refusal.why == b.refusal.why);
    ensure(a.step != HTTP_BAD || a.refusal.status >= 400);
}

static void check_head(struct slice in, struct verdict whole, size_t piece)
{
    struct http_head head;
    for (size_t len = piece < in.len ? piece : in.len;;
         len = in.len - len < piece ? in.len : len + piece) {
        struct verdict v = parse_exactly(slice_make(in.at, len), &head);
        if (v.step == HTTP_MORE && len < in.len)
            continue;
        ensure_equal(whole, v);
        return;
    }
}

/* Asks everything that can be asked, for the sanitizers. */
static void ask(const struct http_head *head)
{
    struct http_upgrade upgrade;
    struct http_refusal refusal;
    struct buf value = {0};
    if (http_check_upgrade(head, &upgrade, &refusal))
        ensure(upgrade.key.len == 24 && http_wants_upgrade(head));
    http_query(head->query, "x", &value);
    http_has_token(head, "accept", "x");
    ensure(head->path.len + head->query.len <= head->target.len + 1);
    buf_finish(&value);
}

static struct verdict read_body(const struct http_head *head, struct slice in, size_t piece,
                                struct buf *out)
{
    struct http_body body;
    struct verdict v = {.step = HTTP_BAD};
    if (!http_body_init(&body, head, BODY_LIMIT, &v.refusal))
        return v;
    do {
        size_t len = in.len - v.used < piece ? in.len - v.used : piece, used;
        v.step = http_body_read(&body, slice_make(in.at + v.used, len), &used, out, &v.refusal);
        v.used += used;
        ensure(used <= len && (v.step != HTTP_MORE || used == len));
    } while (v.step == HTTP_MORE && v.used < in.len);
    ensure(out->len <= BODY_LIMIT && out->len == body.total);
    return v;
}

static void check_body(const struct http_head *head, struct slice in, size_t piece)
{
    struct buf whole = {0}, cut = {0};
    struct verdict a = read_body(head, in, in.len + 1, &whole);
    struct verdict b = read_body(head, in, piece, &cut);
    ensure_equal(a, b);
    ensure(slice_is_equal(buf_slice(&whole), buf_slice(&cut)));
    buf_finish(&whole);
    buf_finish(&cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t piece = 1 + data[0] % 61;
    struct slice in = slice_make((const char *)data + 1, size - 1);
    struct http_head head;
    struct verdict whole = {0};
    whole.step = http_parse(in, &head, &whole.used, &whole.refusal);
    check_head(in, whole, piece);
    if (whole.step == HTTP_DONE) {
        ask(&head);
        check_body(&head, slice_make(in.at + whole.used, in.len - whole.used), piece);
    }
    struct http_head chunked = {.is_chunked = true};
    check_body(&chunked, in, piece);
    return 0;
}
