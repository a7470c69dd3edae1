/* What the files of rule/schema share: the compiled form. Nobody else's. */
#ifndef RULE_SCHEMA_INSIDE_H
#define RULE_SCHEMA_INSIDE_H

#include "rule/format.h"
#include "rule/schema.h"
#include "rule/schema_number.h"
#include "rule/schema_regex.h"
#include "rule/schema_tape.h"

/* Every keyword that says no, in the order in which a subschema asks them: cheap ones first, those
 * that look at what the others have left last. X(NAME, text). Some are compiled and checked
 * together under the first one's name. */
#define KEYWORDS(X)                                                                                \
    X(TYPE, "type")                                                                                \
    X(CONST, "const")                                                                              \
    X(ENUM, "enum")                                                                                \
    X(MINIMUM, "minimum")                                                                          \
    X(MAXIMUM, "maximum")                                                                          \
    X(EXCLUSIVE_MINIMUM, "exclusiveMinimum")                                                       \
    X(EXCLUSIVE_MAXIMUM, "exclusiveMaximum")                                                       \
    X(MULTIPLE_OF, "multipleOf")                                                                   \
    X(MIN_LENGTH, "minLength")                                                                     \
    X(MAX_LENGTH, "maxLength")                                                                     \
    X(FORMAT, "format")                                                                            \
    X(PATTERN, "pattern")                                                                          \
    X(MIN_ITEMS, "minItems")                                                                       \
    X(MAX_ITEMS, "maxItems")                                                                       \
    X(MIN_PROPERTIES, "minProperties")                                                             \
    X(MAX_PROPERTIES, "maxProperties")                                                             \
    X(REQUIRED, "required")                                                                        \
    X(PROPERTIES, "properties")                                                                    \
    X(PATTERN_PROPERTIES, "patternProperties")                                                     \
    X(ADDITIONAL_PROPERTIES, "additionalProperties")                                               \
    X(DEPENDENT_REQUIRED, "dependentRequired")                                                     \
    X(PROPERTY_NAMES, "propertyNames")                                                             \
    X(PREFIX_ITEMS, "prefixItems")                                                                 \
    X(ITEMS, "items")                                                                              \
    X(UNIQUE_ITEMS, "uniqueItems")                                                                 \
    X(CONTAINS, "contains")                                                                        \
    X(MIN_CONTAINS, "minContains")                                                                 \
    X(MAX_CONTAINS, "maxContains")                                                                 \
    X(DEPENDENT_SCHEMAS, "dependentSchemas")                                                       \
    X(REF, "$ref")                                                                                 \
    X(DYNAMIC_REF, "$dynamicRef")                                                                  \
    X(ALL_OF, "allOf")                                                                             \
    X(ANY_OF, "anyOf")                                                                             \
    X(ONE_OF, "oneOf")                                                                             \
    X(NOT, "not")                                                                                  \
    X(IF, "if")                                                                                    \
    X(THEN, "then")                                                                                \
    X(ELSE, "else")                                                                                \
    X(UNEVALUATED_ITEMS, "unevaluatedItems")                                                       \
    X(UNEVALUATED_PROPERTIES, "unevaluatedProperties")

enum keyword {
#define X(name, text) KEYWORD_##name,
    KEYWORDS(X)
#undef X
        KEYWORD_COUNT,
    KEYWORD_FALSE, /* for faults: the schema `false` itself, ... */
    KEYWORD_LIMIT, /* ... and what could not be checked: too many steps, ... */
    KEYWORD_DEPTH, /* ... too deep */
};

/* Kinds of values as bits, by enum json_kind; a number that is whole has one more. */
enum {
    ON_NUMBER = 1 << JSON_NUMBER,
    ON_STRING = 1 << JSON_STRING,
    ON_ARRAY = 1 << JSON_ARRAY,
    ON_OBJECT = 1 << JSON_OBJECT,
    ON_ANY = (1 << (JSON_OBJECT + 1)) - 1,
    ON_INTEGER = 1 << (JSON_OBJECT + 1),
};

/* A schema's text, taken apart. */
struct source {
    struct slice uri; /* where it was given under; empty for the schema itself */
    char *text;
    struct tape tape;
    struct subschema **compiled; /* by tape item: NULL where nothing has been compiled from */
};

/* A schema with an address of its own. */
struct resource {
    char *uri;
    struct source *source;
    uint32_t item; /* its root */
};

/* A place named by $anchor or $dynamicAnchor. */
struct anchor {
    const struct resource *resource;
    char *name;
    bool is_dynamic;
    const struct subschema *schema;
};

struct value_set { /* of const and enum */
    const struct source *source;
    uint32_t count;
    struct choice {
        uint64_t hash;
        uint32_t item;
    } list[];
};

struct subschemas {
    uint32_t count;
    const struct subschema *list[];
};

/* Names that objects may have, found by hash. */
struct property {
    struct slice name;              /* owned, as text */
    uint64_t word;                  /* see find_property() */
    const struct subschema *schema; /* NULL: only required */
    int required;                   /* its bit among the required ones, or -1 */
};

struct pattern_property {
    struct regex *regex;
    const struct subschema *schema;
};

struct members {
    struct property *list;
    uint16_t *slots; /* place in the list plus 1; 0: empty */
    uint32_t count, mask, required_count;
    struct pattern_property *patterns;
    uint32_t pattern_count;
    const struct subschema *additional; /* NULL: anything */
};

