#include "rule/filter.h"

#include <stdlib.h>

#include "base/memory.h"
#include "rule/value.h"
#include "wire/json.h"

enum node_kind { NODE_LEAF, NODE_AND, NODE_OR, NODE_NOT };
enum comparison { EQ, NEQ, IN, NIN, EX, NEX, SW, EW, CT, LT, LTE, GT, GTE, COMPARISONS };

static const char *const comparisons[COMPARISONS + 1] = {
    "eq", "neq", "in", "nin", "ex", "nex", "sw", "ew", "ct", "lt", "lte", "gt", "gte", NULL};

/* A parent's children are found by `first` and `next`, by their place in `nodes`; 0: none. */
struct filter_node {
    enum node_kind kind;
    uint16_t first, next;
    enum comparison comparison; /* of a leaf, and the rest */
    unsigned field;
    struct slice *operands; /* in filter->operands */
    unsigned operand_count;
};

struct filter {
    struct filter_source source; /* owned */
    struct filter_node *nodes;   /* nodes[0] is nobody, nodes[1] the root */
    unsigned count;
    struct slice *operands; /* all nodes', one node after another */
    char *texts;            /* that they are in */
    struct buf canon;       /* the same for what asks the same */
};

bool filter_field_init(struct filter_field *field, struct slice name, struct error *err)
{
    *field = (struct filter_field){0};
    if (!path_parse(&field->path, name, err))
        return false;
    field->name = xslicedup(name);
    return true;
}

void filter_field_finish(struct filter_field *field)
{
    path_finish(&field->path);
    free(field->name);
}

/* ---- making ---- */

struct maker {
    struct filter *filter;
    const struct filter_field *fields;
    unsigned field_count;
    struct slice *operand; /* the next one's place, and its text's */
    char *text;
    struct error *err;
};

static uint16_t refuse(struct maker *m, const char *what, struct slice about)
{
    struct slice shown = slice_make(about.at, about.len < 60 ? about.len : 60);
    fail(m->err, ERROR_BAD_REQUEST, "bad request: filter: %s%s%.*s", what,
         shown.len > 0 ? ": " : "", SLICE_ARGS(shown));
    return 0;
}

static uint16_t add_node(struct maker *m, enum node_kind kind)
{
    if (m->filter->count == FILTER_NODES_MAX)
        return refuse(m, "too many parts", SLICE(""));
    m->filter->nodes[m->filter->count] = (struct filter_node){.kind = kind};
    return (uint16_t)m->filter->count++;
}

static uint16_t add_leaf(struct maker *m, unsigned field, enum comparison comparison)
{
    uint16_t at = add_node(m, NODE_LEAF);
    struct filter_node *node = &m->filter->nodes[at];
    if (at == 0)
        return 0;
    node->field = field;
    node->comparison = comparison;
    node->operands = m->operand;
    return at;
}

/* A scalar as the text that fields are compared with. */
static bool add_operand(struct maker *m, uint16_t leaf, struct slice json)
{
    enum json_kind kind = json_kind(json);
    if (kind == JSON_NULL || kind == JSON_ARRAY || kind == JSON_OBJECT)
        return refuse(m, "a text, a number, true or false is wanted", json);
    size_t len = json.len;
    if (kind == JSON_STRING)
        len = json_unquote_to(m->text, json);
    else
        memcpy(m->text, json.at, len);
    *m->operand++ = slice_make(m->text, len);
    m->text += len;
    m->filter->nodes[leaf].operand_count++;
    return true;
}

static bool add_operands(struct maker *m, uint16_t leaf, struct slice array)
{
    struct json_walk walk;
    struct slice item;
    if (json_kind(array) != JSON_ARRAY)
        return refuse(m, "an array is wanted", array);
    json_walk_init(&walk, array);
    while (json_walk_item(&walk, &item))
        if (!add_operand(m, leaf, item))
            return false;
    return m->filter->nodes[leaf].operand_count > 0 || refuse(m, "an empty array", SLICE(""));
}

/* Puts the child behind the parent's others. */
static void append_child(struct maker *m, uint16_t parent, uint16_t child)
{
    uint16_t *link = &m->filter->nodes[parent].first;
    while (*link != 0)
        link = &m->filter->nodes[*link].next;
    *link = child;
}

static bool is_list(enum comparison comparison)
{
    return comparison == IN || comparison == NIN;
}

