/* JSON Schema 2020-12 on bytes: compiled once, immutable, checked by any thread without building a
 * tree. */
#ifndef RULE_SCHEMA_H
#define RULE_SCHEMA_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

/* Every keyword of the applicator, validation and unevaluated vocabularies, $ref, $dynamicRef, $id,
 * $anchor and $defs inside the document. Numbers are decimal and exact: 1.0 is an integer, 0.0075
 * is a multiple of 0.0001. Strings are counted in code points. Patterns are ECMA-262's, run by
 * PCRE2. Where a member's name is repeated, each of its values is checked. What is not supported is
 * a load error that names it: references to documents that are not here, and a divisor of more than
 * 19 digits. content* and $vocabulary are annotations. */
struct schema; /* immutable after compiling; owned by whoever compiled it */

enum {
    SCHEMA_LENGTH_MAX = 1 << 20, /* of the schema's text */
    SCHEMA_DEPTH_MAX = 128,      /* of the schema's text, nested */
    SCHEMA_NESTED_MAX =
        512, /* subschemas within one another while checking, followed references included */
    SCHEMA_NAMES_MAX = 8192,   /* in one object's properties */
    SCHEMA_REQUIRED_MAX = 256, /* names that one object requires */
    SCHEMA_POINTER_MAX = 256,
};

/* A check may take so many steps, a step being a subschema that is asked, a member or an item
 * looked at, an element of a pattern tried, or some bytes of a text read again: so its time is
 * linear in the message, whatever the schema and the message are. */
#define SCHEMA_STEPS_BASE     20000
#define SCHEMA_STEPS_PER_BYTE 16

/* A schema that others may refer to by its address. */
struct schema_document {
    struct slice uri, text;
};

/* Borrowed while compiling. */
struct schema_options {
    bool is_strict; /* what is nearly a keyword or a format, or was one in older drafts, is an error
                     */
    bool asserts_formats; /* else `format` is an annotation, as the specification has it by default
                           */
    const struct schema_document *documents;
    unsigned document_count;
};
#define SCHEMA_OPTIONS_DEFAULT ((struct schema_options){.is_strict = true, .asserts_formats = true})

/* What does not fit, the first thing found. */
struct schema_fault {
    char pointer[SCHEMA_POINTER_MAX]; /* JSON pointer to the value; "" is the whole; cut with "..."
                                       */
    const char *keyword;              /* static: "minimum" */
    char expected[256];               /* "1"; may be empty */
    char got[64];  /* its kind, and how much of it: "number 0", "string of 7 characters" */
    bool is_limit; /* it was not found wrong, but takes too many steps to check, or goes too deep */
};

/* NULL and err, with a pointer into the schema, when the text is not a schema. `options` NULL: the
 * default. */
struct schema *schema_compile(struct slice json, const struct schema_options *options,
                              struct error *err) MUST_USE;
void schema_destroy(struct schema *schema); /* NULL is fine */

/* Whether a JSON text that json_check() has accepted fits. `fault` may be NULL; it is written when
 * it does not. */
bool schema_check(const struct schema *schema, struct slice json,
                  struct schema_fault *fault) MUST_USE;

/* Appends the fault for people: "/items/3/qty: minimum 1, got number 0". */
void schema_explain(const struct schema_fault *fault, struct buf *out);

#endif
