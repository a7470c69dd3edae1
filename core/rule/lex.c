#include "rule/lex.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* A sign that begins like a shorter one comes before it. */
static const struct op operators[] = {
    {"or", NODE_OR, LEVEL_OR},
    {"and", NODE_AND, LEVEL_AND},
    {"in", NODE_IN, LEVEL_COMPARISON},
    {"==", NODE_EQUAL, LEVEL_COMPARISON},
    {"~=", NODE_UNEQUAL, LEVEL_COMPARISON},
    {"<=", NODE_LESS_EQUAL, LEVEL_COMPARISON},
    {">=", NODE_GREATER_EQUAL, LEVEL_COMPARISON},
    {"<", NODE_LESS, LEVEL_COMPARISON},
    {">", NODE_GREATER, LEVEL_COMPARISON},
    {"not", NODE_NOT, LEVEL_UNARY},
};

/* What other languages write. */
static const struct {
    const char *text, *meant;
} mistakes[] = {{"!=", "~="}, {"&&", "and"}, {"||", "or"}, {"=", "=="}, {"!", "not"}};

unsigned lexer_column(const struct lexer *l, const char *at)
{
    return (unsigned)(at - l->text) + 1;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_byte(char c)
{
    return is_name_start(c) || is_digit(c);
}

static bool begins_with(const struct lexer *l, const char *text)
{
    size_t len = strlen(text);
    return (size_t)(l->end - l->at) >= len && memcmp(l->at, text, len) == 0;
}

static const char *skip_name(const struct lexer *l, const char *at)
{
    while (at < l->end && is_name_byte(*at))
        at++;
    return at;
}

static const char *skip_digits(const struct lexer *l, const char *at)
{
    while (at < l->end && is_digit(*at))
        at++;
    return at;
}

static bool take(struct lexer *l, enum token_kind kind, const char *end)
{
    l->token = (struct token){kind, NULL, slice_make(l->at, (size_t)(end - l->at))};
    l->at = end;
    return true;
}

static bool take_operator(struct lexer *l, const struct op *op)
{
    take(l, TOKEN_OPERATOR, l->at + strlen(op->text));
    l->token.op = op;
    return true;
}

static bool lex_name(struct lexer *l, struct error *err)
{
    const char *at = skip_name(l, l->at);
    struct slice word = slice_make(l->at, (size_t)(at - l->at));
    while (at < l->end && *at == '.') {
        if (at + 1 == l->end || !is_name_start(at[1]))
            return fail(err, ERROR_SCRIPT, "expected a name after '%.*s.' (column %u)",
                        SLICE_ARGS(word), lexer_column(l, at + 1));
        at = skip_name(l, at + 1);
    }
    for (size_t i = 0; i < COUNT(operators); i++)
        if (slice_is(word, operators[i].text))
            return take_operator(l, &operators[i]);
    return take(l, TOKEN_NAME, at);
}

/* As in JSON: no 007, no .5, no 5. */
static bool lex_number(struct lexer *l, struct error *err)
{
    const char *digits = l->at + (*l->at == '-');
    const char *at = skip_digits(l, digits);
    bool good = at == digits + 1 || (at > digits && *digits != '0');
    if (at < l->end && *at == '.') {
        const char *from = ++at;
        at = skip_digits(l, from);
        good = good && at > from;
    }
    if (at < l->end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < l->end && (*at == '+' || *at == '-');
        const char *from = at;
        at = skip_digits(l, from);
        good = good && at > from;
    }
    if (!good || (at < l->end && (is_name_byte(*at) || *at == '.')))
        return fail(err, ERROR_SCRIPT, "not a number: write it like 12 or -3.5 (column %u)",
                    lexer_column(l, l->at));
    return take(l, TOKEN_NUMBER, at);
}

static bool lex_text(struct lexer *l, struct error *err)
{
    for (const char *at = l->at + 1; at < l->end; at++) {
        if (*at == *l->at)
            return take(l, TOKEN_TEXT, at + 1);
        at += *at == '\\';
    }
    return fail(err, ERROR_SCRIPT, "this text has no closing %c (column %u)", *l->at,
                lexer_column(l, l->at));
}

static bool lex_sign(struct lexer *l, struct error *err)
{
    for (size_t i = 0; i < COUNT(operators); i++)
        if (begins_with(l, operators[i].text))
            return take_operator(l, &operators[i]);
    for (size_t i = 0; i < COUNT(mistakes); i++)
        if (begins_with(l, mistakes[i].text))
            return fail(err, ERROR_SCRIPT, "write '%s' instead of '%s' (column %u)",
                        mistakes[i].meant, mistakes[i].text, lexer_column(l, l->at));
    unsigned char c = (unsigned char)*l->at;
    if (c > 0x20 && c < 0x7f)
        return fail(err, ERROR_SCRIPT, "'%c' has no meaning in a rule (column %u)", c,
                    lexer_column(l, l->at));
    return fail(err, ERROR_SCRIPT, "byte 0x%02x has no meaning in a rule (column %u)", c,
                lexer_column(l, l->at));
}

void lexer_init(struct lexer *l, struct slice text)
{
    *l = (struct lexer){.text = text.at, .at = text.at, .end = text.at + text.len};
}

bool lexer_advance(struct lexer *l, struct error *err)
{
    l->previous = l->token;
    while (l->at < l->end && (*l->at == ' ' || (*l->at >= '\t' && *l->at <= '\r')))
        l->at++;
    if (l->at == l->end)
        return take(l, TOKEN_END, l->end);
    char c = *l->at;
    if (is_name_start(c))
        return lex_name(l, err);
    if (is_digit(c) || c == '-')
        return lex_number(l, err);
    if (c == '"' || c == '\'')
        return lex_text(l, err);
    if (c == '(' || c == ')')
        return take(l, c == '(' ? TOKEN_OPEN : TOKEN_CLOSE, l->at + 1);
    return lex_sign(l, err);
}
