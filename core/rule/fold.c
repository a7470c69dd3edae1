#include "rule/fold.h"

#include "rule/parse.h"

/* More different parts than that are not tried: 3 to the power of them are the ways they come out.
 */
enum { ATOMS_MAX = 8 };

/* How a part comes out; an error ends the rule, which is a no. */
enum fate { FATE_NO, FATE_YES, FATE_FAULT, FATE_OPEN };

/* Parts that depend on who asks, by their text. */
struct atoms {
    struct slice all[ATOMS_MAX];
    enum fate fates[ATOMS_MAX], last[ATOMS_MAX]; /* what it is now, and at most */
    unsigned count;
    bool is_too_many;
};

struct fold {
    const struct tree *tree;
    struct atoms *atoms;
};

static enum fate fate_of(bool is_yes)
{
    return is_yes ? FATE_YES : FATE_NO;
}

/* ---- what stands in a rule ---- */

static const struct node *child(const struct tree *tree, const struct node *node)
{
    return &tree->nodes[node->first];
}

static const struct node *second(const struct tree *tree, const struct node *node)
{
    return &tree->nodes[child(tree, node)->next];
}

/* From its first leaf to the end of its last. */
static struct slice text_of(const struct tree *tree, const struct node *node)
{
    if (node->kind <= NODE_LEAF_LAST)
        return node->source;
    struct slice whole = text_of(tree, child(tree, node));
    for (unsigned at = node->first; at != 0; at = tree->nodes[at].next) {
        struct slice part = text_of(tree, &tree->nodes[at]);
        whole.len = (size_t)(part.at + part.len - whole.at);
    }
    return whole;
}

/* What kind of value it always is; VALUE_OBJECT: that depends. */
static enum value_kind kind_of(const struct node *node)
{
    switch (node->kind) {
    case NODE_LITERAL:
        return node->value.kind;
    case NODE_USER_ID:
    case NODE_IP:
    case NODE_PARAM:
        return VALUE_TEXT;
    case NODE_CLAIM:
    case NODE_MESSAGE:
    case NODE_AND: /* these are one of their parts */
    case NODE_OR:
        return VALUE_OBJECT;
    default:
        return VALUE_BOOLEAN;
    }
}

static bool is_literal(const struct node *node)
{
    return node->kind == NODE_LITERAL;
}

/* The same leaf twice, of what is never an array or an object. */
static bool is_same_leaf(const struct node *a, const struct node *b)
{
    bool is_leaf = a->kind <= NODE_LEAF_LAST && kind_of(a) != VALUE_OBJECT;
    return is_leaf && a->kind == b->kind && !is_literal(a) && slice_is_equal(a->source, b->source);
}

/* Whether {name} can be that: a segment of a channel's name. */
static bool is_segment(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] <= ' ' || text.at[i] > '~' || text.at[i] == ':' || text.at[i] == '/')
            return false;
    return text.len >= 1 && text.len <= 255;
}

static bool is_odd_param(const struct node *param, const struct node *other)
{
    return param->kind == NODE_PARAM && is_literal(other) && other->value.kind == VALUE_TEXT &&
           !is_segment(other->value.text);
}

/* ---- comparisons ---- */

static enum fate equal(const struct node *a, const struct node *b)
{
    enum value_kind x = kind_of(a), y = kind_of(b);
    if (is_literal(a) && is_literal(b))
        return fate_of(value_is_equal(&a->value, &b->value));
    if (x != VALUE_OBJECT && y != VALUE_OBJECT && x != y)
        return FATE_NO;
    if (is_odd_param(a, b) || is_odd_param(b, a))
        return FATE_NO;
    return is_same_leaf(a, b) ? FATE_YES : FATE_OPEN;
}

static bool has_order(enum value_kind kind)
{
    return kind == VALUE_NUMBER || kind == VALUE_TEXT || kind == VALUE_OBJECT;
}

static enum fate order(enum node_kind kind, const struct node *a, const struct node *b)
{
    enum value_kind x = kind_of(a), y = kind_of(b);
    bool is_known = x != VALUE_OBJECT && y != VALUE_OBJECT;
    if (!has_order(x) || !has_order(y) || (is_known && x != y))
        return FATE_FAULT;
    if (is_same_leaf(a, b))
        return fate_of(kind == NODE_LESS_EQUAL || kind == NODE_GREATER_EQUAL);
    if (!is_literal(a) || !is_literal(b))
        return FATE_OPEN;
    int way = value_compare(&a->value, &b->value);
    return fate_of(way < 0   ? kind == NODE_LESS || kind == NODE_LESS_EQUAL
                   : way > 0 ? kind == NODE_GREATER || kind == NODE_GREATER_EQUAL
                             : kind == NODE_LESS_EQUAL || kind == NODE_GREATER_EQUAL);
}

static enum fate compare(const struct tree *tree, const struct node *node)
{
    const struct node *a = child(tree, node), *b = second(tree, node);
    enum fate is_equal = equal(a, b);
    switch (node->kind) {
    case NODE_EQUAL:
        return is_equal;
    case NODE_UNEQUAL:
        return is_equal == FATE_OPEN ? FATE_OPEN : fate_of(is_equal == FATE_NO);
    case NODE_IN:
        return kind_of(b) != VALUE_OBJECT ? FATE_FAULT : FATE_OPEN;
    default:
        return order(node->kind, a, b);
    }
}

/* ---- all of a rule, where its parts come out as `atoms` says ---- */

