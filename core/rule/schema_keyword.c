/* From a schema's keywords to constraints. */
#include "rule/schema_inside.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/suggest.h"

static const struct tape *tape_of(const struct found *f)
{
    return &f->source->tape;
}

bool schema_expect(const struct found *f, uint32_t item, enum json_kind kind, const char *what)
{
    return tape_kind(tape_of(f), item) == kind ||
           schema_wrong(f->c, f->source, item, "must be %s", what);
}

const struct subschema *compile_inside(const struct found *f, uint32_t item)
{
    return compile_subschema(f->c, f->source, item, f->owner->resource);
}

bool compile_one(const struct found *f, uint32_t item, const struct subschema **schema)
{
    *schema = item != 0 ? compile_inside(f, item) : NULL;
    return item == 0 || *schema != NULL;
}

/* ---- one value each ---- */

static bool parse_types(const struct found *f, uint32_t item, unsigned *types)
{
    static const struct {
        const char *name;
        unsigned bits;
    } known[] = {
        {"null", 1 << JSON_NULL}, {"boolean", 1 << JSON_FALSE | 1 << JSON_TRUE},
        {"integer", ON_INTEGER},  {"number", ON_NUMBER | ON_INTEGER},
        {"string", ON_STRING},    {"array", ON_ARRAY},
        {"object", ON_OBJECT},
    };
    static const char *const names[] = {"null",   "boolean", "integer", "number",
                                        "string", "array",   "object",  NULL};
    if (!schema_expect(f, item, JSON_STRING, "the name of a type, or a list of such"))
        return false;
    struct buf scratch = {0};
    struct slice text = tape_text(tape_of(f), item, &scratch);
    bool is_known = false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (slice_is(text, known[i].name)) {
            *types |= known[i].bits;
            is_known = true;
        }
    }
    const char *near = is_known ? NULL : suggest(text, names);
    if (!is_known)
        schema_wrong(f->c, f->source, item, "there is no type \"%.*s\"; %s%s", SLICE_ARGS(text),
                     near ? "did you mean "
                          : "they are null, boolean, integer, number, string, array and object",
                     near ? near : "");
    buf_finish(&scratch);
    return is_known;
}

static bool compile_type(struct found *f, struct constraint *rule)
{
    const struct tape *tape = tape_of(f);
    uint32_t at = f->at[KEYWORD_TYPE], end = tape->items[at].next;
    if (tape_kind(tape, at) != JSON_ARRAY)
        return parse_types(f, at, &rule->types);
    if (tape->items[at].count == 0)
        return schema_wrong(f->c, f->source, at, "must list a type at least");
    for (uint32_t item = at + 1; item < end; item = tape->items[item].next)
        if (!parse_types(f, item, &rule->types))
            return false;
    return true;
}

static bool compile_values(struct found *f, struct constraint *rule)
{
    const struct tape *tape = tape_of(f);
    uint32_t at = f->at[rule->keyword];
    bool is_enum = rule->keyword == KEYWORD_ENUM;
    if (is_enum && !schema_expect(f, at, JSON_ARRAY, "a list of values"))
        return false;
    uint32_t count = is_enum ? tape->items[at].count : 1, item = is_enum ? at + 1 : at;
    struct value_set *set = xcalloc(1, sizeof *set + count * sizeof *set->list);
    int64_t steps = INT64_MAX;
    set->source = f->source;
    set->count = count;
    for (uint32_t i = 0; i < count; i++, item = tape->items[item].next)
        set->list[i] = (struct choice){tape_hash(tape, item, &steps), item};
    rule->values = set;
    return true;
}

static bool compile_number(struct found *f, struct constraint *rule)
{
    uint32_t at = f->at[rule->keyword];
    if (!schema_expect(f, at, JSON_NUMBER, "a number"))
        return false;
    decimal_parse(tape_slice(tape_of(f), at), &rule->number);
    if (rule->keyword != KEYWORD_MULTIPLE_OF)
        return true;
    if (rule->number.is_long)
        return schema_wrong(f->c, f->source, at,
                            "a divisor of more than 19 digits is not supported");
    return (!rule->number.is_negative && rule->number.mantissa > 0) ||
           schema_wrong(f->c, f->source, at, "must be greater than 0");
}

