/* Constraints on objects and arrays. */
#include "rule/schema_check.h"

#include <stdlib.h>

#include "base/memory.h"

enum { REQUIRED_WORDS = SCHEMA_REQUIRED_MAX / 64, UNIQUE_FEW = 32 };

/* ---- objects ---- */

static bool check_patterns(struct checker *c, const struct members *m, uint32_t key,
                           struct slice name, bool *is_known)
{
    for (uint32_t i = 0; i < m->pattern_count; i++) {
        if (!regex_match(m->patterns[i].regex, name, &c->run))
            continue;
        *is_known = true;
        if (!check_subschema(c, m->patterns[i].schema, key + 1, NULL))
            return false;
    }
    return c->steps >= 0;
}

static bool check_additional(struct checker *c, const struct constraint *rule, uint32_t key)
{
    const struct subschema *additional = rule->members->additional;
    if (additional->is_false)
        return refuse(c, KEYWORD_ADDITIONAL_PROPERTIES, rule, key + 1);
    return check_subschema(c, additional, key + 1, NULL);
}

/* The members of one object, while it is walked. */
struct walk {
    const struct constraint *rule;
    uint64_t seen[REQUIRED_WORDS]; /* of the required names */
    uint32_t required;             /* how many of them */
};

static void see_required(struct walk *walk, const struct property *property)
{
    uint64_t bit = UINT64_C(1) << (property->required % 64),
             *word = &walk->seen[property->required / 64];
    walk->required += !(*word & bit);
    *word |= bit;
}

/* `*is_known` becomes true when the member has been evaluated. */
static bool check_named(struct checker *c, struct walk *walk, uint32_t key, struct slice name,
                        bool *is_known)
{
    const struct members *m = walk->rule->members;
    const struct property *property = find_property(m, name);
    if (property != NULL && property->required >= 0)
        see_required(walk, property);
    if (property != NULL && property->schema != NULL) {
        *is_known = true;
        if (!check_subschema(c, property->schema, key + 1, NULL))
            return false;
    }
    if (m->pattern_count > 0 && !check_patterns(c, m, key, name, is_known))
        return false;
    if (*is_known || m->additional == NULL)
        return true;
    *is_known = true;
    return check_additional(c, walk->rule, key);
}

static bool check_member(struct checker *c, struct walk *walk, uint32_t key, bool *is_known)
{
    struct buf scratch = {0};
    bool fits = check_named(c, walk, key, text_of(c, key, &scratch), is_known);
    if (scratch.at != NULL)
        buf_finish(&scratch);
    return fits;
}

static bool refuse_missing(struct checker *c, const struct walk *walk, uint32_t item)
{
    const struct members *m = walk->rule->members;
    for (uint32_t i = 0; i < m->count; i++) {
        int bit = m->list[i].required;
        if (bit >= 0 && !(walk->seen[bit / 64] >> (bit % 64) & 1))
            return refuse_name(c, KEYWORD_REQUIRED, walk->rule, item, m->list[i].name);
    }
    ensure(!"a required name is missing");
    return false;
}

bool check_members(struct checker *c, const struct constraint *rule, uint32_t item,
                   struct marks *marks)
{
    const struct tape_item *items = c->tape->items;
    struct walk walk = {.rule = rule};
    uint32_t index = 0, end = items[item].next;
    for (uint32_t key = item + 1; key < end; key = items[key + 1].next, index++) {
        bool is_known = false;
        if (--c->steps < 0 || !check_member(c, &walk, key, &is_known))
            return false;
        if (is_known)
            mark(marks, index);
    }
    return walk.required == rule->members->required_count || refuse_missing(c, &walk, item);
}

bool check_names(struct checker *c, const struct constraint *rule, uint32_t item,
                 struct marks *marks)
{
    (void)marks;
    const struct tape_item *items = c->tape->items;
    for (uint32_t key = item + 1; key < items[item].next; key = items[key + 1].next)
        if (!check_subschema(c, rule->schema, key, NULL))
            return false;
    return true;
}