static enum fate ask_atom(struct atoms *atoms, struct slice text, bool may_fail)
{
    for (unsigned i = 0; i < atoms->count; i++)
        if (slice_is_equal(atoms->all[i], text))
            return atoms->fates[i];
    if (atoms->count == ATOMS_MAX) {
        atoms->is_too_many = true;
        return FATE_NO;
    }
    atoms->last[atoms->count] = may_fail ? FATE_FAULT : FATE_YES;
    atoms->all[atoms->count++] = text;
    return FATE_NO;
}

static enum fate fold(struct fold *f, const struct node *node);

static enum fate fold_chain(struct fold *f, const struct node *node)
{
    enum fate fate = FATE_NO;
    for (unsigned at = node->first; at != 0; at = f->tree->nodes[at].next) {
        fate = fold(f, &f->tree->nodes[at]);
        if (fate == FATE_FAULT || (fate == FATE_YES) == (node->kind == NODE_OR))
            return fate;
    }
    return fate;
}

static enum fate fold_comparison(struct fold *f, const struct node *node)
{
    enum fate fate = compare(f->tree, node);
    bool is_known = kind_of(child(f->tree, node)) != VALUE_OBJECT &&
                    kind_of(second(f->tree, node)) != VALUE_OBJECT;
    return fate == FATE_OPEN ? ask_atom(f->atoms, text_of(f->tree, node), !is_known) : fate;
}

/* No deeper than RULE_DEPTH_MAX: the parser has seen to it. */
static enum fate fold(struct fold *f, const struct node *node)
{
    switch (node->kind) {
    case NODE_LITERAL:
        return fate_of(value_is_true(&node->value));
    case NODE_NOBODY:
        return FATE_NO;
    case NODE_ANYONE:
    case NODE_USER_ID: /* texts are true, empty ones too */
    case NODE_IP:
    case NODE_PARAM:
        return FATE_YES;
    case NODE_USER:
    case NODE_ROLE:
        return ask_atom(f->atoms, node->source, false);
    case NODE_CLAIM:
    case NODE_MESSAGE:
        return ask_atom(f->atoms, node->source, true);
    case NODE_AND:
    case NODE_OR:
        return fold_chain(f, node);
    case NODE_NOT: {
        enum fate fate = fold(f, child(f->tree, node));
        return fate == FATE_FAULT ? fate : fate_of(fate == FATE_NO);
    }
    default:
        return fold_comparison(f, node);
    }
}

static enum fate fold_rule(const struct rule *rule, struct atoms *atoms)
{
    struct fold f = {rule_tree(rule), atoms};
    return fold(&f, &f.tree->nodes[f.tree->root]);
}

/* Parts that a first way does not come to are found on another: a part begins as a no. */
static bool next_way(struct atoms *atoms)
{
    for (unsigned i = 0; i < atoms->count; i++) {
        if (atoms->fates[i] < atoms->last[i]) {
            atoms->fates[i]++;
            return true;
        }
        atoms->fates[i] = FATE_NO;
    }
    return false;
}

bool fold_is_possible(const struct outcome_of *outcomes, unsigned count)
{
    struct atoms atoms = {0};
    do {
        unsigned found = 0;
        for (unsigned i = 0; i < count; i++)
            found += (fold_rule(outcomes[i].rule, &atoms) == FATE_YES) == outcomes[i].holds;
        if (found == count || atoms.is_too_many)
            return true;
    } while (next_way(&atoms));
    return false;
}

bool fold_is_fixed(const struct rule *rule, bool *holds)
{
    const struct tree *tree = rule_tree(rule);
    const struct node *root = &tree->nodes[tree->root];
    if (root->kind == NODE_ANYONE || root->kind == NODE_NOBODY ||
        (is_literal(root) && root->value.kind <= VALUE_BOOLEAN))
        return false;
    *holds = fold_is_possible(&(struct outcome_of){rule, true}, 1);
    return !fold_is_possible(&(struct outcome_of){rule, !*holds}, 1);
}

/* ---- for people ---- */

static const char *name_of(const struct node *node)
{
    enum value_kind kind = kind_of(node);
    return kind == VALUE_OBJECT ? "anything" : value_kind_name(kind);
}

static void put_why(const struct tree *tree, const struct node *node, struct buf *why)
{
    const struct node *a = child(tree, node), *b = second(tree, node);
    const struct node *odd = is_odd_param(a, b) ? a : is_odd_param(b, a) ? b : NULL;
    bool is_equality = node->kind == NODE_EQUAL || node->kind == NODE_UNEQUAL;
    enum value_kind x = kind_of(a), y = kind_of(b);
    if (is_equality && odd != NULL)
        buf_printf(why, "{%s} takes what has no ':', no '/' and no space, and is not empty",
                   odd->name);
    else if (node->kind == NODE_IN)
        buf_printf(why, "nothing is in %s, only in an array or an object", name_of(b));
    else if (x != y && is_equality)
        buf_printf(why, "%s is never equal to %s", name_of(a), name_of(b));
    else if (x != y || !has_order(x))
        buf_printf(why, "%s and %s have no order", name_of(a), name_of(b));
    else
        buf_add_text(why, is_literal(a) ? "nothing in it depends on anybody"
                                        : "both sides are the same");
}

bool fold_find_comparison(const struct rule *rule, struct buf *why)
{
    const struct tree *tree = rule_tree(rule);
    for (unsigned i = 1; i < tree->count; i++) {
        const struct node *node = &tree->nodes[i];
        enum fate fate = node->kind >= NODE_EQUAL ? compare(tree, node) : FATE_OPEN;
        if (fate == FATE_OPEN)
            continue;
        buf_add_slice(why, text_of(tree, node));
        buf_add_text(why, fate == FATE_YES ? " always holds: " : " never holds: ");
        put_why(tree, node, why);
        return true;
    }
    return false;
}
