/* Checking a text against a compiled schema. */
#include "rule/schema_check.h"

#include <stdlib.h>

#include "base/memory.h"

bool refuse(struct checker *c, enum keyword keyword, const struct constraint *rule, uint32_t item)
{
    c->finding = (struct finding){.keyword = keyword, .rule = rule, .item = item};
    return false;
}

bool refuse_name(struct checker *c, enum keyword keyword, const struct constraint *rule,
                 uint32_t item, struct slice name)
{
    refuse(c, keyword, rule, item);
    c->finding.name = name;
    return false;
}

bool refuse_count(struct checker *c, enum keyword keyword, const struct constraint *rule,
                  uint32_t item, unsigned count)
{
    refuse(c, keyword, rule, item);
    c->finding.count = count;
    return false;
}

/* ---- marks ---- */

static void marks_init(struct checker *c, struct marks *m, uint32_t item)
{
    m->few = 0;
    m->words = (c->tape->items[item].count + 63) / 64;
    c->steps -= m->words;
    m->bits = m->words > 1 ? xcalloc(m->words, sizeof *m->bits) : &m->few;
}

static void marks_finish(struct marks *m)
{
    if (m->bits != &m->few)
        free(m->bits);
}

static bool is_marked(const struct marks *m, uint32_t index)
{
    return m->bits[index / 64] >> (index % 64) & 1;
}

static void marks_merge(struct marks *into, const struct marks *from)
{
    for (uint32_t i = 0; i < from->words; i++)
        into->bits[i] |= from->bits[i];
}

/* ---- subschemas ---- */

static bool run(struct checker *c, const struct subschema *s, uint32_t item, struct marks *marks)
{
    unsigned kind = 1u << c->tape->items[item].kind;
    const struct constraint *rule = s->list, *end = s->list + s->count;
    c->depth++;
    while (rule < end && (!(rule->kinds & kind) || rule->check(c, rule, item, marks)))
        rule++;
    c->depth--;
    return rule == end;
}

/* With marks of its own, since it asks what has not been evaluated within it. */
static bool run_collecting(struct checker *c, const struct subschema *s, uint32_t item,
                           struct marks *outer)
{
    if (!s->has_unevaluated)
        return run(c, s, item, outer);
    struct marks own;
    marks_init(c, &own, item);
    bool fits = run(c, s, item, &own);
    if (fits && outer != NULL)
        marks_merge(outer, &own);
    marks_finish(&own);
    return fits;
}

static bool run_scoped(struct checker *c, const struct subschema *s, uint32_t item,
                       struct marks *marks)
{
    const struct scope *outer = c->scope;
    struct scope scope = {s->resource, outer};
    if (outer == NULL || outer->resource != s->resource)
        c->scope = &scope;
    bool fits = run_collecting(c, s, item, marks);
    c->scope = outer;
    return fits;
}

bool check_subschema(struct checker *c, const struct subschema *s, uint32_t item,
                     struct marks *marks)
{
    if (s->count == 0)
        return !s->is_false || refuse(c, KEYWORD_FALSE, NULL, item);
    if (--c->steps < 0)
        return false;
    if (c->depth == SCHEMA_NESTED_MAX) {
        c->is_too_deep = true;
        c->steps = -1;
        return false;
    }
    if (c->schema->has_dynamic)
        return run_scoped(c, s, item, marks);
    return run_collecting(c, s, item, marks);
}

/* Of one that need not fit: what it has evaluated counts only if it does. */
static bool try(struct checker *c, const struct subschema *s, uint32_t item, struct marks *marks)
{
    if (marks == NULL || c->steps < 0)
        return check_subschema(c, s, item, NULL);
    struct marks own;
    marks_init(c, &own, item);
    bool fits = check_subschema(c, s, item, &own);
    if (fits)
        marks_merge(marks, &own);
    marks_finish(&own);
    return fits;
}

/* ---- schemas about the same value ---- */

