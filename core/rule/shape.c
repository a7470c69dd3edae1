#include "rule/shape.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/suggest.h"
#include "base/utf8.h"
#include "rule/format.h"
#include "rule/schema_number.h"
#include "wire/json.h"

/* What limits say of a type. */
enum measure { NO_MEASURE, OF_VALUE, OF_CHARACTERS, OF_MEMBERS, OF_ITEMS };

struct type {
    const char *name;
    enum measure measure;
};

enum type_index { TYPE_STRING, TYPE_ARRAY, TYPE_ANY, TYPES = 8, NAMES_MAX = TYPES + 32 };

static const struct type types[TYPES] = {
    [TYPE_STRING] = {"string", OF_CHARACTERS},
    [TYPE_ARRAY] = {"array", OF_ITEMS},
    [TYPE_ANY] = {"any", NO_MEASURE}, /* JSON Schema has no word for it */
    {"integer", OF_VALUE},
    {"number", OF_VALUE},
    {"object", OF_MEMBERS},
    {"boolean", NO_MEASURE},
    {"null", NO_MEASURE},
};

enum limit { LEAST, MOST, ABOVE, BELOW, PATTERN, LIMITS };

static const char *const keywords[LIMITS][OF_ITEMS + 1] = {
    [LEAST] = {NULL, "minimum", "minLength", "minProperties", "minItems"},
    [MOST] = {NULL, "maximum", "maxLength", "maxProperties", "maxItems"},
    [ABOVE] = {NULL, "exclusiveMinimum", NULL, NULL, NULL},
    [BELOW] = {NULL, "exclusiveMaximum", NULL, NULL, NULL},
    [PATTERN] = {NULL, NULL, "pattern", NULL, NULL},
};

/* What stands behind a type. */
struct limits {
    const struct type *type;
    unsigned given; /* a bit for each enum limit */
    struct buf out; /* each with a comma before it */
};

/* The parts between "|", written apart: strings to choose from, and schemas. */
struct parts {
    struct buf literals, schemas,
        names; /* each with commas between; `names` of types with nothing more to say */
    unsigned count, literal_count, plain_count;
};

struct parser {
    struct slice text;
    const char *at, *end;
    unsigned depth;
    struct error *err;
};

static bool PRINTF_LIKE(3, 4) refuse(struct parser *p, const char *at, const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return fail(p->err, ERROR_SCRIPT, "%s (column %zu)", what, (size_t)(at - p->text.at) + 1);
}

static void skip_spaces(struct parser *p)
{
    while (p->at < p->end && *p->at == ' ')
        p->at++;
}

static bool take(struct parser *p, char byte)
{
    if (p->at == p->end || *p->at != byte)
        return false;
    p->at++;
    return true;
}

static bool is_digit_at(const struct parser *p, const char *at)
{
    return at < p->end && *at >= '0' && *at <= '9';
}

static bool is_word_byte(char c)
{
    return (unsigned char)c > ' ' && strchr("|?[]/<>='\"", c) == NULL;
}

static void comma(struct buf *out)
{
    if (out->len > 0)
        buf_add_byte(out, ',');
}

/* ---- limits ---- */

static const char *skip_digits(const struct parser *p, const char *at)
{
    while (is_digit_at(p, at))
        at++;
    return at;
}

/* A number as JSON writes it; "1..5" begins with 1. */
static bool take_number(struct parser *p, struct slice *number)
{
    const char *start = p->at, *digits = start + (p->at < p->end && *p->at == '-');
    if (!is_digit_at(p, digits))
        return refuse(p, start, "a number must come here");
    if (*digits == '0' && is_digit_at(p, digits + 1))
        return refuse(p, start, "a number must not start with an extra 0");
    p->at = skip_digits(p, digits);
    if (p->at < p->end && *p->at == '.' && is_digit_at(p, p->at + 1))
        p->at = skip_digits(p, p->at + 1);
    *number = slice_make(start, (size_t)(p->at - start));
    return true;
}

/* Begins the keyword of a limit; each may stand once. */
static bool add_keyword(struct parser *p, const char *at, enum limit limit, struct limits *limits)
{
    if (limits->given >> limit & 1)
        return refuse(p, at, "this limit is there already");
    limits->given |= 1u << limit;
    buf_printf(&limits->out, ",\"%s\":", keywords[limit][limits->type->measure]);
    return true;
}