static bool is_question(enum comparison comparison)
{
    return comparison == EX || comparison == NEX;
}

static bool find_comparison(struct maker *m, struct slice string, enum comparison *comparison)
{
    for (unsigned i = 0; i < COMPARISONS; i++)
        if (json_key_is(string, comparisons[i])) {
            *comparison = (enum comparison)i;
            return true;
        }
    return refuse(m, "a comparison is one of eq neq in nin ex nex sw ew ct lt lte gt gte", string);
}

static bool find_field(struct maker *m, struct slice string, unsigned *field)
{
    for (*field = 0; *field < m->field_count; ++*field)
        if (json_key_is(string, m->fields[*field].name))
            return true;
    return refuse(m, "this channel cannot be filtered by that field", string);
}

/* ---- by fields ---- */

static bool make_comparison(struct maker *m, uint16_t parent, unsigned field, struct slice name,
                            struct slice operand)
{
    enum comparison comparison;
    if (!find_comparison(m, name, &comparison))
        return false;
    uint16_t leaf = add_leaf(m, field, comparison);
    if (leaf == 0)
        return false;
    append_child(m, parent, leaf);
    if (is_question(comparison))
        return json_kind(operand) == JSON_TRUE || refuse(m, "ex and nex want true", operand);
    return is_list(comparison) ? add_operands(m, leaf, operand) : add_operand(m, leaf, operand);
}

static bool make_comparisons(struct maker *m, uint16_t parent, unsigned field, struct slice object)
{
    struct json_walk walk;
    struct slice name, operand;
    json_walk_init(&walk, object);
    while (json_walk_member(&walk, &name, &operand))
        if (!make_comparison(m, parent, field, name, operand))
            return false;
    return true;
}

static bool make_field(struct maker *m, uint16_t parent, unsigned field, struct slice wanted)
{
    enum json_kind kind = json_kind(wanted);
    if (kind == JSON_OBJECT)
        return make_comparisons(m, parent, field, wanted);
    uint16_t leaf = add_leaf(m, field, kind == JSON_ARRAY ? IN : kind == JSON_NULL ? NEX : EQ);
    if (leaf == 0)
        return false;
    append_child(m, parent, leaf);
    return kind == JSON_NULL ||
           (kind == JSON_ARRAY ? add_operands(m, leaf, wanted) : add_operand(m, leaf, wanted));
}

static bool are_fields(struct maker *m, struct slice object)
{
    struct json_walk walk;
    struct slice name, value;
    unsigned field;
    json_walk_init(&walk, object);
    while (json_walk_member(&walk, &name, &value))
        if (!find_field(m, name, &field))
            return false;
    return true;
}

/* In the order in which the channel lists them, so that who says it in another order says the same.
 */
static uint16_t make_by_fields(struct maker *m, struct slice object)
{
    struct slice wanted;
    if (json_kind(object) != JSON_OBJECT)
        return refuse(m, "an object is wanted, such as {\"name\":\"cpu\"}", object);
    uint16_t all = are_fields(m, object) ? add_node(m, NODE_AND) : 0;
    for (unsigned field = 0; all != 0 && field < m->field_count; field++)
        if (json_find(object, m->fields[field].name, &wanted) && !make_field(m, all, field, wanted))
            return 0;
    return all;
}

/* ---- by tags ---- */

struct tag_node {
    struct slice op, key, cmp, val, vals, nodes; /* absent where it does not say */
};

static bool read_tag_node(struct maker *m, struct slice json, struct tag_node *node)
{
    static const char *const names[] = {"op", "key", "cmp", "val", "vals", "nodes"};
    struct slice *const values[] = {&node->op,  &node->key,  &node->cmp,
                                    &node->val, &node->vals, &node->nodes};
    *node = (struct tag_node){0};
    if (json_kind(json) != JSON_OBJECT)
        return refuse(m, "an object is wanted", json);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (json_find(json, names[i], values[i]) && json_kind(*values[i]) == JSON_NULL)
            *values[i] = slice_make(NULL, 0);
    return true;
}

static bool has(struct slice value)
{
    return value.at != NULL && !slice_is(value, "\"\"") && !slice_is(value, "[]");
}

