/* Constraints on numbers, strings, and on how much there is of a value. */
#include "rule/schema_check.h"

/* ---- any value ---- */

static const struct decimal *number_at(struct checker *c, uint32_t item)
{
    if (c->number_item != item) {
        c->steps -= tape_steps(c->tape->items[item].len);
        decimal_parse(tape_slice(c->tape, item), &c->number);
        c->number_item = item;
    }
    return &c->number;
}

static bool is_integer(struct checker *c, uint32_t item)
{
    struct slice text = tape_slice(c->tape, item);
    c->steps -= tape_steps(text.len);
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] > '9' || text.at[i] == '.')
            return decimal_is_integer(number_at(c, item));
    return true;
}

bool check_type(struct checker *c, const struct constraint *rule, uint32_t item,
                struct marks *marks)
{
    (void)marks;
    unsigned kind = 1u << c->tape->items[item].kind;
    if (rule->types & kind)
        return true;
    if (kind == ON_NUMBER && (rule->types & ON_INTEGER) && is_integer(c, item))
        return true;
    return refuse(c, KEYWORD_TYPE, rule, item);
}

bool check_values(struct checker *c, const struct constraint *rule, uint32_t item,
                  struct marks *marks)
{
    (void)marks;
    const struct value_set *set = rule->values;
    uint64_t hash = tape_hash(c->tape, item, &c->steps);
    for (uint32_t i = 0; i < set->count; i++)
        if (set->list[i].hash == hash &&
            tape_is_equal(c->tape, item, &set->source->tape, set->list[i].item, &c->steps))
            return true;
    return refuse(c, rule->keyword, rule, item);
}

/* ---- numbers and strings ---- */

bool check_number(struct checker *c, const struct constraint *rule, uint32_t item,
                  struct marks *marks)
{
    (void)marks;
    const struct decimal *number = number_at(c, item);
    bool fits;
    if (rule->keyword == KEYWORD_MULTIPLE_OF) {
        fits = decimal_is_multiple(number, &rule->number);
    } else {
        int order = decimal_compare(number, &rule->number);
        fits = rule->keyword == KEYWORD_MINIMUM             ? order >= 0
               : rule->keyword == KEYWORD_MAXIMUM           ? order <= 0
               : rule->keyword == KEYWORD_EXCLUSIVE_MINIMUM ? order > 0
                                                            : order < 0;
    }
    return fits || refuse(c, rule->keyword, rule, item);
}

static size_t length_of(struct checker *c, uint32_t string)
{
    c->steps -= tape_steps(c->tape->items[string].len);
    return tape_length(c->tape, string);
}

/* A code point takes a byte at least, and at most twelve, as two escapes. */
bool check_length(struct checker *c, const struct constraint *rule, uint32_t item,
                  struct marks *marks)
{
    (void)marks;
    uint64_t bytes = c->tape->items[item].len - 2;
    bool fits;
    if (rule->keyword == KEYWORD_MIN_LENGTH)
        fits = bytes / 12 >= rule->count ||
               (bytes >= rule->count && length_of(c, item) >= rule->count);
    else
        fits = bytes <= rule->count || length_of(c, item) <= rule->count;
    return fits || refuse(c, rule->keyword, rule, item);
}

bool check_pattern(struct checker *c, const struct constraint *rule, uint32_t item,
                   struct marks *marks)
{
    (void)marks;
    struct buf scratch = {0};
    bool fits = regex_match(rule->regex, text_of(c, item, &scratch), &c->run);
    buf_finish(&scratch);
    return fits || refuse(c, KEYWORD_PATTERN, rule, item);
}

bool check_format(struct checker *c, const struct constraint *rule, uint32_t item,
                  struct marks *marks)
{
    (void)marks;
    struct buf scratch = {0};
    struct slice text = text_of(c, item, &scratch);
    c->steps -= format_steps(rule->format, text.len);
    bool fits = c->steps >= 0 && format_is_valid(rule->format, text);
    buf_finish(&scratch);
    return fits || refuse(c, KEYWORD_FORMAT, rule, item);
}

bool check_count(struct checker *c, const struct constraint *rule, uint32_t item,
                 struct marks *marks)
{
    (void)marks;
    uint64_t count = c->tape->items[item].count;
    bool is_min = rule->keyword == KEYWORD_MIN_ITEMS || rule->keyword == KEYWORD_MIN_PROPERTIES;
    return (is_min ? count >= rule->count : count <= rule->count) ||
           refuse(c, rule->keyword, rule, item);
}