static bool add_limit(struct parser *p, enum limit limit, struct slice number,
                      struct limits *limits)
{
    struct decimal value;
    decimal_parse(number, &value);
    if (limits->type->measure != OF_VALUE && (value.is_negative || !decimal_is_integer(&value)))
        return refuse(p, number.at, "it counts, so it is a whole number from 0 on");
    if (!add_keyword(p, number.at, limit, limits))
        return false;
    buf_add_slice(&limits->out, number);
    return true;
}

/* "1..5", "1.." or "..5". */
static bool parse_range(struct parser *p, struct limits *limits)
{
    const char *start = p->at;
    struct slice low = {NULL, 0}, high = {NULL, 0};
    struct decimal least, most;
    if (*p->at != '.' && (!take_number(p, &low) || !add_limit(p, LEAST, low, limits)))
        return false;
    if (!take(p, '.') || !take(p, '.'))
        return refuse(p, p->at, "\"..\" must follow: a range is 1..500, 1.. or ..500");
    bool has_high = p->at < p->end && (*p->at == '-' || is_digit_at(p, p->at));
    if (has_high && (!take_number(p, &high) || !add_limit(p, MOST, high, limits)))
        return false;
    if (low.at == NULL && high.at == NULL)
        return refuse(p, start, "a range has a number at one end at least");
    if (low.at == NULL || high.at == NULL)
        return true;
    decimal_parse(low, &least);
    decimal_parse(high, &most);
    return decimal_compare(&least, &most) <= 0 || refuse(p, start, "the range is empty");
}

/* ">=1", "<=9", ">0", "<1". */
static bool parse_bound(struct parser *p, struct limits *limits)
{
    const char *start = p->at;
    bool is_low = *p->at++ == '>', is_inclusive = take(p, '=');
    enum limit limit = is_inclusive ? (is_low ? LEAST : MOST) : is_low ? ABOVE : BELOW;
    struct slice number;
    skip_spaces(p);
    if (!take_number(p, &number))
        return false;
    if (keywords[limit][limits->type->measure] == NULL)
        return refuse(p, start, "what is counted has %c=", *start);
    return add_limit(p, limit, number, limits);
}

/* Up to the slash that is not escaped. */
static bool parse_pattern(struct parser *p, struct limits *limits)
{
    const char *start = p->at++, *first = p->at;
    while (p->at < p->end && *p->at != '/')
        p->at += *p->at == '\\' && p->at + 1 < p->end ? 2 : 1;
    if (p->at == p->end)
        return refuse(p, start, "the pattern must end with a /");
    if (keywords[PATTERN][limits->type->measure] == NULL)
        return refuse(p, start, "only strings have patterns");
    if (!add_keyword(p, start, PATTERN, limits))
        return false;
    json_quote(&limits->out, slice_make(first, (size_t)(p->at - first)));
    p->at++;
    return true;
}

/* Whatever follows a type. */
static bool parse_limits(struct parser *p, struct limits *limits)
{
    for (;;) {
        skip_spaces(p);
        char c = p->at < p->end ? *p->at : '\0';
        bool is_range = c == '-' || c == '.' || is_digit_at(p, p->at),
             is_bound = c == '<' || c == '>';
        if (!is_range && !is_bound && c != '/')
            return true;
        if (limits->type->measure == NO_MEASURE)
            return refuse(p, p->at, "\"%s\" has no limits", limits->type->name);
        if (is_range   ? !parse_range(p, limits)
            : is_bound ? !parse_bound(p, limits)
                       : !parse_pattern(p, limits))
            return false;
    }
}

/* ---- parts ---- */

static bool parse_choice(struct parser *p, struct buf *out);

/* What follows a type, and with `head`, which says the type, all of it as a schema. */
static bool parse_rest(struct parser *p, const struct type *type, struct slice head,
                       struct parts *parts, bool *is_plain)
{
    struct limits limits = {.type = type};
    bool is_good = parse_limits(p, &limits);
    *is_plain = limits.given == 0;
    if (is_good) {
        comma(&parts->schemas);
        buf_printf(&parts->schemas, "{%.*s%.*s}", SLICE_ARGS(head),
                   SLICE_ARGS(buf_slice(&limits.out)));
    }
    buf_finish(&limits.out);
    return is_good;
}

