#include "wire/json.h"
#include "wire/json_bytes.h"

#include <stdlib.h>

#include "base/hex.h"
#include "base/memory.h"

struct slice json_trim(struct slice text)
{
    const char *at = text.at, *end = end_of(text);
    at = skip(at, end, SPACE);
    while (end > at && is(end[-1], SPACE))
        end--;
    return slice_make(at, (size_t)(end - at));
}

enum json_kind json_kind(struct slice value)
{
    const char *at = skip(value.at, end_of(value), SPACE);
    ensure(at < end_of(value));
    switch (*at) {
    case 'n':
        return JSON_NULL;
    case 'f':
        return JSON_FALSE;
    case 't':
        return JSON_TRUE;
    case '"':
        return JSON_STRING;
    case '[':
        return JSON_ARRAY;
    case '{':
        return JSON_OBJECT;
    default:
        return JSON_NUMBER;
    }
}

const char *json_kind_name(enum json_kind kind)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",     [JSON_FALSE] = "boolean", [JSON_TRUE] = "boolean",
        [JSON_NUMBER] = "number", [JSON_STRING] = "string", [JSON_ARRAY] = "array",
        [JSON_OBJECT] = "object",
    };
    return names[kind];
}

/* Walking. The text has been checked, so these only look for where things end; all the same, none
 * passes `end`, and each step moves on, whatever the bytes are. */

static const char *skip_string(const char *at, const char *end)
{
    at = skip_plain(at + 1, end);
    while (at < end && *at == '\\')
        at = end - at > 2 ? skip_plain(at + 2, end) : end;
    return at < end ? at + 1 : end;
}

static const char *skip_container(const char *at, const char *end)
{
    size_t depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = skip_string(at, end);
            continue;
        }
        if (*at == '[' || *at == '{')
            depth++;
        else if ((*at == ']' || *at == '}') && --depth == 0)
            return at + 1;
        at++;
    }
    return end;
}

static const char *skip_scalar(const char *at, const char *end)
{
    return *at == '"' ? skip_string(at, end) : skip_until(at, end, ENDS_SCALAR);
}

static const char *skip_value(const char *at, const char *end)
{
    return *at == '[' || *at == '{' ? skip_container(at, end) : skip_scalar(at, end);
}

static const char *skip_separator(const char *at, const char *end)
{
    at = skip(at, end, SPACE);
    return at < end && (*at == ',' || *at == ':') ? at + 1 : at;
}

void json_walk_init(struct json_walk *walk, struct slice container)
{
    struct slice inside = json_trim(container);
    bool opens = inside.len >= 2 && (inside.at[0] == '[' || inside.at[0] == '{');
    *walk = (struct json_walk){NULL, NULL};
    if (opens)
        *walk = (struct json_walk){inside.at + 1, inside.at + inside.len - 1};
}

bool json_walk_item(struct json_walk *walk, struct slice *value)
{
    const char *at = skip(walk->at, walk->end, SPACE);
    if (at == walk->end)
        return false;
    const char *after = skip_value(at, walk->end);
    *value = slice_make(at, (size_t)(after - at));
    walk->at = skip_separator(after, walk->end);
    return true;
}

bool json_walk_member(struct json_walk *walk, struct slice *key, struct slice *value)
{
    return json_walk_item(walk, key) && json_walk_item(walk, value);
}

bool json_read(struct json_walk *text, struct slice *token)
{
    const char *at = skip(text->at, text->end, SPACE);
    if (at == text->end)
        return false;
    bool bracket = *at == '[' || *at == ']' || *at == '{' || *at == '}';
    const char *after = bracket ? at + 1 : skip_scalar(at, text->end);
    *token = slice_make(at, (size_t)(after - at));
    text->at = skip_separator(after, text->end);
    return true;
}

/* Strings. */

/* What stands between the quotes; absent when the value is not a string. */
static struct slice string_body(struct slice string)
{
    struct slice s = json_trim(string);
    if (s.len < 2 || s.at[0] != '"')
        return slice_make(NULL, 0);
    return slice_make(s.at + 1, s.len - 2);
}