/* dependentRequired and dependentSchemas. */
struct dependencies {
    uint32_t count;
    struct dependency {
        struct slice name;
        struct slice *required;
        uint32_t required_count;
        const struct subschema *schema;
    } list[];
};

struct items {
    const struct subschema *rest; /* NULL: anything */
    struct subschemas *prefix;    /* NULL: none */
};

struct contains {
    const struct subschema *schema;
    uint64_t min, max;
};

struct condition {
    const struct subschema *when, *then, *otherwise; /* the latter two may be NULL */
};

struct reference {
    const struct subschema *target;
    const char *dynamic; /* of $dynamicRef: the name to look for in the dynamic scope, or NULL */
};

struct checker;
struct marks;

struct constraint {
    enum keyword keyword;
    unsigned kinds; /* what it looks at; other kinds pass */
    /* Marks get what has been evaluated; NULL when nobody asks. */
    bool (*check)(struct checker *c, const struct constraint *rule, uint32_t item,
                  struct marks *marks);
    union { /* by keyword; pointers are owned, but for subschemas, which the schema owns */
        unsigned types;
        uint64_t count;
        struct decimal number;
        const struct format *format;
        struct regex *regex;
        struct value_set *values;
        struct members *members;
        struct dependencies *dependencies;
        struct items items;
        struct contains contains;
        struct condition condition;
        struct reference reference;
        struct subschemas *list;
        const struct subschema *schema;
    };
    struct slice text; /* in the source: how it was written, for faults */
};

struct subschema {
    const struct source *source;
    uint32_t item;
    bool is_false, has_unevaluated;
    const struct resource *resource;
    struct constraint *list;
    uint32_t count;
    unsigned char visit; /* while looking for circles */
};

struct schema {
    struct source **sources; /* the first is the schema itself */
    struct subschema **subschemas;
    struct resource **resources;
    struct anchor *anchors;
    uint32_t source_count, subschema_count, resource_count, anchor_count;
    bool has_dynamic;
    const struct subschema *root;
};

/* ---- compiling ---- */

/* A reference to be resolved when everything in sight has been compiled. */
struct pending {
    struct subschema *owner;
    uint32_t constraint;
    uint32_t item; /* of the reference's text */
};

struct compiler {
    struct schema *schema;
    const struct schema_options *options;
    bool asserts_formats, has_no_validation; /* by the options, and what $schema says */
    struct pending *pending;
    uint32_t pending_count;
    struct error *err;
};

/* The subschema at an item, compiled now if it is not yet. NULL and the error. */
const struct subschema *compile_subschema(struct compiler *c, struct source *source, uint32_t item,
                                          const struct resource *resource);
/* The keywords of an object, into s->list. `s` has its resource. */
bool compile_keywords(struct compiler *c, struct subschema *s, struct source *source);
/* Always false: "schema/properties/qty: ..." */
bool schema_wrong(struct compiler *c, const struct source *source, uint32_t item,
                  const char *format, ...) PRINTF_LIKE(4, 5);
/* The resource a subschema begins when its $id says so, else `outer`; its anchors are noted. NULL
 * and the error. */
const struct resource *compile_identity(struct compiler *c, struct subschema *s,
                                        struct source *source, const struct resource *outer);
struct source *source_create(struct compiler *c, struct slice uri, struct slice text);
struct resource *add_resource(struct compiler *c, struct slice uri, struct source *source,
                              uint32_t item);
/* The document of that address: of the options, or the schema of schemas, which we have. */
bool find_document(const struct compiler *c, struct slice uri, struct schema_document *out);
bool read_dialect(struct compiler *c, const struct source *source); /* of $schema */
bool resolve_references(struct compiler *c);
bool check_circles(struct compiler *c);
void constraint_finish(struct constraint *rule);
void keyword_link(struct constraint *rule); /* its check function and kinds */

/* Where each keyword's value is in the object at hand; 0: absent. */
struct found {
    struct compiler *c;
    struct subschema *owner;
    struct source *source;
    uint32_t at[KEYWORD_COUNT];
};
bool schema_expect(const struct found *f, uint32_t item, enum json_kind kind, const char *what);
const struct subschema *compile_inside(const struct found *f, uint32_t item);
bool compile_one(const struct found *f, uint32_t item,
                 const struct subschema **schema); /* 0: none */
struct regex *compile_regex(const struct found *f, uint32_t item);
bool compile_members(struct found *f, struct constraint *rule);
bool compile_dependencies(struct found *f, struct constraint *rule);
void members_destroy(struct members *m);
void dependencies_destroy(struct dependencies *all);

/* ---- checking ---- */

const char *keyword_text(enum keyword keyword);
const struct property *find_property(const struct members *m, struct slice name);

/* What was found wrong. */
struct finding {
    enum keyword keyword;
    const struct constraint *rule; /* NULL for KEYWORD_FALSE, KEYWORD_LIMIT and KEYWORD_DEPTH */
    uint32_t item;
    struct slice name; /* of REQUIRED and DEPENDENT_REQUIRED */
    unsigned count;    /* of ONE_OF and CONTAINS: how many fit; of LIMIT and DEPTH: the limit */
};
void describe_finding(const struct finding *finding, const struct tape *tape,
                      struct schema_fault *fault);

#endif
