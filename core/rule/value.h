/* What a part of a rule is worth: nil, a boolean, a number, a text, or JSON out of the claims. */
#ifndef RULE_VALUE_H
#define RULE_VALUE_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdint.h>

enum value_kind {
    VALUE_NIL,
    VALUE_BOOLEAN,
    VALUE_NUMBER,
    VALUE_TEXT,
    VALUE_ARRAY,
    VALUE_OBJECT,
};

/* Borrows what it was made from; copied freely. */
struct value {
    enum value_kind kind;
    bool truth;        /* of a boolean */
    bool is_json;      /* `text` stands as in the JSON: for a text with its quotes and escapes */
    bool is_whole;     /* a number: `whole` counts, else `fraction` */
    struct slice text; /* of a text, array or object */
    __int128 whole; /* holds int64_t and uint64_t alike, so that ids of 64 bits compare exactly */
    double fraction;
};

struct value value_boolean(bool truth);
struct value value_text(struct slice text);
/* Text in the form of a JSON number. False when it is beyond what compares exactly: a whole number
 * of more than 64 bits, or anything that a double cannot hold. */
bool value_number(struct slice text, struct value *out) MUST_USE;
/* A checked JSON value. False as above. */
bool value_json(struct slice json, struct value *out) MUST_USE;

const char *value_kind_name(enum value_kind kind); /* for people: "a number" */
bool value_is_true(const struct value *v);         /* as in Lua: all but nil and false */
/* Two numbers or two texts (by bytes): negative, 0, positive. */
int value_compare(const struct value *a, const struct value *b);
/* Neither is an array or an object. */
bool value_is_equal(const struct value *a, const struct value *b);

/* Appends the value as people read it: JSON, cut where it is long. */
void value_explain(const struct value *v, struct buf *out);

#endif
