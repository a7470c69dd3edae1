/* The words and signs of a rule. */
#ifndef RULE_LEX_H
#define RULE_LEX_H

#include "base/error.h"
#include "base/slice.h"
#include "rule/parse.h"

/* From the one that binds least to the one that binds most. */
enum level { LEVEL_OR, LEVEL_AND, LEVEL_COMPARISON, LEVEL_UNARY };

enum token_kind {
    TOKEN_END,
    TOKEN_NAME, /* with its dots: "claims.a.b" */
    TOKEN_NUMBER,
    TOKEN_TEXT, /* with its quotes */
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_OPERATOR,
};

struct op {
    const char *text;
    enum node_kind kind;
    enum level level;
};

struct token {
    enum token_kind kind;
    const struct op *op; /* of TOKEN_OPERATOR */
    struct slice text;   /* its place in the rule's text */
};

/* Embedded in the parser. Borrows the text. */
struct lexer {
    const char *text, *at, *end;
    struct token token, previous;
};

void lexer_init(struct lexer *l, struct slice text);
bool lexer_advance(struct lexer *l, struct error *err);       /* the next one to `token` */
unsigned lexer_column(const struct lexer *l, const char *at); /* for messages: from 1 */

#endif