static bool parse_count(const struct found *f, uint32_t item, uint64_t *count)
{
    struct decimal number;
    if (!schema_expect(f, item, JSON_NUMBER, "a whole number from 0 on"))
        return false;
    decimal_parse(tape_slice(tape_of(f), item), &number);
    return decimal_count(&number, count) ||
           schema_wrong(f->c, f->source, item, "must be a whole number from 0 on");
}

static bool compile_count(struct found *f, struct constraint *rule)
{
    return parse_count(f, f->at[rule->keyword], &rule->count);
}

static bool compile_unique(struct found *f, struct constraint *rule)
{
    enum json_kind kind = tape_kind(tape_of(f), f->at[KEYWORD_UNIQUE_ITEMS]);
    rule->count = kind == JSON_TRUE;
    return kind == JSON_TRUE || kind == JSON_FALSE ||
           schema_wrong(f->c, f->source, f->at[KEYWORD_UNIQUE_ITEMS], "must be true or false");
}

struct regex *compile_regex(const struct found *f, uint32_t item)
{
    struct error err = {0};
    struct buf scratch = {0};
    struct regex *regex = regex_compile(tape_text(tape_of(f), item, &scratch), &err);
    if (regex == NULL)
        schema_wrong(f->c, f->source, item, "not a regular expression: %s", err.text);
    buf_finish(&scratch);
    return regex;
}

static bool compile_pattern(struct found *f, struct constraint *rule)
{
    uint32_t at = f->at[KEYWORD_PATTERN];
    if (!schema_expect(f, at, JSON_STRING, "a string: a regular expression"))
        return false;
    rule->regex = compile_regex(f, at);
    return rule->regex != NULL;
}

