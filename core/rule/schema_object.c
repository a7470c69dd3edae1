/* What a schema says about the names of an object: compiled, found, freed. */
#include "rule/schema_inside.h"

#include <stdlib.h>

#include "base/memory.h"

/* ---- finding ---- */

static uint32_t load_four(const char *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* First and last bytes, which are all of a name of up to eight. */
static uint64_t name_word(struct slice name)
{
    if (name.len >= 4)
        return (uint64_t)load_four(name.at) << 32 | load_four(name.at + name.len - 4);
    if (name.len == 0)
        return 0;
    return (uint64_t)(unsigned char)name.at[0] << 16 |
           (uint64_t)(unsigned char)name.at[name.len / 2] << 8 |
           (unsigned char)name.at[name.len - 1];
}

/* Only the schema's own names are in the table, so strangers cannot make its chains longer. */
static uint32_t slot_of(uint64_t word, size_t len)
{
    return (uint32_t)((word ^ len) * UINT64_C(0x9E3779B97F4A7C15) >> 40);
}

static bool is_named(const struct property *property, uint64_t word, struct slice name)
{
    return property->word == word && property->name.len == name.len &&
           (name.len <= 8 || memcmp(property->name.at, name.at, name.len) == 0);
}

static void index_members(struct members *m)
{
    uint32_t room = 4;
    while (room < m->count * 2)
        room *= 2;
    m->mask = room - 1;
    m->slots = xcalloc(room, sizeof *m->slots);
    for (uint32_t i = 0; i < m->count; i++) {
        struct property *property = &m->list[i];
        property->word = name_word(property->name);
        uint32_t slot = slot_of(property->word, property->name.len) & m->mask;
        while (m->slots[slot] != 0)
            slot = (slot + 1) & m->mask;
        m->slots[slot] = (uint16_t)(i + 1);
    }
}

const struct property *find_property(const struct members *m, struct slice name)
{
    uint64_t word = name_word(name);
    uint32_t slot = slot_of(word, name.len) & m->mask;
    for (; m->slots[slot] != 0; slot = (slot + 1) & m->mask) {
        const struct property *property = &m->list[m->slots[slot] - 1];
        if (is_named(property, word, name))
            return property;
    }
    return NULL;
}

/* ---- compiling ---- */

/* The names in a list of strings, each a copy. */
static bool parse_names(const struct found *f, uint32_t item, struct slice **names, uint32_t *count)
{
    const struct tape *tape = &f->source->tape;
    if (!schema_expect(f, item, JSON_ARRAY, "a list of names"))
        return false;
    *names = xcalloc(tape->items[item].count + 1, sizeof **names);
    uint32_t end = tape->items[item].next;
    struct buf scratch = {0};
    bool is_good = true;
    for (uint32_t at = item + 1; at < end && is_good; at = tape->items[at].next) {
        is_good = schema_expect(f, at, JSON_STRING, "a string: a name");
        if (!is_good)
            break;
        struct slice name = tape_text(tape, at, &scratch);
        (*names)[(*count)++] = slice_make(xslicedup(name), name.len);
    }
    buf_finish(&scratch);
    return is_good;
}

static void free_names(struct slice *names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        free((char *)names[i].at);
    free(names);
}

static struct property *add_property(struct members *m, struct slice name)
{
    for (uint32_t i = 0; i < m->count; i++)
        if (slice_is_equal(m->list[i].name, name))
            return &m->list[i];
    m->list = xrealloc(m->list, (m->count + 1) * sizeof *m->list);
    struct property *property = &m->list[m->count++];
    *property = (struct property){.name = {xslicedup(name), name.len}, .required = -1};
    return property;
}

static bool compile_properties(struct found *f, struct members *m)
{
    const struct tape *tape = &f->source->tape;
    uint32_t at = f->at[KEYWORD_PROPERTIES];
    if (at == 0)
        return true;
    if (!schema_expect(f, at, JSON_OBJECT, "an object: a schema for each name"))
        return false;
    if (tape->items[at].count > SCHEMA_NAMES_MAX)
        return schema_wrong(f->c, f->source, at, "more than %d names are not supported",
                            SCHEMA_NAMES_MAX);
    struct buf scratch = {0};
    bool is_good = true;
    for (uint32_t key = at + 1; is_good && key < tape->items[at].next;
         key = tape->items[key + 1].next) {
        const struct subschema *schema = compile_inside(f, key + 1);
        is_good = schema != NULL;
        add_property(m, tape_text(tape, key, &scratch))->schema = schema;
    }
    buf_finish(&scratch);
    return is_good;
}

static bool compile_required(struct found *f, struct members *m)
{
    struct slice *names = NULL;
    uint32_t count = 0, at = f->at[KEYWORD_REQUIRED];
    if (at == 0)
        return true;
    bool is_good = parse_names(f, at, &names, &count);
    if (is_good && count > SCHEMA_REQUIRED_MAX)
        is_good = schema_wrong(f->c, f->source, at, "more than %d names are not supported",
                               SCHEMA_REQUIRED_MAX);
    for (uint32_t i = 0; i < count && is_good; i++) {
        struct property *property = add_property(m, names[i]);
        if (property->required < 0)
            property->required = (int)m->required_count++;
    }
    free_names(names, count);
    return is_good;
}

static bool compile_patterns(struct found *f, struct members *m)
{
    const struct tape *tape = &f->source->tape;
    uint32_t at = f->at[KEYWORD_PATTERN_PROPERTIES];
    if (at == 0)
        return true;
    if (!schema_expect(f, at, JSON_OBJECT, "an object: a schema for each pattern"))
        return false;
    m->patterns = xcalloc(tape->items[at].count + 1, sizeof *m->patterns);
    for (uint32_t key = at + 1; key < tape->items[at].next; key = tape->items[key + 1].next) {
        struct pattern_property *pattern = &m->patterns[m->pattern_count++];
        pattern->regex = compile_regex(f, key);
        pattern->schema = compile_inside(f, key + 1);
        if (pattern->regex == NULL || pattern->schema == NULL)
            return false;
    }
    return true;
}

bool compile_members(struct found *f, struct constraint *rule)
{
    struct members *m = rule->members = xcalloc(1, sizeof *m);
    if (!compile_properties(f, m) || !compile_required(f, m) || !compile_patterns(f, m) ||
        !compile_one(f, f->at[KEYWORD_ADDITIONAL_PROPERTIES], &m->additional))
        return false;
    index_members(m);
    return true;
}

bool compile_dependencies(struct found *f, struct constraint *rule)
{
    const struct tape *tape = &f->source->tape;
    uint32_t at = f->at[rule->keyword];
    if (!schema_expect(f, at, JSON_OBJECT, "an object"))
        return false;
    struct dependencies *all = xcalloc(1, sizeof *all + tape->items[at].count * sizeof *all->list);
    rule->dependencies = all;
    struct buf scratch = {0};
    bool is_good = true;
    for (uint32_t key = at + 1; is_good && key < tape->items[at].next;
         key = tape->items[key + 1].next) {
        struct dependency *each = &all->list[all->count++];
        struct slice name = tape_text(tape, key, &scratch);
        each->name = slice_make(xslicedup(name), name.len);
        is_good = rule->keyword == KEYWORD_DEPENDENT_SCHEMAS
                      ? compile_one(f, key + 1, &each->schema)
                      : parse_names(f, key + 1, &each->required, &each->required_count);
    }
    buf_finish(&scratch);
    return is_good;
}

/* ---- freeing ---- */

void members_destroy(struct members *m)
{
    if (m == NULL)
        return;
    for (uint32_t i = 0; i < m->count; i++)
        free((char *)m->list[i].name.at);
    for (uint32_t i = 0; i < m->pattern_count; i++)
        regex_destroy(m->patterns[i].regex);
    free(m->list);
    free(m->slots);
    free(m->patterns);
    free(m);
}

void dependencies_destroy(struct dependencies *all)
{
    if (all == NULL)
        return;
    for (uint32_t i = 0; i < all->count; i++) {
        free((char *)all->list[i].name.at);
        free_names(all->list[i].required, all->list[i].required_count);
    }
    free(all);
}
