#include "rule/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "wire/json.h"

enum { NUMBER_TEXT_MAX = 127, EXPLAIN_MAX = 100 };

struct value value_boolean(bool truth)
{
    return (struct value){.kind = VALUE_BOOLEAN, .truth = truth};
}

struct value value_text(struct slice text)
{
    return (struct value){.kind = VALUE_TEXT, .text = text};
}

static bool has_fraction(struct slice number)
{
    for (size_t i = 0; i < number.len; i++)
        if (number.at[i] == '.' || number.at[i] == 'e' || number.at[i] == 'E')
            return true;
    return false;
}

static bool read_fraction(struct slice text, double *out)
{
    char copy[NUMBER_TEXT_MAX + 1];
    if (text.len > NUMBER_TEXT_MAX)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    *out = strtod(copy, NULL);
    return isfinite(*out);
}

bool value_number(struct slice text, struct value *out)
{
    *out = (struct value){.kind = VALUE_NUMBER, .is_whole = true, .is_json = true, .text = text};
    int64_t n;
    uint64_t u;
    if (json_integer(text, &n)) {
        out->whole = n;
        return true;
    }
    if (json_unsigned(text, &u)) {
        out->whole = u;
        return true;
    }
    out->is_whole = false;
    return has_fraction(text) && read_fraction(text, &out->fraction);
}

bool value_json(struct slice json, struct value *out)
{
    static const enum value_kind kinds[] = {
        [JSON_NULL] = VALUE_NIL,      [JSON_FALSE] = VALUE_BOOLEAN, [JSON_TRUE] = VALUE_BOOLEAN,
        [JSON_NUMBER] = VALUE_NUMBER, [JSON_STRING] = VALUE_TEXT,   [JSON_ARRAY] = VALUE_ARRAY,
        [JSON_OBJECT] = VALUE_OBJECT,
    };
    enum json_kind kind = json_kind(json);
    if (kind == JSON_NUMBER)
        return value_number(json, out);
    *out = (struct value){
        .kind = kinds[kind], .truth = kind == JSON_TRUE, .is_json = true, .text = json};
    if (kind == JSON_STRING && json_plain(json, &out->text))
        out->is_json = false;
    return true;
}

const char *value_kind_name(enum value_kind kind)
{
    static const char *const names[] = {
        [VALUE_NIL] = "nil",     [VALUE_BOOLEAN] = "a boolean", [VALUE_NUMBER] = "a number",
        [VALUE_TEXT] = "a text", [VALUE_ARRAY] = "an array",    [VALUE_OBJECT] = "an object",
    };
    return names[kind];
}

bool value_is_true(const struct value *v)
{
    return v->kind != VALUE_NIL && !(v->kind == VALUE_BOOLEAN && !v->truth);
}

static int compare_bytes(struct slice a, struct slice b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared > 0 ? memcmp(a.at, b.at, shared) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Only texts with escapes are decoded into memory. */
static struct slice plain_text(const struct value *v, struct buf *scratch)
{
    if (!v->is_json)
        return v->text;
    json_unquote(scratch, v->text);
    return buf_slice(scratch);
}

static int compare_texts(const struct value *a, const struct value *b)
{
    struct buf left = {0}, right = {0};
    int order = compare_bytes(plain_text(a, &left), plain_text(b, &right));
    buf_finish(&left);
    buf_finish(&right);
    return order;
}

/* By the numbers themselves: turning a whole number into a double could make two different ones
 * equal. */
static int compare_whole_to_fraction(__int128 whole, double fraction)
{
    if (fraction >= 0x1p64)
        return -1;
    if (fraction < -0x1p63)
        return 1;
    double floored = floor(fraction);
    __int128 below = (__int128)floored;
    if (whole != below)
        return whole < below ? -1 : 1;
    return fraction > floored ? -1 : 0;
}

static int compare_numbers(const struct value *a, const struct value *b)
{
    if (a->is_whole && b->is_whole)
        return (a->whole > b->whole) - (a->whole < b->whole);
    if (a->is_whole)
        return compare_whole_to_fraction(a->whole, b->fraction);
    if (b->is_whole)
        return -compare_whole_to_fraction(b->whole, a->fraction);
    return (a->fraction > b->fraction) - (a->fraction < b->fraction);
}

int value_compare(const struct value *a, const struct value *b)
{
    ensure(a->kind == b->kind && (a->kind == VALUE_NUMBER || a->kind == VALUE_TEXT));
    return a->kind == VALUE_NUMBER ? compare_numbers(a, b) : compare_texts(a, b);
}

bool value_is_equal(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == VALUE_NIL)
        return true;
    if (a->kind == VALUE_BOOLEAN)
        return a->truth == b->truth;
    /* Most texts that differ do so in length, which is seen without looking at them. */
    if (a->kind == VALUE_TEXT && !a->is_json && !b->is_json)
        return slice_is_equal(a->text, b->text);
    return value_compare(a, b) == 0;
}

/* Cuts between characters, never inside one. */
static void add_cut(struct buf *out, struct slice text)
{
    if (text.len <= EXPLAIN_MAX) {
        buf_add_slice(out, text);
        return;
    }
    buf_add(out, text.at, utf8_cut(text, EXPLAIN_MAX));
    buf_add_text(out, "...");
}

void value_explain(const struct value *v, struct buf *out)
{
    if (v->kind == VALUE_NIL || v->kind == VALUE_BOOLEAN) {
        buf_add_text(out, v->kind == VALUE_NIL ? "nil" : v->truth ? "true" : "false");
        return;
    }
    struct buf line = {0};
    if (v->kind != VALUE_TEXT || v->is_json)
        json_put_line(&line, v->text);
    else if (utf8_is_valid(v->text))
        json_quote(&line, v->text);
    else
        buf_add_text(&line, "(bytes that are no text)");
    add_cut(out, buf_slice(&line));
    buf_finish(&line);
}