static bool compile_format(struct found *f, struct constraint *rule)
{
    uint32_t at = f->at[KEYWORD_FORMAT];
    if (!schema_expect(f, at, JSON_STRING, "a string: the name of a format"))
        return false;
    struct buf scratch = {0};
    struct slice name = tape_text(tape_of(f), at, &scratch);
    rule->format = format_find(name);
    bool is_good = rule->format != NULL || !f->c->options->is_strict;
    if (!is_good) {
        const char *near = suggest(name, format_names());
        schema_wrong(
            f->c, f->source, at, "the format \"%.*s\" is not known and would not be checked%s%s%s",
            SLICE_ARGS(name), near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    buf_finish(&scratch);
    return is_good;
}

/* ---- lists ---- */

static bool compile_list(struct found *f, uint32_t at, struct subschemas **out)
{
    const struct tape *tape = tape_of(f);
    if (!schema_expect(f, at, JSON_ARRAY, "a list of schemas"))
        return false;
    uint32_t count = tape->items[at].count, item = at + 1;
    if (count == 0)
        return schema_wrong(f->c, f->source, at, "must have a schema at least");
    struct subschemas *list = *out = xcalloc(1, sizeof *list + count * sizeof *list->list);
    list->count = count;
    for (uint32_t i = 0; i < count; i++, item = tape->items[item].next) {
        list->list[i] = compile_inside(f, item);
        if (list->list[i] == NULL)
            return false;
    }
    return true;
}

static bool compile_schemas(struct found *f, struct constraint *rule)
{
    return compile_list(f, f->at[rule->keyword], &rule->list);
}

static bool compile_schema(struct found *f, struct constraint *rule)
{
    return compile_one(f, f->at[rule->keyword], &rule->schema);
}

static bool compile_condition(struct found *f, struct constraint *rule)
{
    return compile_one(f, f->at[KEYWORD_IF], &rule->condition.when) &&
           compile_one(f, f->at[KEYWORD_THEN], &rule->condition.then) &&
           compile_one(f, f->at[KEYWORD_ELSE], &rule->condition.otherwise);
}

static bool compile_items(struct found *f, struct constraint *rule)
{
    uint32_t prefix = f->at[KEYWORD_PREFIX_ITEMS], items = f->at[KEYWORD_ITEMS];
    if (items != 0 && tape_kind(tape_of(f), items) == JSON_ARRAY)
        return schema_wrong(f->c, f->source, items,
                            "is one schema for all items; a list is prefixItems");
    return (prefix == 0 || compile_list(f, prefix, &rule->items.prefix)) &&
           compile_one(f, items, &rule->items.rest);
}

static bool compile_contains(struct found *f, struct constraint *rule)
{
    uint32_t min = f->at[KEYWORD_MIN_CONTAINS], max = f->at[KEYWORD_MAX_CONTAINS];
    rule->contains.min = 1;
    rule->contains.max = UINT64_MAX;
    return compile_one(f, f->at[KEYWORD_CONTAINS], &rule->contains.schema) &&
           (min == 0 || parse_count(f, min, &rule->contains.min)) &&
           (max == 0 || parse_count(f, max, &rule->contains.max));
}

static bool compile_reference(struct found *f, struct constraint *rule)
{
    struct compiler *c = f->c;
    uint32_t at = f->at[rule->keyword];
    if (!schema_expect(f, at, JSON_STRING, "a string: an address"))
        return false;
    c->pending = xrealloc(c->pending, (c->pending_count + 1) * sizeof *c->pending);
    c->pending[c->pending_count++] =
        (struct pending){f->owner, (uint32_t)(rule - f->owner->list), at};
    c->schema->has_dynamic |= rule->keyword == KEYWORD_DYNAMIC_REF;
    return true;
}

/* ---- the table ---- */

/* Which function compiles what begins with a keyword, and which other keywords are part of the same
 * constraint. */
static const struct row {
    enum keyword keyword;
    bool (*compile)(struct found *f, struct constraint *rule);
    enum keyword others[4]; /* 0 (type, which is nobody's part) ends them */
} rows[] = {
    {KEYWORD_TYPE, compile_type, {0}},
    {KEYWORD_CONST, compile_values, {0}},
    {KEYWORD_ENUM, compile_values, {0}},
    {KEYWORD_MINIMUM, compile_number, {0}},
    {KEYWORD_MAXIMUM, compile_number, {0}},
    {KEYWORD_EXCLUSIVE_MINIMUM, compile_number, {0}},
    {KEYWORD_EXCLUSIVE_MAXIMUM, compile_number, {0}},
    {KEYWORD_MULTIPLE_OF, compile_number, {0}},
    {KEYWORD_MIN_LENGTH, compile_count, {0}},
    {KEYWORD_MAX_LENGTH, compile_count, {0}},
    {KEYWORD_FORMAT, compile_format, {0}},
    {KEYWORD_PATTERN, compile_pattern, {0}},
    {KEYWORD_MIN_ITEMS, compile_count, {0}},
    {KEYWORD_MAX_ITEMS, compile_count, {0}},
    {KEYWORD_MIN_PROPERTIES, compile_count, {0}},
    {KEYWORD_MAX_PROPERTIES, compile_count, {0}},
    {KEYWORD_PROPERTIES,
     compile_members,
     {KEYWORD_REQUIRED, KEYWORD_PATTERN_PROPERTIES, KEYWORD_ADDITIONAL_PROPERTIES}},
    {KEYWORD_DEPENDENT_REQUIRED, compile_dependencies, {0}},
    {KEYWORD_PROPERTY_NAMES, compile_schema, {0}},
    {KEYWORD_ITEMS, compile_items, {KEYWORD_PREFIX_ITEMS}},
    {KEYWORD_UNIQUE_ITEMS, compile_unique, {0}},
    {KEYWORD_CONTAINS, compile_contains, {0}}, /* minContains and maxContains alone mean nothing */
    {KEYWORD_DEPENDENT_SCHEMAS, compile_dependencies, {0}},
    {KEYWORD_REF, compile_reference, {0}},
    {KEYWORD_DYNAMIC_REF, compile_reference, {0}},
    {KEYWORD_ALL_OF, compile_schemas, {0}},
    {KEYWORD_ANY_OF, compile_schemas, {0}},
    {KEYWORD_ONE_OF, compile_schemas, {0}},
    {KEYWORD_NOT, compile_schema, {0}},
    {KEYWORD_IF, compile_condition, {0}},
    {KEYWORD_UNEVALUATED_ITEMS, compile_schema, {0}},
    {KEYWORD_UNEVALUATED_PROPERTIES, compile_schema, {0}},
};

enum { ROWS = sizeof rows / sizeof *rows };

static bool is_present(const struct found *f, const struct row *row)
{
    bool is = f->at[row->keyword] != 0;
    for (int i = 0; i < 4 && row->others[i] != KEYWORD_TYPE; i++)
        is |= f->at[row->others[i]] != 0;
    return is;
}

/* Keywords that say nothing about a value, and those of older drafts with what has come after them.
 */
static const char *const annotations[] = {
    "$schema",
    "$id",
    "$anchor",
    "$dynamicAnchor",
    "$defs",
    "$comment",
    "$vocabulary",
    "title",
    "description",
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
    "examples",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "definitions",
    NULL,
};
static const struct {
    const char *name, *now;
} retired[] = {
    {"additionalItems", "items, beside prefixItems"},
    {"dependencies", "dependentRequired or dependentSchemas"},
    {"$recursiveRef", "$dynamicRef"},
    {"$recursiveAnchor", "$dynamicAnchor"},
    {"id", "$id"},
    {"divisibleBy", "multipleOf"},
    {"extends", "allOf"},
    {"disallow", "not"},
};

const char *keyword_text(enum keyword keyword)
{
    static const char *const texts[] = {
#define X(name, text) [KEYWORD_##name] = text,
        KEYWORDS(X)
#undef X
            [KEYWORD_COUNT] = "",
        [KEYWORD_FALSE] = "false",
        [KEYWORD_LIMIT] = "limit",
        [KEYWORD_DEPTH] = "limit",
    };
    return texts[keyword];
}

/* Of a schema that is strict: a word that has no meaning, but looks as if it should. */
static bool check_unknown(const struct found *f, uint32_t key, struct slice name)
{
    enum { ANNOTATIONS = sizeof annotations / sizeof *annotations };
    const char *known[KEYWORD_COUNT + ANNOTATIONS];
    for (int i = 0; i < KEYWORD_COUNT; i++)
        known[i] = keyword_text((enum keyword)i);
    memcpy(known + KEYWORD_COUNT, annotations, sizeof annotations);
    for (int i = 0; i < ANNOTATIONS - 1; i++)
        if (slice_is(name, annotations[i]))
            return true;
    for (size_t i = 0; i < sizeof retired / sizeof *retired; i++)
        if (slice_is(name, retired[i].name))
            return schema_wrong(f->c, f->source, key, "is not of JSON Schema 2020-12, which has %s",
                                retired[i].now);
    const char *near = slice_begins(name, "x-") ? NULL : suggest(name, known);
    return near == NULL ||
           schema_wrong(f->c, f->source, key,
                        "is no keyword; did you mean \"%s\"? Words of your own begin with x-",
                        near);
}

static bool find_keywords(struct found *f)
{
    const struct tape *tape = tape_of(f);
    uint32_t end = tape->items[f->owner->item].next;
    struct buf scratch = {0};
    bool is_good = true;
    for (uint32_t key = f->owner->item + 1; is_good && key < end; key = tape->items[key + 1].next) {
        struct slice name = tape_text(tape, key, &scratch);
        int k = 0;
        while (k < KEYWORD_COUNT && !slice_is(name, keyword_text((enum keyword)k)))
            k++;
        if (k < KEYWORD_COUNT)
            f->at[k] = key + 1;
        else if (f->c->options->is_strict)
            is_good = check_unknown(f, key, name);
    }
    buf_finish(&scratch);
    return is_good;
}

static bool compile_defs(struct found *f)
{
    const struct tape *tape = tape_of(f);
    uint32_t at = tape_find(tape, f->owner->item, SLICE("$defs"));
    if (at == 0)
        return true;
    if (!schema_expect(f, at, JSON_OBJECT, "an object: a schema for each name"))
        return false;
    for (uint32_t key = at + 1; key < tape->items[at].next; key = tape->items[key + 1].next)
        if (compile_inside(f, key + 1) == NULL)
            return false;
    return true;
}

/* Subschemas that no constraint has asked for: `then` without `if`. They may be referred to. */
static bool compile_rest(struct found *f)
{
    const struct subschema *rest;
    return compile_defs(f) && compile_one(f, f->at[KEYWORD_THEN], &rest) &&
           compile_one(f, f->at[KEYWORD_ELSE], &rest);
}

/* Those of the validation vocabulary, to which `format` does not belong, when $schema has it not.
 */
static void forget_validation(struct found *f)
{
    static const enum keyword others[] = {
        KEYWORD_MIN_ITEMS,      KEYWORD_MAX_ITEMS,    KEYWORD_MIN_PROPERTIES,
        KEYWORD_MAX_PROPERTIES, KEYWORD_REQUIRED,     KEYWORD_DEPENDENT_REQUIRED,
        KEYWORD_UNIQUE_ITEMS,   KEYWORD_MIN_CONTAINS, KEYWORD_MAX_CONTAINS,
    };
    for (int i = KEYWORD_TYPE; i <= KEYWORD_PATTERN; i++)
        f->at[i] = i == KEYWORD_FORMAT ? f->at[i] : 0;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        f->at[others[i]] = 0;
}

/* Most have a few of them, and there may be a hundred thousand subschemas. */
static void shrink(struct subschema *s)
{
    if (s->count > 0) {
        s->list = xrealloc(s->list, s->count * sizeof *s->list);
        return;
    }
    free(s->list);
    s->list = NULL;
}

bool compile_keywords(struct compiler *c, struct subschema *s, struct source *source)
{
    struct found f = {.c = c, .owner = s, .source = source};
    if (!find_keywords(&f))
        return false;
    if (c->has_no_validation)
        forget_validation(&f);
    s->list = xcalloc(ROWS, sizeof *s->list);
    for (const struct row *row = rows; row < rows + ROWS; row++) {
        if (!is_present(&f, row) || (row->keyword == KEYWORD_FORMAT && !c->asserts_formats))
            continue;
        struct constraint *rule = &s->list[s->count++];
        rule->keyword = row->keyword;
        if (f.at[row->keyword] != 0)
            rule->text = tape_slice(&source->tape, f.at[row->keyword]);
        if (!row->compile(&f, rule))
            return false;
        keyword_link(rule);
        s->has_unevaluated |= row->keyword >= KEYWORD_UNEVALUATED_ITEMS;
    }
    shrink(s);
    return compile_rest(&f);
}

void constraint_finish(struct constraint *rule)
{
    switch (rule->keyword) {
    case KEYWORD_CONST:
    case KEYWORD_ENUM:
        free(rule->values);
        return;
    case KEYWORD_PATTERN:
        regex_destroy(rule->regex);
        return;
    case KEYWORD_ITEMS:
        free(rule->items.prefix);
        return;
    case KEYWORD_ALL_OF:
    case KEYWORD_ANY_OF:
    case KEYWORD_ONE_OF:
        free(rule->list);
        return;
    case KEYWORD_PROPERTIES:
        members_destroy(rule->members);
        return;
    case KEYWORD_DEPENDENT_REQUIRED:
    case KEYWORD_DEPENDENT_SCHEMAS:
        dependencies_destroy(rule->dependencies);
        return;
    default:
        return;
    }
}
