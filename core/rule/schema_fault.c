/* Faults in words. */
#include "rule/schema_inside.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/suggest.h"
#include "base/utf8.h"

enum { NAMES_MAX = 64 };

/* Copies into room for `size` bytes with a NUL, cut between characters. */
static void copy_cut(char *room, size_t size, struct slice text)
{
    size_t len = text.len < size ? text.len : utf8_cut(text, size - 4);
    if (len > 0)
        memcpy(room, text.at, len);
    strcpy(room + len, len < text.len ? "..." : "");
}

static void PRINTF_LIKE(2, 3) expected(struct schema_fault *fault, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(fault->expected, sizeof fault->expected, format, args);
    va_end(args);
}

/* ---- what there is ---- */

/* Numbers and words are shown, they are short; of the others only how much there is. */
static void describe_value(const struct tape *tape, uint32_t item, struct schema_fault *fault)
{
    const char *kind = json_kind_name(tape_kind(tape, item));
    size_t size = sizeof fault->got;
    unsigned long count = tape->items[item].count;
    switch (tape_kind(tape, item)) {
    case JSON_NULL:
        snprintf(fault->got, size, "%s", kind);
        return;
    case JSON_STRING:
        count = tape_length(tape, item);
        snprintf(fault->got, size, "%s of %lu character%s", kind, count, count == 1 ? "" : "s");
        return;
    case JSON_ARRAY:
        snprintf(fault->got, size, "%s of %lu item%s", kind, count, count == 1 ? "" : "s");
        return;
    case JSON_OBJECT:
        snprintf(fault->got, size, "%s of %lu member%s", kind, count, count == 1 ? "" : "s");
        return;
    default:
        snprintf(fault->got, size, "%s ", kind);
        copy_cut(fault->got + strlen(kind) + 1, size - strlen(kind) - 1, tape_slice(tape, item));
    }
}

/* ---- what was wanted ---- */

static void expect_types(unsigned types, struct schema_fault *fault)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {
        {1 << JSON_NULL, "null"}, {1 << JSON_TRUE, "boolean"}, {ON_NUMBER, "number"},
        {ON_INTEGER, "integer"},  {ON_STRING, "string"},       {ON_ARRAY, "array"},
        {ON_OBJECT, "object"},
    };
    if (types & ON_NUMBER)
        types &= ~(unsigned)ON_INTEGER;
    fault->expected[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(fault->expected);
        if (types & names[i].bit)
            snprintf(fault->expected + len, sizeof fault->expected - len, "%s%s",
                     len > 0 ? " or " : "", names[i].name);
    }
}

static void expect_name(struct slice name, struct schema_fault *fault)
{
    struct buf quoted = {0};
    json_quote(&quoted, name);
    copy_cut(fault->expected, sizeof fault->expected, buf_slice(&quoted));
    buf_finish(&quoted);
}

/* The name that was perhaps meant by the one before `value`. */
static void expect_no_more(const struct members *m, const struct tape *tape, uint32_t value,
                           struct schema_fault *fault)
{
    const char *names[NAMES_MAX + 1];
    struct buf scratch = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < m->count && count < NAMES_MAX; i++)
        if (m->list[i].schema != NULL)
            names[count++] = m->list[i].name.at;
    names[count] = NULL;
    const char *near = suggest(tape_text(tape, value - 1, &scratch), names);
    expected(fault, near != NULL ? "false, did you mean \"%s\"?" : "false", near);
    buf_finish(&scratch);
}

static void expect_as_written(const struct constraint *rule, struct schema_fault *fault)
{
    copy_cut(fault->expected, sizeof fault->expected, rule->text);
}

static void expect_by_rule(const struct finding *finding, const struct tape *tape,
                           struct schema_fault *fault)
{
    const struct constraint *rule = finding->rule;
    switch (finding->keyword) {
    case KEYWORD_TYPE:
        expect_types(rule->types, fault);
        return;
    case KEYWORD_REQUIRED:
    case KEYWORD_DEPENDENT_REQUIRED:
        expect_name(finding->name, fault);
        return;
    case KEYWORD_ADDITIONAL_PROPERTIES:
        expect_no_more(rule->members, tape, finding->item, fault);
        return;
    case KEYWORD_ITEMS:
    case KEYWORD_UNEVALUATED_ITEMS:
    case KEYWORD_UNEVALUATED_PROPERTIES:
        expected(fault, "false");
        return;
    case KEYWORD_ANY_OF:
        expected(fault, "one of %u at least, fits none", (unsigned)rule->list->count);
        return;
    case KEYWORD_ONE_OF:
        expected(fault, "exactly one of %u, fits %s", (unsigned)rule->list->count,
                 finding->count == 0 ? "none" : "more than one");
        return;
    case KEYWORD_CONTAINS:
    case KEYWORD_MIN_CONTAINS:
        expected(fault, "%llu, found %u", (unsigned long long)rule->contains.min, finding->count);
        return;
    case KEYWORD_MAX_CONTAINS:
        expected(fault, "%llu, found more", (unsigned long long)rule->contains.max);
        return;
    case KEYWORD_NOT:
        expected(fault, "fits what it must not");
        return;
    default:
        expect_as_written(rule, fault);
    }
}

void describe_finding(const struct finding *finding, const struct tape *tape,
                      struct schema_fault *fault)
{
    struct buf pointer = {0};
    tape_pointer(tape, finding->item, &pointer);
    copy_cut(fault->pointer, sizeof fault->pointer, buf_slice(&pointer));
    buf_finish(&pointer);
    fault->keyword = keyword_text(finding->keyword);
    fault->is_limit = finding->keyword == KEYWORD_LIMIT || finding->keyword == KEYWORD_DEPTH;
    fault->expected[0] = '\0';
    describe_value(tape, finding->item, fault);
    if (finding->rule != NULL)
        expect_by_rule(finding, tape, fault);
    else if (finding->keyword == KEYWORD_FALSE)
        expected(fault, "schema, nothing fits it");
    else if (finding->keyword == KEYWORD_LIMIT)
        expected(fault, "of %u steps: checking it takes more", finding->count);
    else
        expected(fault, "of %u schemas asked within one another: it goes deeper", finding->count);
}

void schema_explain(const struct schema_fault *fault, struct buf *out)
{
    buf_add_text(out, fault->pointer[0] != '\0' ? fault->pointer : "the value");
    buf_printf(out, ": %s", fault->keyword);
    if (fault->expected[0] != '\0')
        buf_printf(out, " %s", fault->expected);
    buf_printf(out, ", got %s", fault->got);
}