static bool parse_array(struct parser *p, struct parts *parts)
{
    const char *start = p->at++;
    struct buf head = {0};
    bool is_plain;
    if (++p->depth > SHAPE_DEPTH_MAX)
        return refuse(p, start, "nested more than %d deep", SHAPE_DEPTH_MAX);
    buf_add_text(&head, "\"type\":\"array\",\"items\":");
    bool is_good = parse_choice(p, &head);
    if (is_good && p->at < p->end && *p->at == '?')
        is_good = refuse(p, p->at, "an item cannot be left out; the ? of a field comes at its end");
    else if (is_good && !take(p, ']'))
        is_good = refuse(p, p->at, "a ] must come here");
    p->depth--;
    is_good = is_good && parse_rest(p, &types[TYPE_ARRAY], buf_slice(&head), parts, &is_plain);
    buf_finish(&head);
    return is_good;
}

static bool parse_type(struct parser *p, const struct type *type, struct parts *parts)
{
    struct buf head = {0};
    bool is_any = type == &types[TYPE_ANY], is_plain;
    if (!is_any)
        buf_printf(&head, "\"type\":\"%s\"", type->name);
    bool is_good = parse_rest(p, type, buf_slice(&head), parts, &is_plain);
    if (is_good && is_plain && !is_any) {
        comma(&parts->names);
        buf_printf(&parts->names, "\"%s\"", type->name);
        parts->plain_count++;
    }
    buf_finish(&head);
    return is_good;
}

static bool parse_format(struct parser *p, struct slice name, struct parts *parts)
{
    struct buf head = {0};
    bool is_plain;
    buf_printf(&head, "\"type\":\"string\",\"format\":\"%.*s\"", SLICE_ARGS(name));
    bool is_good = parse_rest(p, &types[TYPE_STRING], buf_slice(&head), parts, &is_plain);
    buf_finish(&head);
    return is_good;
}

static bool parse_quoted(struct parser *p, struct parts *parts)
{
    const char *start = p->at, *close = memchr(start + 1, *start, (size_t)(p->end - start) - 1);
    if (close == NULL)
        return refuse(p, start, "the quote is not closed");
    comma(&parts->literals);
    json_quote(&parts->literals, slice_make(start + 1, (size_t)(close - start) - 1));
    parts->literal_count++;
    p->at = close + 1;
    return true;
}

/* Ends every time with false. */
static bool refuse_word(struct parser *p, const char *start, struct slice word)
{
    const char *names[NAMES_MAX + 1];
    unsigned count = 0;
    for (; count < TYPES; count++)
        names[count] = types[count].name;
    for (const char *const *format = format_names(); *format != NULL && count < NAMES_MAX; format++)
        names[count++] = *format;
    names[count] = NULL;
    const char *near = suggest(word, names);
    if (near != NULL)
        return refuse(p, start, "there is no type \"%.*s\"; did you mean \"%s\"?", SLICE_ARGS(word),
                      near);
    return refuse(p, start, "there is no type \"%.*s\"; a single string to choose is '%.*s'",
                  SLICE_ARGS(word), SLICE_ARGS(word));
}

static bool parse_word(struct parser *p, struct parts *parts)
{
    const char *start = p->at;
    while (p->at < p->end && is_word_byte(*p->at))
        p->at++;
    struct slice word = slice_make(start, (size_t)(p->at - start));
    if (word.len == 0)
        return refuse(p, start, "a type must come here, such as string, integer or a|b");
    for (int i = 0; i < TYPES; i++)
        if (slice_is(word, types[i].name))
            return parse_type(p, &types[i], parts);
    if (format_find(word) != NULL)
        return parse_format(p, word, parts);
    skip_spaces(p);
    bool is_choice = parts->count > 0 || (p->at < p->end && *p->at == '|');
    if (!is_choice)
        return refuse_word(p, start, word);
    comma(&parts->literals);
    json_quote(&parts->literals, word);
    parts->literal_count++;
    return true;
}

static bool parse_part(struct parser *p, struct parts *parts)
{
    skip_spaces(p);
    char c = p->at < p->end ? *p->at : '\0';
    bool is_good = c == '['                ? parse_array(p, parts)
                   : c == '\'' || c == '"' ? parse_quoted(p, parts)
                                           : parse_word(p, parts);
    skip_spaces(p);
    if (is_good && ++parts->count > SHAPE_CHOICES_MAX)
        return refuse(p, p->at, "more than %d to choose from", SHAPE_CHOICES_MAX);
    return is_good;
}

