/* What the files that check a text against a schema share. Nobody else's. */
#ifndef RULE_SCHEMA_CHECK_H
#define RULE_SCHEMA_CHECK_H

#include "rule/schema_inside.h"

/* Which resources have been entered, for $dynamicRef. On the stack. */
struct scope {
    const struct resource *resource;
    const struct scope *outer;
};

/* One check, on the stack. */
struct checker {
    const struct schema *schema;
    const struct tape *tape;
    int64_t steps; /* left; negative: it is over, and no answer counts */
    unsigned depth;
    bool is_too_deep; /* why there are no steps left */
    const struct scope *scope;
    struct finding finding;
    struct regex_run run;
    uint32_t
        number_item; /* whose value `number` is; 0 with no digits is a number nobody asks about */
    struct decimal number;
};

/* Which items or members of one value have been evaluated, a bit each. On the stack. */
struct marks {
    uint64_t few;
    uint64_t *bits; /* `few`, or owned */
    uint32_t words;
};

/* Always false: notes what was found wrong. */
bool refuse(struct checker *c, enum keyword keyword, const struct constraint *rule, uint32_t item);
bool refuse_name(struct checker *c, enum keyword keyword, const struct constraint *rule,
                 uint32_t item, struct slice name);
bool refuse_count(struct checker *c, enum keyword keyword, const struct constraint *rule,
                  uint32_t item, unsigned count);

/* The text of a string, as tape_text() has it; decoding it takes steps. */
static inline struct slice text_of(struct checker *c, uint32_t string, struct buf *scratch)
{
    const struct tape_item *item = &c->tape->items[string];
    if (item->is_escaped)
        c->steps -= tape_steps(item->len);
    return tape_text(c->tape, string, scratch);
}

/* Whether a value fits a subschema. Marks get which of its items or members have been evaluated,
 * but only mean something when it fits; NULL when nobody asks. */
bool check_subschema(struct checker *c, const struct subschema *s, uint32_t item,
                     struct marks *marks);

static inline void mark(struct marks *m, uint32_t index)
{
    if (m != NULL)
        m->bits[index / 64] |= UINT64_C(1) << (index % 64);
}

/* One function for each kind of constraint, for keyword_link(). */
bool check_contains(struct checker *c, const struct constraint *rule, uint32_t item,
                    struct marks *marks);
bool check_count(struct checker *c, const struct constraint *rule, uint32_t item,
                 struct marks *marks);
bool check_dependencies(struct checker *c, const struct constraint *rule, uint32_t item,
                        struct marks *marks);
bool check_format(struct checker *c, const struct constraint *rule, uint32_t item,
                  struct marks *marks);
bool check_items(struct checker *c, const struct constraint *rule, uint32_t item,
                 struct marks *marks);
bool check_length(struct checker *c, const struct constraint *rule, uint32_t item,
                  struct marks *marks);
bool check_members(struct checker *c, const struct constraint *rule, uint32_t item,
                   struct marks *marks);
bool check_names(struct checker *c, const struct constraint *rule, uint32_t item,
                 struct marks *marks);
bool check_number(struct checker *c, const struct constraint *rule, uint32_t item,
                  struct marks *marks);
bool check_pattern(struct checker *c, const struct constraint *rule, uint32_t item,
                   struct marks *marks);
bool check_type(struct checker *c, const struct constraint *rule, uint32_t item,
                struct marks *marks);
bool check_unique(struct checker *c, const struct constraint *rule, uint32_t item,
                  struct marks *marks);
bool check_values(struct checker *c, const struct constraint *rule, uint32_t item,
                  struct marks *marks);

#endif