static bool check_dependency(struct checker *c, const struct constraint *rule,
                             const struct dependency *each, uint32_t item, struct marks *marks)
{
    if (tape_look_up(c->tape, item, each->name, &c->steps) == 0)
        return true;
    for (uint32_t i = 0; i < each->required_count; i++)
        if (tape_look_up(c->tape, item, each->required[i], &c->steps) == 0)
            return refuse_name(c, rule->keyword, rule, item, each->required[i]);
    return each->schema == NULL || check_subschema(c, each->schema, item, marks);
}

bool check_dependencies(struct checker *c, const struct constraint *rule, uint32_t item,
                        struct marks *marks)
{
    const struct dependencies *all = rule->dependencies;
    for (uint32_t i = 0; i < all->count; i++)
        if (c->steps < 0 || !check_dependency(c, rule, &all->list[i], item, marks))
            return false;
    return true;
}

/* ---- arrays ---- */

bool check_items(struct checker *c, const struct constraint *rule, uint32_t item,
                 struct marks *marks)
{
    const struct tape_item *items = c->tape->items;
    const struct subschemas *prefix = rule->items.prefix;
    uint32_t index = 0, prefixed = prefix != NULL ? prefix->count : 0;
    for (uint32_t at = item + 1; at < items[item].next; at = items[at].next, index++) {
        const struct subschema *schema = index < prefixed ? prefix->list[index] : rule->items.rest;
        if (schema == NULL)
            return true;
        if (index >= prefixed && schema->is_false)
            return refuse(c, KEYWORD_ITEMS, rule, at);
        if (--c->steps < 0 || !check_subschema(c, schema, at, NULL))
            return false;
        mark(marks, index);
    }
    return true;
}

bool check_contains(struct checker *c, const struct constraint *rule, uint32_t item,
                    struct marks *marks)
{
    const struct tape_item *items = c->tape->items;
    const struct contains *contains = &rule->contains;
    uint64_t found = 0;
    uint32_t index = 0;
    for (uint32_t at = item + 1; at < items[item].next; at = items[at].next, index++) {
        if (--c->steps < 0)
            return false;
        if (!check_subschema(c, contains->schema, at, NULL))
            continue;
        mark(marks, index);
        found++;
        if (found > contains->max)
            return refuse_count(c, KEYWORD_MAX_CONTAINS, rule, item, (unsigned)found);
        if (found >= contains->min && contains->max == UINT64_MAX && marks == NULL)
            return true;
    }
    if (found >= contains->min)
        return true;
    enum keyword keyword = contains->min == 1 ? KEYWORD_CONTAINS : KEYWORD_MIN_CONTAINS;
    return refuse_count(c, keyword, rule, item, (unsigned)found);
}

struct seen_item {
    uint64_t hash;
    uint32_t item; /* 0: empty */
};

/* False when an equal one is there already. */
static bool add_seen(struct checker *c, struct seen_item *table, uint32_t mask, uint32_t item)
{
    uint64_t hash = tape_hash(c->tape, item, &c->steps);
    uint32_t slot = (uint32_t)hash & mask;
    for (; table[slot].item != 0; slot = (slot + 1) & mask)
        if (table[slot].hash == hash &&
            tape_is_equal(c->tape, item, c->tape, table[slot].item, &c->steps))
            return false;
    table[slot] = (struct seen_item){hash, item};
    return true;
}

bool check_unique(struct checker *c, const struct constraint *rule, uint32_t item,
                  struct marks *marks)
{
    (void)marks;
    const struct tape_item *items = c->tape->items;
    struct seen_item few[UNIQUE_FEW * 2] = {{0}}, *table = few;
    uint32_t room = UNIQUE_FEW * 2, at = item + 1, end = items[item].next;
    while (room < items[item].count * 2)
        room *= 2;
    c->steps -= items[item].count / 8; /* for the table */
    if (room > UNIQUE_FEW * 2)
        table = xcalloc(room, sizeof *table);
    while (at < end && c->steps >= 0 && add_seen(c, table, room - 1, at))
        at = items[at].next;
    if (table != few)
        free(table);
    return at >= end || refuse(c, KEYWORD_UNIQUE_ITEMS, rule, at);
}