static bool check_all_of(struct checker *c, const struct constraint *rule, uint32_t item,
                         struct marks *marks)
{
    for (uint32_t i = 0; i < rule->list->count; i++)
        if (!check_subschema(c, rule->list->list[i], item, marks))
            return false;
    return true;
}

static bool check_any_of(struct checker *c, const struct constraint *rule, uint32_t item,
                         struct marks *marks)
{
    bool fits = false;
    for (uint32_t i = 0; i < rule->list->count && (!fits || marks != NULL); i++)
        fits |= try(c, rule->list->list[i], item, marks);
    return fits || refuse(c, KEYWORD_ANY_OF, rule, item);
}

static bool check_one_of(struct checker *c, const struct constraint *rule, uint32_t item,
                         struct marks *marks)
{
    unsigned fit = 0;
    for (uint32_t i = 0; i < rule->list->count && fit < 2; i++)
        fit += try(c, rule->list->list[i], item, marks);
    return fit == 1 || refuse_count(c, KEYWORD_ONE_OF, rule, item, fit);
}

static bool check_not(struct checker *c, const struct constraint *rule, uint32_t item,
                      struct marks *marks)
{
    (void)marks;
    return !check_subschema(c, rule->schema, item, NULL) || refuse(c, KEYWORD_NOT, rule, item);
}

static bool check_condition(struct checker *c, const struct constraint *rule, uint32_t item,
                            struct marks *marks)
{
    const struct condition *condition = &rule->condition;
    bool holds = try(c, condition->when, item, marks);
    const struct subschema *then = holds ? condition->then : condition->otherwise;
    return then == NULL || check_subschema(c, then, item, marks);
}

/* The outermost resource in scope that has a dynamic anchor of that name. */
static const struct subschema *find_dynamic(const struct checker *c,
                                            const struct reference *reference)
{
    const struct subschema *target = reference->target;
    for (const struct scope *scope = c->scope; scope != NULL; scope = scope->outer)
        for (uint32_t i = 0; i < c->schema->anchor_count; i++) {
            const struct anchor *anchor = &c->schema->anchors[i];
            if (anchor->is_dynamic && anchor->resource == scope->resource &&
                strcmp(anchor->name, reference->dynamic) == 0)
                target = anchor->schema;
        }
    return target;
}

static bool check_reference(struct checker *c, const struct constraint *rule, uint32_t item,
                            struct marks *marks)
{
    const struct reference *reference = &rule->reference;
    if (reference->dynamic == NULL)
        return check_subschema(c, reference->target, item, marks);
    return check_subschema(c, find_dynamic(c, reference), item, marks);
}

/* ---- what is left ---- */

static bool check_unevaluated(struct checker *c, const struct constraint *rule, uint32_t item,
                              struct marks *marks)
{
    const struct tape_item *items = c->tape->items;
    uint32_t name = tape_kind(c->tape, item) == JSON_OBJECT, index = 0;
    for (uint32_t at = item + 1 + name; at < items[item].next;
         at = items[at].next + name, index++) {
        if (--c->steps < 0)
            return false;
        if (is_marked(marks, index))
            continue;
        if (rule->schema->is_false)
            return refuse(c, rule->keyword, rule, at);
        if (!check_subschema(c, rule->schema, at, NULL))
            return false;
        mark(marks, index);
    }
    return true;
}

/* ---- the table ---- */

