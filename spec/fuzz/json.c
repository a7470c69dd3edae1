/* wire/json under random bytes: what is accepted can be walked, unquoted and put on a line. */
#include "base/memory.h"
#include "wire/json.h"

#include <stdlib.h>

static const struct json_limits limits = {.depth = 32, .keys = 64};

static size_t visit(struct slice value);

static size_t visit_string(struct slice string)
{
    struct buf text = {0}, again = {0};
    struct slice plain;
    json_unquote(&text, string);
    ensure(utf8_is_valid(buf_slice(&text)));
    ensure(!json_plain(string, &plain) || slice_is_equal(plain, buf_slice(&text)));
    json_quote(&again, buf_slice(&text));
    ensure(json_check(buf_slice(&again), &limits, NULL));
    struct buf back = {0};
    json_unquote(&back, buf_slice(&again));
    ensure(slice_is_equal(buf_slice(&back), buf_slice(&text)));
    buf_finish(&text);
    buf_finish(&again);
    buf_finish(&back);
    return 1;
}

static size_t visit_array(struct slice array)
{
    struct json_walk walk;
    struct slice item;
    size_t count = 2;
    json_walk_init(&walk, array);
    while (json_walk_item(&walk, &item))
        count += visit(item);
    return count;
}

static size_t visit_object(struct slice object)
{
    struct json_walk walk;
    struct slice key, value, found;
    size_t count = 2, members = 0;
    json_walk_init(&walk, object);
    while (json_walk_member(&walk, &key, &value)) {
        ensure(json_kind(key) == JSON_STRING);
        count += visit(key) + visit(value);
        members++;
    }
    ensure(members <= limits.keys);
    (void)json_find(object, "a", &found);
    return count;
}

/* How many tokens a value has. */
static size_t visit(struct slice value)
{
    int64_t n;
    uint64_t u;
    ensure(json_check(value, &limits, NULL));
    ensure(json_trim(value).len == value.len);
    switch (json_kind(value)) {
    case JSON_ARRAY:
        return visit_array(value);
    case JSON_OBJECT:
        return visit_object(value);
    case JSON_STRING:
        return visit_string(value);
    default:
        if (json_integer(value, &n) && n >= 0)
            ensure(json_unsigned(value, &u) && u == (uint64_t)n);
        return 1;
    }
}

static size_t count_tokens(struct slice text)
{
    struct json_walk walk = {text.at, text.at + text.len};
    struct slice token;
    size_t count = 0;
    while (json_read(&walk, &token)) {
        ensure(token.len > 0);
        count++;
    }
    return count;
}

static void check_line(struct slice text)
{
    struct buf line = {0};
    json_put_line(&line, text);
    ensure(memchr(line.at, '\n', line.len) == NULL && memchr(line.at, '\r', line.len) == NULL);
    ensure(json_check(buf_slice(&line), &limits, NULL));
    ensure(count_tokens(buf_slice(&line)) == count_tokens(text));
    buf_finish(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = xmalloc(size);
    if (size > 0)
        memcpy(exact, data, size);
    struct slice text = slice_make(exact, size);
    struct json_fault fault = {0};
    if (json_check(text, &limits, &fault)) {
        ensure(visit(json_trim(text)) == count_tokens(text));
        check_line(text);
    } else {
        ensure(fault.at <= size && fault.why != NULL);
    }
    free(exact);
    return 0;
}
