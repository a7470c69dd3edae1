/* Strict JSON over bytes: checks it, walks it, quotes it; never builds a tree, never reprints. */
#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/utf8.h"

#include <stdint.h>

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_limits {
    unsigned depth; /* of nested arrays and objects; at most 1024 */
    unsigned keys;  /* of one object */
};
#define JSON_LIMITS_DEFAULT ((struct json_limits){.depth = 64, .keys = 1024})

struct json_fault {
    size_t at;       /* offset of the byte that is wrong */
    const char *why; /* static text: "a comma or } must follow a member" */
};

/* True if `text` is exactly one JSON value by RFC 8259 with whitespace allowed around it, in valid UTF-8
 * and within the limits. A string may hold escapes of unpaired surrogates (the grammar allows them).
 * Everything below takes slices that this has accepted, or slices handed out from such ones. */
bool json_check(struct slice text, const struct json_limits *limits, struct json_fault *fault);

enum json_kind json_kind(struct slice value); /* leading whitespace is skipped; not for empty slices */
const char *json_kind_name(enum json_kind kind); /* "null" "boolean" "number" "string" "array" "object" */
struct slice json_trim(struct slice text);    /* without whitespace around it */

/* Walks a checked array or object. Values come out trimmed. */
struct json_walk {
    const char *at, *end;
};
void json_walk_init(struct json_walk *walk, struct slice container);
bool json_walk_item(struct json_walk *walk, struct slice *value);                     /* of an array */
bool json_walk_member(struct json_walk *walk, struct slice *key, struct slice *value); /* of an object */
/* Reads a checked text in one pass and flat: a token is a scalar or a single bracket; commas and colons
 * are passed over. For those who take a whole text apart: walking reads a nested value once a level. */
bool json_read(struct json_walk *text, struct slice *token);

/* `key` above is a string value with its quotes; this compares it, escapes included. */
bool json_key_is(struct slice key, const char *name);
/* The member of that name, the last one where a name is repeated; false when absent or not an object. */
bool json_find(struct slice object, const char *name, struct slice *value);
/* The same along a path: `count` names, each NUL-terminated, after one another. Absent where one on the way is. */
struct slice json_find_path(struct slice object, const char *names, unsigned count);
/* Such names of a path that is written with dots between them, "order.id"; the caller frees them. NULL: a name is
 * empty. */
char *json_path(struct slice dotted, unsigned *count);

/* Appends the decoded UTF-8 of a string value (unpaired surrogates become U+FFFD);
 * nothing for a value that is not a string. */
void json_unquote(struct buf *out, struct slice string);
/* The same into `room`, which has space for string.len bytes; returns how many there are. */
size_t json_unquote_to(char *room, struct slice string);
/* The same without a copy where the string has no escape: true and a borrowed slice. */
bool json_plain(struct slice string, struct slice *text);
/* False when the value is not an integer in range ("1.0" and "1e2" are not integers). */
bool json_integer(struct slice value, int64_t *n) MUST_USE;
bool json_unsigned(struct slice value, uint64_t *n) MUST_USE;

/* Appends text (valid UTF-8) as a JSON string, quotes included; escapes what must be and no more. */
void json_quote(struct buf *out, struct slice text);
/* Appends a finite number in the fewest digits that read as it again, with a point or an exponent:
 * a float stays one. */
void json_put_float(struct buf *out, double x);
/* Appends a checked value with CR and LF outside strings left out (inside strings there are none). */
void json_put_line(struct buf *out, struct slice value);

#endif
