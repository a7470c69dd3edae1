#include "rule/rule.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "rule/parse.h"
#include "wire/json.h"

struct rule {
    struct tree tree;
};

/* One evaluation, on the stack. */
struct judge {
    const struct tree *tree;
    const struct rule_facts *facts;
    bool is_explaining;
    char fault[128]; /* why there is no answer; only written when explaining */
};

struct rule *rule_compile(const struct rule_source *source, struct error *err)
{
    struct rule *rule = xcalloc(1, sizeof *rule);
    if (!tree_parse(&rule->tree, source, err)) {
        rule_destroy(rule);
        return NULL;
    }
    return rule;
}

void rule_destroy(struct rule *rule)
{
    if (rule == NULL)
        return;
    tree_finish(&rule->tree);
    free(rule);
}

const char *rule_text(const struct rule *rule)
{
    return rule->tree.text;
}

const struct tree *rule_tree(const struct rule *rule)
{
    return &rule->tree;
}

/* Ends an evaluation: always false. */
static bool PRINTF_LIKE(2, 3) give_up(struct judge *j, const char *format, ...)
{
    if (!j->is_explaining)
        return false;
    va_list args;
    va_start(args, format);
    vsnprintf(j->fault, sizeof j->fault, format, args);
    va_end(args);
    return false;
}

/* ---- leaves ---- */

static bool has_role(struct slice roles, const char *name)
{
    struct json_walk walk;
    struct slice role;
    if (roles.at == NULL)
        return false;
    json_walk_init(&walk, roles);
    while (json_walk_item(&walk, &role))
        if (json_kind(role) == JSON_STRING && json_key_is(role, name))
            return true;
    return false;
}

static bool read_path(struct judge *j, struct slice json, const struct node *node,
                      struct value *out)
{
    struct slice found = json_find_path(json, node->name, node->parts);
    if (found.at == NULL) {
        *out = (struct value){.kind = VALUE_NIL};
        return true;
    }
    return value_json(found, out) ||
           give_up(j, "%.*s is a number beyond 64 bits", SLICE_ARGS(node->source));
}

/* Nearly always at its place among the pattern's own; a rule may be asked with other names too. */
static struct value read_param(const struct rule_facts *facts, const struct node *node)
{
    unsigned i = node->param;
    if (i < facts->param_count && slice_is(facts->param_names[i], node->name))
        return value_text(facts->param_values[i]);
    for (i = 0; i < facts->param_count; i++)
        if (slice_is(facts->param_names[i], node->name))
            return value_text(facts->param_values[i]);
    return (struct value){.kind = VALUE_NIL};
}

/* False: no answer, which is a no. */
static bool read_leaf(struct judge *j, const struct node *node, struct value *out)
{
    const struct rule_facts *facts = j->facts;
    switch (node->kind) {
    case NODE_LITERAL:
        *out = node->value;
        return true;
    case NODE_ANYONE:
    case NODE_NOBODY:
        *out = value_boolean(node->kind == NODE_ANYONE);
        return true;
    case NODE_USER:
        *out = value_boolean(facts->user.len > 0);
        return true;
    case NODE_USER_ID:
        *out = value_text(facts->user);
        return true;
    case NODE_IP:
        *out = value_text(facts->ip);
        return true;
    case NODE_ROLE:
        *out = value_boolean(has_role(facts->roles, node->name));
        return true;
    case NODE_PARAM:
        *out = read_param(facts, node);
        return true;
    case NODE_MESSAGE:
        return read_path(j, facts->msg, node, out);
    default:
        return read_path(j, facts->claims, node, out);
    }
}

/* ---- joints ---- */

static bool is_container(const struct value *v)
{
    return v->kind == VALUE_ARRAY || v->kind == VALUE_OBJECT;
}

static bool decide_equal(struct judge *j, enum node_kind kind, const struct value *a,
                         const struct value *b, bool *answer)
{
    if (is_container(a) || is_container(b))
        return give_up(j, "%s cannot be compared",
                       value_kind_name((is_container(a) ? a : b)->kind));
    *answer = value_is_equal(a, b) == (kind == NODE_EQUAL);
    return true;
}

static bool decide_order(struct judge *j, enum node_kind kind, const struct value *a,
                         const struct value *b, bool *answer)
{
    if (a->kind != b->kind || (a->kind != VALUE_NUMBER && a->kind != VALUE_TEXT))
        return give_up(j, "%s and %s have no order", value_kind_name(a->kind),
                       value_kind_name(b->kind));
    int order = value_compare(a, b);
    *answer = (kind == NODE_LESS && order < 0) || (kind == NODE_LESS_EQUAL && order <= 0) ||
              (kind == NODE_GREATER && order > 0) || (kind == NODE_GREATER_EQUAL && order >= 0);
    return true;
}

static bool array_has(const struct value *array, const struct value *wanted)
{
    struct json_walk walk;
    struct slice item;
    struct value value;
    json_walk_init(&walk, array->text);
    while (json_walk_item(&walk, &item))
        if (value_json(item, &value) && !is_container(&value) && value_is_equal(&value, wanted))
            return true;
    return false;
}