static uint16_t make_tag_leaf(struct maker *m, const struct tag_node *node)
{
    enum comparison comparison;
    unsigned field;
    if (node->key.at == NULL || node->cmp.at == NULL)
        return refuse(m, "`key` or `cmp` is missing", SLICE(""));
    if (!find_field(m, node->key, &field) || !find_comparison(m, node->cmp, &comparison))
        return 0;
    bool wants_list = is_list(comparison), wants_one = !wants_list && !is_question(comparison);
    if ((has(node->val) && !wants_one) || (has(node->vals) && !wants_list))
        return refuse(m, "that comparison has another operand", node->cmp);
    uint16_t leaf = add_leaf(m, field, comparison);
    if (leaf == 0 || is_question(comparison))
        return leaf;
    struct slice empty = wants_list ? SLICE("[]") : SLICE("\"\"");
    struct slice given = wants_list ? node->vals : node->val;
    struct slice operand = given.at != NULL ? given : empty;
    return (wants_list ? add_operands(m, leaf, operand) : add_operand(m, leaf, operand)) ? leaf : 0;
}

static uint16_t make_by_tags(struct maker *m, struct slice json, unsigned depth);

static uint16_t make_tag_parent(struct maker *m, enum node_kind kind, struct slice nodes,
                                unsigned depth)
{
    struct json_walk walk;
    struct slice json;
    unsigned count = 0;
    if (nodes.at == NULL || json_kind(nodes) != JSON_ARRAY)
        return refuse(m, "`nodes` is missing", SLICE(""));
    uint16_t parent = add_node(m, kind);
    json_walk_init(&walk, nodes);
    for (; parent != 0 && json_walk_item(&walk, &json); count++) {
        uint16_t child = make_by_tags(m, json, depth + 1);
        if (child == 0)
            return 0;
        append_child(m, parent, child);
    }
    if (parent != 0 && (count == 0 || (kind == NODE_NOT && count > 1)))
        return refuse(m, "`and` and `or` have nodes, `not` has one", SLICE(""));
    return parent;
}

static uint16_t make_by_tags(struct maker *m, struct slice json, unsigned depth)
{
    static const char *const ops[] = {[NODE_AND] = "and", [NODE_OR] = "or", [NODE_NOT] = "not"};
    struct tag_node node;
    if (depth == FILTER_DEPTH_MAX)
        return refuse(m, "it is nested too deep", SLICE(""));
    if (!read_tag_node(m, json, &node))
        return 0;
    if (!has(node.op))
        return make_tag_leaf(m, &node);
    for (int kind = NODE_AND; kind <= NODE_NOT; kind++)
        if (json_key_is(node.op, ops[kind]))
            return make_tag_parent(m, (enum node_kind)kind, node.nodes, depth);
    return refuse(m, "an op is and, or, not", node.op);
}

/* ---- a filter's life ---- */

static void put_canon(const struct filter *filter, uint16_t at, struct buf *out)
{
    const struct filter_node *node = &filter->nodes[at];
    buf_printf(out, "(%d %d %u", (int)node->kind, (int)node->comparison, node->field);
    for (unsigned i = 0; i < node->operand_count; i++)
        json_quote(out, node->operands[i]);
    for (uint16_t child = node->first; child != 0; child = filter->nodes[child].next)
        put_canon(filter, child, out);
    buf_add_byte(out, ')');
}

/* Every node and operand has two bytes of the text to itself, and no operand is longer than what it
 * is read from. */
static struct filter *create(const struct filter_source *source)
{
    struct filter *filter = xcalloc(1, sizeof *filter);
    size_t len = source->json.len;
    filter->source = (struct filter_source){source->form, {xslicedup(source->json), len}};
    filter->nodes = xcalloc((len / 2 < FILTER_NODES_MAX ? len / 2 : FILTER_NODES_MAX) + 2,
                            sizeof *filter->nodes);
    filter->operands = xcalloc(len / 2 + 1, sizeof *filter->operands);
    filter->texts = xmalloc(len + 1);
    filter->count = 1;
    return filter;
}

struct filter *filter_compile(const struct filter_source *source, const struct filter_field *fields,
                              unsigned field_count, struct error *err)
{
    if (source->json.len > FILTER_BYTES_MAX) {
        fail(err, ERROR_BAD_REQUEST, "bad request: filter: more than %d bytes", FILTER_BYTES_MAX);
        return NULL;
    }
    struct filter *filter = create(source);
    struct maker m = {filter, fields, field_count, filter->operands, filter->texts, err};
    uint16_t root = source->form == FILTER_BY_TAGS ? make_by_tags(&m, filter->source.json, 0)
                                                   : make_by_fields(&m, filter->source.json);
    if (root != 1) {
        filter_destroy(filter);
        return NULL;
    }
    put_canon(filter, root, &filter->canon);
    return filter;
}

