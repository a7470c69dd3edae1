/* From the text of a rule to its tree. */
#ifndef RULE_PARSE_H
#define RULE_PARSE_H

#include "base/error.h"
#include "base/slice.h"
#include "rule/rule.h"
#include "rule/value.h"

#include <stdint.h>

enum node_kind {
    NODE_LITERAL, /* these stand for a value in the text ... */
    NODE_ANYONE,
    NODE_NOBODY,
    NODE_USER,
    NODE_USER_ID,
    NODE_IP,
    NODE_ROLE,
    NODE_CLAIM,
    NODE_PARAM,
    NODE_MESSAGE,
    NODE_LEAF_LAST = NODE_MESSAGE,
    NODE_NOT, /* ... and these join others */
    NODE_AND,
    NODE_OR,
    NODE_EQUAL,
    NODE_UNEQUAL,
    NODE_LESS,
    NODE_LESS_EQUAL,
    NODE_GREATER,
    NODE_GREATER_EQUAL,
    NODE_IN,
    NODE_KINDS,
};

/* `and` and `or` have two or more children, so that a long chain of them is not a deep tree. */
struct node {
    enum node_kind kind;
    uint16_t first, next; /* child and sibling, by their place in `nodes`; 0: none */
    uint16_t height;      /* at most RULE_DEPTH_MAX */
    uint16_t
        parts; /* of a claim, a message: how many names, each NUL-terminated, after one another */
    const char *name;    /* of a role, a claim, a parameter, a message */
    uint16_t param;      /* its place among the pattern's */
    struct slice source; /* of a leaf: its place in `text` */
    struct value value;  /* of a literal */
};

/* Embedded in the rule; all zeroes is an empty tree. */
struct tree {
    char *text;         /* as it was written; owned */
    char *names;        /* a copy of it that names and literals point into; owned */
    struct node *nodes; /* owned; nodes[0] is nobody */
    unsigned count, root;
};

bool tree_parse(struct tree *tree, const struct rule_source *source,
                struct error *err); /* false: finish it all the same */
void tree_finish(struct tree *tree);

const struct tree *rule_tree(const struct rule *rule); /* for rule/fold; borrowed */

#endif