static bool object_has(const struct value *object, const struct value *wanted)
{
    struct json_walk walk;
    struct slice key, member;
    struct value name;
    json_walk_init(&walk, object->text);
    while (json_walk_member(&walk, &key, &member))
        if (value_json(key, &name) && value_is_equal(&name, wanted))
            return true;
    return false;
}

static bool decide_in(struct judge *j, enum node_kind kind, const struct value *a,
                      const struct value *b, bool *answer)
{
    (void)kind;
    if (is_container(a))
        return give_up(j, "%s cannot be in another", value_kind_name(a->kind));
    if (!is_container(b))
        return give_up(j, "nothing is in %s, only in an array or an object",
                       value_kind_name(b->kind));
    *answer = b->kind == VALUE_ARRAY ? array_has(b, a) : object_has(b, a);
    return true;
}

static bool (*const decisions[NODE_KINDS])(struct judge *, enum node_kind, const struct value *,
                                           const struct value *, bool *) = {
    [NODE_EQUAL] = decide_equal,   [NODE_UNEQUAL] = decide_equal,
    [NODE_LESS] = decide_order,    [NODE_LESS_EQUAL] = decide_order,
    [NODE_GREATER] = decide_order, [NODE_GREATER_EQUAL] = decide_order,
    [NODE_IN] = decide_in,
};

static bool evaluate(struct judge *j, const struct node *node, struct value *out);

/* As in Lua, the answer is the operand that decided. */
static bool evaluate_chain(struct judge *j, const struct node *node, struct value *out)
{
    for (unsigned at = node->first; at != 0; at = j->tree->nodes[at].next) {
        if (!evaluate(j, &j->tree->nodes[at], out))
            return false;
        if (value_is_true(out) == (node->kind == NODE_OR))
            return true;
    }
    return true;
}

static bool evaluate_comparison(struct judge *j, const struct node *node, struct value *out)
{
    const struct node *left = &j->tree->nodes[node->first];
    struct value a, b;
    bool answer = false;
    if (!evaluate(j, left, &a) || !evaluate(j, &j->tree->nodes[left->next], &b) ||
        !decisions[node->kind](j, node->kind, &a, &b, &answer))
        return false;
    *out = value_boolean(answer);
    return true;
}

/* Recurses no deeper than RULE_DEPTH_MAX: the parser has seen to it. */
static bool evaluate(struct judge *j, const struct node *node, struct value *out)
{
    if (node->kind <= NODE_LEAF_LAST)
        return read_leaf(j, node, out);
    if (node->kind == NODE_AND || node->kind == NODE_OR)
        return evaluate_chain(j, node, out);
    if (node->kind != NODE_NOT)
        return evaluate_comparison(j, node, out);
    if (!evaluate(j, &j->tree->nodes[node->first], out))
        return false;
    *out = value_boolean(!value_is_true(out));
    return true;
}

/* ---- for people ---- */

static void explain_leaf(struct judge *j, const struct node *node, struct buf *out)
{
    struct value value;
    if (node->kind == NODE_LITERAL)
        buf_add_slice(out, node->source);
    else if (read_leaf(j, node, &value))
        value_explain(&value, out);
    else
        buf_add_text(out, "?");
}

/* The rule's text with what its names stood for: leaves are in `nodes` in the order of the text. */
static void explain_values(struct judge *j, struct buf *out)
{
    const char *at = j->tree->text;
    for (unsigned i = 1; i < j->tree->count; i++) {
        const struct node *node = &j->tree->nodes[i];
        if (node->kind > NODE_LEAF_LAST)
            continue;
        buf_add(out, at, (size_t)(node->source.at - at));
        explain_leaf(j, node, out);
        at = node->source.at + node->source.len;
    }
    buf_add_text(out, at);
}

static void explain(struct judge *j, bool has_answer, bool allowed, struct buf *why)
{
    char fault[sizeof j->fault];
    memcpy(fault, j->fault, sizeof fault); /* explaining leaves may find faults of its own */
    const char *answer = allowed ? "true" : "false";
    struct buf values = {0};
    explain_values(j, &values);
    buf_add_text(why, j->tree->text);
    buf_add_text(why, " -> ");
    if (!slice_is(buf_slice(&values), answer) && !slice_is(buf_slice(&values), j->tree->text)) {
        buf_add_slice(why, buf_slice(&values));
        buf_add_text(why, " -> ");
    }
    if (has_answer)
        buf_add_text(why, answer);
    else
        buf_printf(why, "error, so a no: %s", fault);
    buf_finish(&values);
}

bool rule_allows(const struct rule *rule, const struct rule_facts *facts, struct buf *why)
{
    struct judge j;
    j.tree = &rule->tree;
    j.facts = facts;
    j.is_explaining = why != NULL;
    j.fault[0] = '\0';
    struct value value;
    bool has_answer = evaluate(&j, &rule->tree.nodes[rule->tree.root], &value);
    bool allowed = has_answer && value_is_true(&value);
    if (why != NULL)
        explain(&j, has_answer, allowed, why);
    return allowed;
}