void keyword_link(struct constraint *rule)
{
    static const struct {
        unsigned kinds;
        bool (*check)(struct checker *, const struct constraint *, uint32_t, struct marks *);
    } links[KEYWORD_COUNT] = {
        [KEYWORD_TYPE] = {ON_ANY, check_type},
        [KEYWORD_CONST] = {ON_ANY, check_values},
        [KEYWORD_ENUM] = {ON_ANY, check_values},
        [KEYWORD_MINIMUM] = {ON_NUMBER, check_number},
        [KEYWORD_MAXIMUM] = {ON_NUMBER, check_number},
        [KEYWORD_EXCLUSIVE_MINIMUM] = {ON_NUMBER, check_number},
        [KEYWORD_EXCLUSIVE_MAXIMUM] = {ON_NUMBER, check_number},
        [KEYWORD_MULTIPLE_OF] = {ON_NUMBER, check_number},
        [KEYWORD_MIN_LENGTH] = {ON_STRING, check_length},
        [KEYWORD_MAX_LENGTH] = {ON_STRING, check_length},
        [KEYWORD_FORMAT] = {ON_STRING, check_format},
        [KEYWORD_PATTERN] = {ON_STRING, check_pattern},
        [KEYWORD_MIN_ITEMS] = {ON_ARRAY, check_count},
        [KEYWORD_MAX_ITEMS] = {ON_ARRAY, check_count},
        [KEYWORD_MIN_PROPERTIES] = {ON_OBJECT, check_count},
        [KEYWORD_MAX_PROPERTIES] = {ON_OBJECT, check_count},
        [KEYWORD_PROPERTIES] = {ON_OBJECT, check_members},
        [KEYWORD_DEPENDENT_REQUIRED] = {ON_OBJECT, check_dependencies},
        [KEYWORD_PROPERTY_NAMES] = {ON_OBJECT, check_names},
        [KEYWORD_ITEMS] = {ON_ARRAY, check_items},
        [KEYWORD_UNIQUE_ITEMS] = {ON_ARRAY, check_unique},
        [KEYWORD_CONTAINS] = {ON_ARRAY, check_contains},
        [KEYWORD_DEPENDENT_SCHEMAS] = {ON_OBJECT, check_dependencies},
        [KEYWORD_REF] = {ON_ANY, check_reference},
        [KEYWORD_DYNAMIC_REF] = {ON_ANY, check_reference},
        [KEYWORD_ALL_OF] = {ON_ANY, check_all_of},
        [KEYWORD_ANY_OF] = {ON_ANY, check_any_of},
        [KEYWORD_ONE_OF] = {ON_ANY, check_one_of},
        [KEYWORD_NOT] = {ON_ANY, check_not},
        [KEYWORD_IF] = {ON_ANY, check_condition},
        [KEYWORD_UNEVALUATED_ITEMS] = {ON_ARRAY, check_unevaluated},
        [KEYWORD_UNEVALUATED_PROPERTIES] = {ON_OBJECT, check_unevaluated},
    };
    rule->check = links[rule->keyword].check;
    rule->kinds = links[rule->keyword].kinds;
    if ((rule->keyword == KEYWORD_UNIQUE_ITEMS && rule->count == 0) ||
        (rule->keyword == KEYWORD_FORMAT && rule->format == NULL))
        rule->kinds = 0;
}

/* ---- the whole ---- */

bool schema_check(const struct schema *schema, struct slice json, struct schema_fault *fault)
{
    enum { LENT = 160 };
    struct tape_item lent[LENT];
    struct tape tape;
    tape_init(&tape, lent, LENT);
    tape_read(&tape, json);
    struct checker c = {.schema = schema, .tape = &tape, .number_item = UINT32_MAX};
    const int64_t steps = SCHEMA_STEPS_BASE + SCHEMA_STEPS_PER_BYTE * (int64_t)json.len;
    c.steps = steps;
    c.run.steps = &c.steps;
    bool fits = check_subschema(&c, schema->root, 0, NULL) && c.steps >= 0;
    if (c.steps < 0)
        refuse_count(&c, c.is_too_deep ? KEYWORD_DEPTH : KEYWORD_LIMIT, NULL, 0,
                     c.is_too_deep ? SCHEMA_NESTED_MAX : (unsigned)steps);
    if (!fits && fault != NULL)
        describe_finding(&c.finding, &tape, fault);
    regex_run_finish(&c.run);
    tape_finish(&tape);
    return fits;
}