void filter_destroy(struct filter *filter)
{
    if (filter == NULL)
        return;
    free((char *)filter->source.json.at);
    free(filter->nodes);
    free(filter->operands);
    free(filter->texts);
    buf_finish(&filter->canon);
    free(filter);
}

struct filter_source filter_source(const struct filter *filter)
{
    return filter != NULL ? filter->source : (struct filter_source){FILTER_ALL, {NULL, 0}};
}

bool filter_is_equal(const struct filter *a, const struct filter *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return slice_is_equal(buf_slice(&a->canon), buf_slice(&b->canon));
}

/* ---- asking ---- */

static struct slice text_of(struct slice value, struct buf *bytes)
{
    struct slice plain;
    if (value.at == NULL)
        return value;
    switch (json_kind(value)) {
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT:
        return slice_make(NULL, 0);
    case JSON_STRING:
        break;
    default:
        return value;
    }
    if (json_plain(value, &plain))
        return plain;
    size_t from = bytes->len;
    json_unquote(bytes, value);
    return slice_make(bytes->at + from, bytes->len - from);
}

void filter_read(const struct filter_field *fields, unsigned field_count, struct slice message,
                 struct slice *texts, struct buf *bytes)
{
    for (unsigned i = 0; i < field_count; i++)
        texts[i] = text_of(path_find(&fields[i].path, message), bytes);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool read_number(struct slice text, struct value *number)
{
    static const struct json_limits limits = {.depth = 1, .keys = 1};
    struct json_fault fault;
    return text.len > 0 && (text.at[0] == '-' || is_digit(text.at[0])) &&
           is_digit(text.at[text.len - 1]) && json_check(text, &limits, &fault) &&
           value_number(text, number);
}

static bool compare_numbers(enum comparison comparison, struct slice text, struct slice operand)
{
    struct value a, b;
    if (!read_number(text, &a) || !read_number(operand, &b))
        return false;
    int order = value_compare(&a, &b);
    switch (comparison) {
    case LT:
        return order < 0;
    case LTE:
        return order <= 0;
    case GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

static bool ends_with(struct slice text, struct slice end)
{
    return text.len >= end.len &&
           slice_is_equal(slice_make(text.at + (text.len - end.len), end.len), end);
}

static bool contains(struct slice text, struct slice part)
{
    return part.len == 0 || (text.len > 0 && memmem(text.at, text.len, part.at, part.len) != NULL);
}

static bool is_among(const struct filter_node *node, struct slice text)
{
    for (unsigned i = 0; i < node->operand_count; i++)
        if (slice_is_equal(text, node->operands[i]))
            return true;
    return false;
}

/* An absent text equals nothing; in a list it counts as the empty one. */
static bool leaf_passes(const struct filter_node *node, struct slice text)
{
    const struct slice *operand = node->operands;
    bool is_there = text.at != NULL;
    switch (node->comparison) {
    case EQ:
    case NEQ:
        return (is_there && slice_is_equal(text, *operand)) == (node->comparison == EQ);
    case IN:
    case NIN:
        return is_among(node, text) == (node->comparison == IN);
    case EX:
    case NEX:
        return is_there == (node->comparison == EX);
    case SW:
        return is_there && text.len >= operand->len &&
               slice_is_equal(slice_make(text.at, operand->len), *operand);
    case EW:
        return is_there && ends_with(text, *operand);
    case CT:
        return is_there && contains(text, *operand);
    default:
        return is_there && compare_numbers(node->comparison, text, *operand);
    }
}

/* No deeper than FILTER_DEPTH_MAX. */
static bool node_passes(const struct filter *filter, const struct filter_node *node,
                        const struct slice *texts)
{
    if (node->kind == NODE_LEAF)
        return leaf_passes(node, texts[node->field]);
    for (uint16_t at = node->first; at != 0; at = filter->nodes[at].next) {
        bool passes = node_passes(filter, &filter->nodes[at], texts);
        if (node->kind == NODE_NOT)
            return !passes;
        if (passes == (node->kind == NODE_OR))
            return passes;
    }
    return node->kind == NODE_AND;
}

bool filter_passes(const struct filter *filter, const struct slice *texts)
{
    return node_passes(filter, &filter->nodes[1], texts);
}
