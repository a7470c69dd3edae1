#include "rule/parse.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/suggest.h"
#include "rule/lex.h"
#include "rule/rule.h"

struct parser {
    struct tree *tree;
    const struct rule_source *source;
    struct lexer lexer;
    unsigned nesting;
    struct error *err;
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static unsigned column(const struct parser *p, const char *at)
{
    return lexer_column(&p->lexer, at);
}

static bool advance(struct parser *p)
{
    return lexer_advance(&p->lexer, p->err);
}

/* For messages: names and texts of strangers may be long. */
static struct slice shorten(struct slice s)
{
    return slice_make(s.at, s.len < 60 ? s.len : 60);
}

/* ---- leaves; nodes are told by their place, 0 is a failure ---- */

static uint16_t add_node(struct parser *p, enum node_kind kind)
{
    p->tree->nodes[p->tree->count] = (struct node){.kind = kind, .height = 1};
    return (uint16_t)p->tree->count++;
}

static uint16_t add_leaf(struct parser *p, enum node_kind kind)
{
    uint16_t at = add_node(p, kind);
    p->tree->nodes[at].source = p->lexer.token.text;
    return advance(p) ? at : 0;
}

static uint16_t add_literal(struct parser *p, struct value value)
{
    uint16_t at = add_leaf(p, NODE_LITERAL);
    if (at != 0)
        p->tree->nodes[at].value = value;
    return at;
}

static uint16_t parse_number(struct parser *p)
{
    struct value value;
    if (value_number(p->lexer.token.text, &value))
        return add_literal(p, value);
    fail(p->err, ERROR_SCRIPT, "a number beyond 64 bits cannot be compared exactly (column %u)",
         column(p, p->lexer.token.text.at));
    return 0;
}

/* Where the names copy has the same byte as the text. */
static char *in_names(const struct parser *p, const char *at)
{
    return p->tree->names + (at - p->tree->text);
}

static uint16_t parse_text(struct parser *p)
{
    static const char escapes[] = "\\\\\"\"''n\nt\tr\r"; /* pairs: written, meant */
    const char *at = p->lexer.token.text.at + 1, *end = at + p->lexer.token.text.len - 2;
    char *begin = in_names(p, at), *out = begin;
    for (; at < end; at++) {
        if (*at != '\\') {
            *out++ = *at;
            continue;
        }
        const char *pair = escapes;
        for (at++; *pair != '\0' && *pair != *at;)
            pair += 2;
        if (*pair == '\0') {
            fail(p->err, ERROR_SCRIPT, "in a text, \\ is for \\\\ \\\" \\' \\n \\t \\r (column %u)",
                 column(p, at - 1));
            return 0;
        }
        *out++ = pair[1];
    }
    return add_literal(p, value_text(slice_make(begin, (size_t)(out - begin))));
}

/* A leaf with names after its first dot. Each gets its NUL over the byte that follows it. */
static uint16_t add_path(struct parser *p, enum node_kind kind)
{
    struct slice path = p->lexer.token.text;
    const char *first = memchr(path.at, '.', path.len);
    uint16_t parts = 0;
    for (const char *at = first, *end = path.at + path.len; at < end; parts++) {
        const char *dot = memchr(at + 1, '.', (size_t)(end - at) - 1);
        at = dot != NULL ? dot : end;
        *in_names(p, at) = '\0';
    }
    uint16_t at = add_leaf(p, kind);
    p->tree->nodes[at].name = in_names(p, first + 1);
    p->tree->nodes[at].parts = parts;
    return at;
}

static void fail_param(struct parser *p, struct slice name)
{
    char **names = xcalloc(p->source->param_count + 1, sizeof *names);
    for (unsigned i = 0; i < p->source->param_count; i++)
        names[i] = xslicedup(p->source->params[i]);
    const char *near = suggest(name, (const char *const *)names);
    fail(p->err, ERROR_SCRIPT, "the channel's name has no {%.*s} (column %u)%s%s%s",
         SLICE_ARGS(shorten(name)), column(p, name.at), near ? "; did you mean 'params." : "",
         near ? near : "", near ? "'?" : "");
    for (unsigned i = 0; i < p->source->param_count; i++)
        free(names[i]);
    free(names);
}

static uint16_t parse_param(struct parser *p, struct slice name)
{
    for (unsigned i = 0; i < p->source->param_count; i++) {
        if (!slice_is_equal(name, p->source->params[i]))
            continue;
        uint16_t at = add_path(p, NODE_PARAM);
        p->tree->nodes[at].param = (uint16_t)i;
        return at;
    }
    fail_param(p, name);
    return 0;
}

static uint16_t fail_unknown(struct parser *p, struct slice head)
{
    static const char *const of_client[] = {"anyone", "user", "nobody", "role",  "claims",
                                            "params", "ip",   "true",   "false", "nil",
                                            "and",    "or",   "not",    "in",    NULL};
    static const char *const of_message[] = {"msg", "params", "true", "false", "nil",
                                             "and", "or",     "not",  "in",    NULL};
    const char *near = suggest(head, p->source->scope == RULE_OF_MESSAGE ? of_message : of_client);
    unsigned at = column(p, head.at);
    struct slice shown = shorten(head);
    if (near != NULL)
        fail(p->err, ERROR_SCRIPT, "unknown name '%.*s' (column %u); did you mean '%s'?",
             SLICE_ARGS(shown), at, near);
    else
        fail(p->err, ERROR_SCRIPT,
             "unknown name '%.*s' (column %u): a text stands in quotes, a role is role.%.*s",
             SLICE_ARGS(shown), at, SLICE_ARGS(shown));
    return 0;
}

/* A name that rules have, but not such a one. */
static bool is_out_of_scope(struct parser *p, struct slice head)
{
    static const char *const of_client[] = {"anyone", "nobody", "user", "role",
                                            "claims", "ip",     NULL};
    const char *const *name = of_client;
    if (p->source->scope == RULE_OF_CLIENT && slice_is(head, "msg"))
        return !fail(p->err, ERROR_SCRIPT,
                     "this rule is asked before there is a message: msg is for `where` of a view "
                     "(column %u)",
                     column(p, head.at));
    while (p->source->scope == RULE_OF_MESSAGE && *name != NULL && !slice_is(head, *name))
        name++;
    if (p->source->scope == RULE_OF_CLIENT || *name == NULL)
        return false;
    return !fail(p->err, ERROR_SCRIPT,
                 "this rule is asked once a message, for all who hear it: it has msg and params; "
                 "%s is for `when` (column %u)",
                 *name, column(p, head.at));
}

static uint16_t parse_path(struct parser *p, struct slice head, struct slice rest)
{
    bool single = rest.len > 0 && memchr(rest.at, '.', rest.len) == NULL;
    if (slice_is(head, "msg"))
        return rest.len > 0 ? add_path(p, NODE_MESSAGE) : add_leaf(p, NODE_MESSAGE);
    if (slice_is(head, "claims") && rest.len > 0)
        return add_path(p, NODE_CLAIM);
    if (slice_is(head, "role") && single)
        return add_path(p, NODE_ROLE);
    if (slice_is(head, "params") && single)
        return parse_param(p, rest);
    unsigned at = column(p, head.at);
    if (slice_is(head, "claims") || slice_is(head, "role") || slice_is(head, "params"))
        fail(p->err, ERROR_SCRIPT, "write %.*s.NAME, with one name%s (column %u)", SLICE_ARGS(head),
             slice_is(head, "claims") ? " or more" : "", at);
    else if (slice_is(head, "user"))
        fail(p->err, ERROR_SCRIPT, "a user has an id only: user.id (column %u)", at);
    else
        return fail_unknown(p, head);
    return 0;
}

static uint16_t parse_name(struct parser *p)
{
    static const struct {
        const char *name;
        enum node_kind kind;
    } words[] = {{"anyone", NODE_ANYONE},
                 {"nobody", NODE_NOBODY},
                 {"user", NODE_USER},
                 {"user.id", NODE_USER_ID},
                 {"ip", NODE_IP}};
    struct slice name = p->lexer.token.text;
    const char *dot = memchr(name.at, '.', name.len);
    size_t head = dot != NULL ? (size_t)(dot - name.at) : name.len;
    if (is_out_of_scope(p, slice_make(name.at, head)))
        return 0;
    for (size_t i = 0; i < COUNT(words); i++)
        if (slice_is(name, words[i].name))
            return add_leaf(p, words[i].kind);
    if (slice_is(name, "true") || slice_is(name, "false"))
        return add_literal(p, value_boolean(slice_is(name, "true")));
    if (slice_is(name, "nil"))
        return add_literal(p, (struct value){.kind = VALUE_NIL});
    if (dot == NULL)
        return parse_path(p, name, slice_make(NULL, 0));
    return parse_path(p, slice_make(name.at, head), slice_make(dot + 1, name.len - head - 1));
}

/* ---- the tree ---- */

static uint16_t parse_chain(struct parser *p, enum level level);

static uint16_t fail_expected(struct parser *p, const char *what)
{
    struct slice before = shorten(p->lexer.previous.text), found = shorten(p->lexer.token.text);
    bool first = p->lexer.previous.text.len == 0, last = p->lexer.token.kind == TOKEN_END;
    fail(p->err, ERROR_SCRIPT, "expected %s%s%.*s%s%s%.*s%s (column %u)", what,
         first ? "" : " after '", SLICE_ARGS(before), first ? "" : "'", last ? "" : ", not '",
         SLICE_ARGS(found), last ? "" : "'", column(p, p->lexer.token.text.at));
    return 0;
}

static uint16_t fail_depth(struct parser *p)
{
    fail(p->err, ERROR_SCRIPT, "nested deeper than %d (column %u)", RULE_DEPTH_MAX,
         column(p, p->lexer.token.text.at));
    return 0;
}

static uint16_t parse_group(struct parser *p)
{
    const char *open = p->lexer.token.text.at;
    if (!advance(p))
        return 0;
    uint16_t inner = parse_chain(p, LEVEL_OR);
    if (inner == 0)
        return 0;
    if (p->lexer.token.kind == TOKEN_END) {
        fail(p->err, ERROR_SCRIPT, "this '(' has no ')' (column %u)", column(p, open));
        return 0;
    }
    if (p->lexer.token.kind != TOKEN_CLOSE)
        return fail_expected(p, "')' or an operator");
    return advance(p) ? inner : 0;
}

static uint16_t parse_unary(struct parser *p);

static uint16_t parse_not(struct parser *p)
{
    if (!advance(p))
        return 0;
    uint16_t inner = parse_unary(p);
    if (inner == 0)
        return 0;
    uint16_t at = add_node(p, NODE_NOT);
    struct node *node = &p->tree->nodes[at];
    node->first = inner;
    node->height = (uint16_t)(p->tree->nodes[inner].height + 1);
    return node->height > RULE_DEPTH_MAX ? fail_depth(p) : at;
}

static uint16_t parse_unary(struct parser *p)
{
    static uint16_t (*const leaves[])(struct parser *) = {
        [TOKEN_NAME] = parse_name, [TOKEN_NUMBER] = parse_number, [TOKEN_TEXT] = parse_text};
    bool is_not = p->lexer.token.kind == TOKEN_OPERATOR && p->lexer.token.op->kind == NODE_NOT;
    if (is_not || p->lexer.token.kind == TOKEN_OPEN) {
        if (p->nesting == RULE_DEPTH_MAX)
            return fail_depth(p);
        p->nesting++;
        uint16_t at = is_not ? parse_not(p) : parse_group(p);
        p->nesting--;
        return at;
    }
    if (p->lexer.token.kind >= COUNT(leaves) || leaves[p->lexer.token.kind] == NULL)
        return fail_expected(p, "a value");
    return leaves[p->lexer.token.kind](p);
}

/* `user == claims.owner` would always be false: `user` is a yes or no, and never equals a name. */
static bool is_user_for_id(const struct node *user, const struct node *other)
{
    if (user->kind != NODE_USER)
        return false;
    if (other->kind == NODE_LITERAL)
        return other->value.kind != VALUE_BOOLEAN;
    return other->kind == NODE_USER_ID || other->kind == NODE_IP || other->kind == NODE_CLAIM ||
           other->kind == NODE_PARAM;
}

static void append_child(struct node *nodes, uint16_t parent, uint16_t child)
{
    uint16_t *link = &nodes[parent].first;
    while (*link != 0)
        link = &nodes[*link].next;
    *link = child;
    if (nodes[parent].height <= nodes[child].height)
        nodes[parent].height = (uint16_t)(nodes[child].height + 1);
}

static uint16_t join(struct parser *p, const struct op *op, uint16_t left, uint16_t right)
{
    struct node *nodes = p->tree->nodes;
    if (op->level == LEVEL_COMPARISON && (is_user_for_id(&nodes[left], &nodes[right]) ||
                                          is_user_for_id(&nodes[right], &nodes[left]))) {
        fail(p->err, ERROR_SCRIPT, "'user' is only true or false: compare user.id (column %u)",
             column(p, nodes[nodes[left].kind == NODE_USER ? left : right].source.at));
        return 0;
    }
    uint16_t parent = left;
    if (op->level == LEVEL_COMPARISON || nodes[left].kind != op->kind) {
        parent = add_node(p, op->kind);
        append_child(nodes, parent, left);
    }
    append_child(nodes, parent, right);
    return nodes[parent].height > RULE_DEPTH_MAX ? fail_depth(p) : parent;
}

static uint16_t parse_operand(struct parser *p, enum level level)
{
    return level == LEVEL_COMPARISON ? parse_unary(p) : parse_chain(p, level + 1);
}

static uint16_t parse_chain(struct parser *p, enum level level)
{
    uint16_t left = parse_operand(p, level);
    while (left != 0 && p->lexer.token.kind == TOKEN_OPERATOR &&
           p->lexer.token.op->level == level) {
        const struct op *op = p->lexer.token.op;
        uint16_t right = advance(p) ? parse_operand(p, level) : 0;
        left = right != 0 ? join(p, op, left, right) : 0;
    }
    return left;
}

static bool parse_all(struct parser *p)
{
    if (!advance(p))
        return false;
    if (p->lexer.token.kind == TOKEN_END)
        return fail(p->err, ERROR_SCRIPT, "the rule is empty: write 'anyone' or 'nobody'");
    p->tree->root = parse_chain(p, LEVEL_OR);
    if (p->tree->root == 0)
        return false;
    if (p->lexer.token.kind == TOKEN_CLOSE)
        return fail(p->err, ERROR_SCRIPT, "this ')' has no '(' (column %u)",
                    column(p, p->lexer.token.text.at));
    return p->lexer.token.kind == TOKEN_END || fail_expected(p, "an operator such as 'and'") != 0;
}

bool tree_parse(struct tree *tree, const struct rule_source *source, struct error *err)
{
    struct slice text = source->text;
    if (text.len > RULE_LENGTH_MAX)
        return fail(err, ERROR_SCRIPT, "the rule has %zu bytes, and %d are allowed", text.len,
                    RULE_LENGTH_MAX);
    tree->text = xslicedup(text);
    tree->names = xslicedup(text);
    /* Every node has at least one byte of the text to itself. */
    tree->nodes = xcalloc(text.len + 1, sizeof *tree->nodes);
    tree->count = 1;
    struct parser p = {.tree = tree, .source = source, .err = err};
    lexer_init(&p.lexer, slice_make(tree->text, text.len));
    if (!parse_all(&p))
        return false;
    tree->nodes = xrealloc(tree->nodes, tree->count * sizeof *tree->nodes);
    return true;
}

void tree_finish(struct tree *tree)
{
    free(tree->text);
    free(tree->names);
    free(tree->nodes);
    *tree = (struct tree){0};
}