/* From the backslash of a \u escape: one UTF-16 unit, or the two of a pair. */
static const char *decode_unit(const char *at, const char *end, uint32_t *point)
{
    uint32_t high = hex_value(slice_make(at + 2, 4));
    *point = high;
    at += 6;
    if (high < 0xD800 || high > 0xDFFF)
        return at;
    *point = 0xFFFD;
    if (high > 0xDBFF || end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return at;
    uint32_t low = hex_value(slice_make(at + 2, 4));
    if (low < 0xDC00 || low > 0xDFFF)
        return at;
    *point = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    return at + 6;
}

/* From the backslash of an escape to the place after it. */
static const char *decode_escape(const char *at, const char *end, uint32_t *point)
{
    static const char plain[128] = {
        ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t',
    };
    if (at[1] == 'u')
        return decode_unit(at, end, point);
    char control = plain[at[1] & 0x7F];
    *point = (unsigned char)(control ? control : at[1]);
    return at + 2;
}

size_t json_unquote_to(char *room, struct slice string)
{
    struct slice body = string_body(string);
    const char *at = body.at, *end = end_of(body);
    char *out = room;
    while (at < end) {
        const char *run = at;
        at = skip_plain(at, end);
        memcpy(out, run, (size_t)(at - run));
        out += at - run;
        if (at == end)
            break;
        char bytes[4];
        uint32_t point;
        at = decode_escape(at, end, &point);
        size_t len = utf8_put(bytes, point);
        memcpy(out, bytes, len);
        out += len;
    }
    return (size_t)(out - room);
}

void json_unquote(struct buf *out, struct slice string)
{
    out->len += json_unquote_to(buf_reserve(out, string.len), string);
}

bool json_plain(struct slice string, struct slice *text)
{
    struct slice body = string_body(string);
    if (body.at == NULL || (body.len > 0 && memchr(body.at, '\\', body.len) != NULL))
        return false;
    *text = body;
    return true;
}

/* Whether `name` continues with these bytes; on yes it is moved past them. */
static bool take_prefix(const char **name, const char *bytes, size_t len)
{
    if (strncmp(*name, bytes, len) != 0)
        return false;
    *name += len;
    return true;
}

static bool is_decoded(struct slice body, const char *name)
{
    const char *at = body.at, *end = end_of(body);
    while (at < end) {
        const char *run = at;
        at = skip_plain(at, end);
        if (!take_prefix(&name, run, (size_t)(at - run)))
            return false;
        if (at == end)
            break;
        char bytes[4];
        uint32_t point;
        at = decode_escape(at, end, &point);
        if (point == 0 || !take_prefix(&name, bytes, utf8_put(bytes, point)))
            return false;
    }
    return *name == '\0';
}

bool json_key_is(struct slice key, const char *name)
{
    struct slice plain;
    if (json_plain(key, &plain))
        return slice_is(plain, name);
    struct slice body = string_body(key);
    return body.at != NULL && is_decoded(body, name);
}

bool json_find(struct slice object, const char *name, struct slice *value)
{
    struct slice trimmed = json_trim(object), key, each;
    if (trimmed.len == 0 || trimmed.at[0] != '{')
        return false;
    struct json_walk walk;
    bool found = false;
    json_walk_init(&walk, trimmed);
    while (json_walk_member(&walk, &key, &each)) {
        if (json_key_is(key, name)) {
            *value = each;
            found = true;
        }
    }
    return found;
}

struct slice json_find_path(struct slice object, const char *names, unsigned count)
{
    struct slice at = object;
    for (unsigned i = 0; i < count && at.at != NULL; i++, names += strlen(names) + 1)
        if (!json_find(at, names, &at))
            return slice_make(NULL, 0);
    return at;
}

char *json_path(struct slice dotted, unsigned *count)
{
    char *names = xslicedup(dotted);
    size_t start = 0;
    *count = 0;
    for (size_t i = 0; i <= dotted.len; i++) {
        if (i < dotted.len && names[i] != '.')
            continue;
        if (i == start) {
            free(names);
            return NULL;
        }
        names[i] = '\0';
        start = i + 1;
        (*count)++;
    }
    return names;
}

/* Integers. */

static bool parse_digits(struct slice digits, uint64_t *n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (!is(digits.at[i], DIGIT) || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(digits.at[i] - '0'), &sum))
            return false;
    }
    *n = sum;
    return digits.len > 0;
}

static bool parse_signed(struct slice value, bool *negative, uint64_t *size)
{
    struct slice digits = json_trim(value);
    *negative = digits.len > 0 && digits.at[0] == '-';
    if (*negative)
        digits = slice_make(digits.at + 1, digits.len - 1);
    return parse_digits(digits, size);
}

bool json_integer(struct slice value, int64_t *n)
{
    bool negative;
    uint64_t size;
    if (!parse_signed(value, &negative, &size) || size > (uint64_t)INT64_MAX + negative)
        return false;
    *n = (int64_t)(negative ? -size : size);
    return true;
}

bool json_unsigned(struct slice value, uint64_t *n)
{
    bool negative;
    uint64_t size;
    if (!parse_signed(value, &negative, &size) || (negative && size > 0))
        return false;
    *n = size;
    return true;
}

/* Writing. */

static void put_escape(struct buf *out, unsigned char byte)
{
    static const char letters[128] = {
        ['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
        ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't',
    };
    if (letters[byte] != 0)
        buf_add(out, (char[]){'\\', letters[byte]}, 2);
    else
        buf_add(
            out,
            (char[]){'\\', 'u', '0', '0', (char)('0' + (byte >> 4)), "0123456789abcdef"[byte & 15]},
            6);
}

void json_quote(struct buf *out, struct slice text)
{
    const char *at = text.at, *end = end_of(text);
    buf_reserve(out, text.len + 2);
    buf_add_byte(out, '"');
    while (at < end) {
        const char *run = at;
        at = skip_plain(at, end);
        buf_add(out, run, (size_t)(at - run));
        if (at < end)
            put_escape(out, (unsigned char)*at++);
    }
    buf_add_byte(out, '"');
}

/* In a checked text these two stand only outside strings. */
static const char *find_line_end(const char *at, const char *end)
{
    size_t left = (size_t)(end - at);
    const char *feed = memchr(at, '\n', left);
    const char *back = memchr(at, '\r', feed ? (size_t)(feed - at) : left);
    return back ? back : feed ? feed : end;
}

void json_put_line(struct buf *out, struct slice value)
{
    const char *at = value.at, *end = end_of(value);
    while (at < end) {
        const char *stop = find_line_end(at, end);
        buf_add(out, at, (size_t)(stop - at));
        at = stop < end ? stop + 1 : end;
    }
}