/* The parts as one schema. */
static void encode_parts(struct parts *parts, struct buf *out)
{
    if (parts->literal_count == parts->count) {
        buf_printf(out, "{\"enum\":[%.*s]}", SLICE_ARGS(buf_slice(&parts->literals)));
    } else if (parts->count == 1) {
        buf_add_slice(out, buf_slice(&parts->schemas));
    } else if (parts->plain_count == parts->count) {
        buf_printf(out, "{\"type\":[%.*s]}", SLICE_ARGS(buf_slice(&parts->names)));
    } else {
        buf_printf(out, "{\"anyOf\":[%.*s", SLICE_ARGS(buf_slice(&parts->schemas)));
        if (parts->literal_count > 0)
            buf_printf(out, ",{\"enum\":[%.*s]}", SLICE_ARGS(buf_slice(&parts->literals)));
        buf_add_text(out, "]}");
    }
}

static bool parse_choice(struct parser *p, struct buf *out)
{
    struct parts parts = {.count = 0};
    bool is_good = parse_part(p, &parts);
    while (is_good && take(p, '|'))
        is_good = parse_part(p, &parts);
    if (is_good)
        encode_parts(&parts, out);
    buf_finish(&parts.literals);
    buf_finish(&parts.schemas);
    buf_finish(&parts.names);
    return is_good;
}

/* ---- fields ---- */

bool shape_field(struct slice text, struct buf *out, bool *is_optional, struct error *err)
{
    struct parser p = {.text = text, .at = text.at, .end = text.at + text.len, .err = err};
    size_t before = out->len;
    if (text.len > SHAPE_LENGTH_MAX || !utf8_is_valid(text))
        return fail(err, ERROR_SCRIPT, "must be UTF-8 text of at most %d bytes", SHAPE_LENGTH_MAX);
    bool is_good =
        text.len > 0 ? parse_choice(&p, out) : fail(err, ERROR_SCRIPT, "a type must be here");
    if (is_good) {
        *is_optional = take(&p, '?');
        skip_spaces(&p);
        is_good = p.at == p.end || refuse(&p, p.at, "nothing may follow here but | and ?");
    }
    if (!is_good)
        out->len = before;
    return is_good;
}

void shape_finish(struct shape *shape)
{
    buf_finish(&shape->properties);
    buf_finish(&shape->required);
}

void shape_add_schema(struct shape *shape, struct slice name, struct slice schema, bool is_optional)
{
    comma(&shape->properties);
    json_quote(&shape->properties, name);
    buf_add_byte(&shape->properties, ':');
    buf_add_slice(&shape->properties, schema);
    if (is_optional)
        return;
    comma(&shape->required);
    json_quote(&shape->required, name);
}

bool shape_name(struct slice *name)
{
    bool is_optional = name->len > 1 && name->at[name->len - 1] == '?';
    name->len -= is_optional;
    return is_optional;
}

bool shape_add(struct shape *shape, struct slice name, struct slice text, struct error *err)
{
    struct buf schema = {0};
    struct error why = {0};
    bool may_miss = shape_name(&name), is_optional;
    bool is_good = utf8_is_valid(name) ? shape_field(text, &schema, &is_optional, &why)
                                       : fail(&why, ERROR_SCRIPT, "its name is not UTF-8");
    if (is_good)
        shape_add_schema(shape, name, buf_slice(&schema), is_optional || may_miss);
    else
        fail(err, ERROR_SCRIPT, "%.*s: %s", utf8_is_valid(name) ? (int)name.len : 0, name.at,
             why.text);
    buf_finish(&schema);
    return is_good;
}

void shape_encode(const struct shape *shape, struct buf *out)
{
    buf_printf(out, "{\"type\":\"object\",\"properties\":{%.*s}",
               SLICE_ARGS(buf_slice(&shape->properties)));
    if (shape->required.len > 0)
        buf_printf(out, ",\"required\":[%.*s]", SLICE_ARGS(buf_slice(&shape->required)));
    buf_add_text(out, ",\"additionalProperties\":false}");
}
