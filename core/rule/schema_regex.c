#include "rule/schema_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "base/hex.h"
#include "base/memory.h"
#include "base/utf8.h"

struct regex {
    pcre2_code *code;
};

/* ---- from ECMA-262 to PCRE2 ---- */

/* What \s means there; PCRE2's own knows ASCII only. And what is left of Unicode. */
#define SPACES                                                                                     \
    "\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}"  \
    "\\x{3000}\\x{feff}"
#define NO_SPACES                                                                                  \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}"               \
    "\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{"   \
    "fefe}"                                                                                        \
    "\\x{ff00}-\\x{10ffff}"

/* The long names of general categories, which PCRE2 does not know. */
static const struct {
    const char *name, *category;
} categories[] = {
    {"Letter", "L"},
    {"Cased_Letter", "L&"},
    {"Uppercase_Letter", "Lu"},
    {"Lowercase_Letter", "Ll"},
    {"Titlecase_Letter", "Lt"},
    {"Modifier_Letter", "Lm"},
    {"Other_Letter", "Lo"},
    {"Mark", "M"},
    {"Nonspacing_Mark", "Mn"},
    {"Spacing_Mark", "Mc"},
    {"Enclosing_Mark", "Me"},
    {"Number", "N"},
    {"Decimal_Number", "Nd"},
    {"digit", "Nd"},
    {"Letter_Number", "Nl"},
    {"Other_Number", "No"},
    {"Punctuation", "P"},
    {"punct", "P"},
    {"Connector_Punctuation", "Pc"},
    {"Dash_Punctuation", "Pd"},
    {"Open_Punctuation", "Ps"},
    {"Close_Punctuation", "Pe"},
    {"Initial_Punctuation", "Pi"},
    {"Final_Punctuation", "Pf"},
    {"Other_Punctuation", "Po"},
    {"Symbol", "S"},
    {"Math_Symbol", "Sm"},
    {"Currency_Symbol", "Sc"},
    {"Modifier_Symbol", "Sk"},
    {"Other_Symbol", "So"},
    {"Separator", "Z"},
    {"Space_Separator", "Zs"},
    {"Line_Separator", "Zl"},
    {"Paragraph_Separator", "Zp"},
    {"Other", "C"},
    {"Control", "Cc"},
    {"Format", "Cf"},
    {"Surrogate", "Cs"},
    {"Private_Use", "Co"},
    {"Unassigned", "Cn"},
    {"Alphabetic", "Alphabetic"},
    {"ASCII", "ASCII"},
};

struct translation {
    const char *at, *end;
    struct buf out;
    bool is_in_class;
    struct error *err;
};

/* So many hexadecimal digits from `at` on, no more than are there; 0 or a count of at most `max`.
 */
static size_t count_hex(const struct translation *t, const char *at, size_t max)
{
    size_t len = 0;
    while (len < max && at + len < t->end && hex_is_digit(at[len]))
        len++;
    return len;
}

static bool add_point(struct translation *t, uint32_t point, const char *after)
{
    buf_printf(&t->out, "\\x{%x}", point);
    t->at = after;
    return true;
}

/* From the "u": four digits, two times four of a pair of surrogates, or some in braces. */
static bool translate_unit(struct translation *t)
{
    const char *at = t->at + 1;
    if (at < t->end && *at == '{') {
        size_t len = count_hex(t, at + 1, 6);
        uint32_t point = hex_value(slice_make(at + 1, len));
        if (len == 0 || at + 1 + len == t->end || at[1 + len] != '}' || point > 0x10FFFF)
            return fail(t->err, ERROR_SCRIPT, "\\u{} takes a code point in hexadecimal digits");
        return add_point(t, point, at + len + 2);
    }
    if (count_hex(t, at, 4) < 4)
        return fail(t->err, ERROR_SCRIPT, "\\u takes four hexadecimal digits");
    uint32_t high = hex_value(slice_make(at, 4));
    if (high < 0xD800 || high > 0xDFFF)
        return add_point(t, high, at + 4);
    if (high < 0xDC00 && t->end - at >= 10 && at[4] == '\\' && at[5] == 'u' &&
        count_hex(t, at + 6, 4) == 4) {
        uint32_t low = hex_value(slice_make(at + 6, 4));
        if (low >= 0xDC00 && low <= 0xDFFF)
            return add_point(t, 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00), at + 10);
    }
    return fail(t->err, ERROR_SCRIPT, "half a pair of surrogates matches nothing");
}

static bool translate_hex(struct translation *t)
{
    if (count_hex(t, t->at + 1, 2) < 2)
        return fail(t->err, ERROR_SCRIPT, "\\x takes two hexadecimal digits");
    return add_point(t, hex_value(slice_make(t->at + 1, 2)), t->at + 3);
}

static bool translate_control(struct translation *t)
{
    char letter = t->end - t->at > 1 ? (char)(t->at[1] | 0x20) : 0;
    if (letter < 'a' || letter > 'z')
        return fail(t->err, ERROR_SCRIPT, "\\c takes a letter");
    return add_point(t, (uint32_t)letter & 0x1F, t->at + 2);
}

/* \p{...} and \P{...}, from the letter. */
static bool translate_property(struct translation *t)
{
    const char *brace = t->at + 1;
    const char *close =
        brace < t->end && *brace == '{' ? memchr(brace, '}', (size_t)(t->end - brace)) : NULL;
    if (close == NULL)
        return fail(t->err, ERROR_SCRIPT, "\\%c takes a property in braces", *t->at);
    struct slice name = slice_make(brace + 1, (size_t)(close - brace) - 1);
    struct slice general = SLICE("General_Category="), brief = SLICE("gc=");
    if (name.len > general.len && memcmp(name.at, general.at, general.len) == 0)
        name = slice_make(name.at + general.len, name.len - general.len);
    else if (name.len > brief.len && memcmp(name.at, brief.at, brief.len) == 0)
        name = slice_make(name.at + brief.len, name.len - brief.len);
    buf_printf(&t->out, "\\%c{", *t->at);
    for (size_t i = 0; i < sizeof categories / sizeof *categories; i++)
        if (slice_is(name, categories[i].name))
            name = slice_of(categories[i].category);
    buf_add_slice(&t->out, name);
    buf_add_byte(&t->out, '}');
    t->at = close + 1;
    return true;
}

static bool translate_spaces(struct translation *t)
{
    const char *inside = *t->at == 's' ? SPACES : NO_SPACES;
    buf_printf(&t->out, t->is_in_class ? "%s" : "[%s]", inside);
    t->at++;
    return true;
}

/* An escape that means the same to both, or none at all. */
static bool translate_plain(struct translation *t)
{
    static const char outside[] = "dDwWbBnrtvfk123456789^$\\.*+?()[]{}|/-";
    static const char in_class[] = "dDwWbnrtvf^$\\.*+?()[]{}|/-";
    char c = *t->at;
    if (c == '\0' || strchr(t->is_in_class ? in_class : outside, c) == NULL) {
        size_t len = utf8_char(slice_make(t->at, (size_t)(t->end - t->at)));
        return fail(t->err, ERROR_SCRIPT, "\\%.*s is no escape in a regular expression of ECMA-262",
                    (int)len, t->at);
    }
    if (c == 'v')
        return add_point(t, 0x0B, t->at + 1);
    buf_add(&t->out, (char[]){'\\', c}, 2);
    t->at++;
    return true;
}

static bool translate_escape(struct translation *t)
{
    if (++t->at == t->end)
        return fail(t->err, ERROR_SCRIPT, "a backslash ends it");
    switch (*t->at) {
    case 'u':
        return translate_unit(t);
    case 'x':
        return translate_hex(t);
    case 'c':
        return translate_control(t);
    case 'p':
    case 'P':
        return translate_property(t);
    case 's':
    case 'S':
        return translate_spaces(t);
    case '0':
        return add_point(t, 0, t->at + 1);
    default:
        return translate_plain(t);
    }
}

/* ECMA-262 groups begin with "(", "(?:", "(?=", "(?!", "(?<=", "(?<!" and "(?<name>"; PCRE2 has
 * more, and verbs in
 * "(*" that would lift our limits. */
static bool check_group(struct translation *t)
{
    size_t left = (size_t)(t->end - t->at);
    bool is_special = left > 1 && (t->at[1] == '?' || t->at[1] == '*');
    if (is_special &&
        (left < 3 || t->at[1] == '*' || strchr(":=!<", t->at[2]) == NULL || t->at[2] == '\0'))
        return fail(t->err, ERROR_SCRIPT, "(%.*s is no group of ECMA-262",
                    left > 2 && (unsigned char)t->at[2] < 0x80 ? 2 : 1, t->at + 1);
    return true;
}

/* A byte that is not part of an escape. In a class "[" is itself, and PCRE2 has more than itself in
 * mind. */
static bool translate_byte(struct translation *t)
{
    char c = *t->at;
    if (!t->is_in_class && c == '(' && !check_group(t))
        return false;
    if (t->is_in_class && c == '[')
        buf_add_byte(&t->out, '\\');
    buf_add_byte(&t->out, c);
    t->at++;
    if (c == '[' && !t->is_in_class) {
        t->is_in_class = true;
        if (t->at < t->end && *t->at == '^')
            buf_add_byte(&t->out, *t->at++);
    } else if (c == ']') {
        t->is_in_class = false;
    }
    return true;
}

/* ECMA-262 has neither "a++" nor "a{2}+". */
static bool check_quantifier(struct translation *t)
{
    if (t->is_in_class || t->end - t->at < 2 || t->at[1] != '+' ||
        strchr("*+?}", t->at[0]) == NULL || t->at[0] == '\0')
        return true;
    return fail(t->err, ERROR_SCRIPT, "+ must follow what can be repeated");
}

static bool translate(struct translation *t)
{
    while (t->at < t->end) {
        if (*t->at != '\\' && !check_quantifier(t))
            return false;
        if (*t->at == '\\' ? !translate_escape(t) : !translate_byte(t))
            return false;
    }
    return true;
}

/* ---- compiling ---- */

static pcre2_code *compile_code(struct slice text, struct error *err)
{
    /* Automatic callouts are what counts the steps. */
    const uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS |
                             PCRE2_MATCH_UNSET_BACKREF | PCRE2_AUTO_CALLOUT |
                             PCRE2_NEVER_BACKSLASH_C;
    int code;
    size_t at;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (context == NULL) {
        fail(err, ERROR_SYSTEM, "out of memory");
        return NULL;
    }
    pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF);
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)text.at, text.len, options, &code, &at, context);
    pcre2_compile_context_free(context);
    if (compiled == NULL) {
        char reason[256] = "";
        pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof reason);
        fail(err, ERROR_SCRIPT, "%s", reason);
    }
    return compiled;
}

static pcre2_code *translate_and_compile(struct slice pattern, struct error *err)
{
    if (pattern.len > REGEX_LENGTH_MAX) {
        fail(err, ERROR_SCRIPT, "longer than %d bytes", REGEX_LENGTH_MAX);
        return NULL;
    }
    struct translation t = {.at = pattern.at, .end = pattern.at + pattern.len, .err = err};
    buf_reserve(&t.out, 1);
    pcre2_code *code = translate(&t) ? compile_code(buf_slice(&t.out), err) : NULL;
    buf_finish(&t.out);
    return code;
}

struct regex *regex_compile(struct slice pattern, struct error *err)
{
    pcre2_code *code = translate_and_compile(pattern, err);
    if (code == NULL)
        return NULL;
    struct regex *regex = xcalloc(1, sizeof *regex);
    regex->code = code;
    return regex;
}

void regex_destroy(struct regex *regex)
{
    if (regex == NULL)
        return;
    pcre2_code_free(regex->code);
    free(regex);
}

bool regex_is_valid(struct slice pattern)
{
    pcre2_code *code = translate_and_compile(pattern, NULL);
    pcre2_code_free(code);
    return code != NULL;
}

/* ---- matching ---- */

static int count_step(pcre2_callout_block *block, void *data)
{
    struct regex_run *run = data;
    size_t at = block->current_position;
    size_t passed = at > run->last ? at - run->last : run->last - at;
    run->last = at;
    *run->steps -= 1 + (int64_t)(passed / 16);
    return *run->steps < 0 ? PCRE2_ERROR_CALLOUT : 0;
}

static void prepare(struct regex_run *run)
{
    run->data = pcre2_match_data_create(1, NULL);
    run->context = pcre2_match_context_create(NULL);
    ensure(run->data != NULL && run->context != NULL);
    pcre2_set_callout(run->context, count_step, run);
    pcre2_set_heap_limit(run->context, REGEX_HEAP_KIB_MAX);
}

bool regex_match(const struct regex *regex, struct slice subject, struct regex_run *run)
{
    if (run->data == NULL)
        prepare(run);
    run->last = 0;
    const char *at = subject.len > 0 ? subject.at : "";
    int answer = pcre2_match(regex->code, (PCRE2_SPTR)at, subject.len, 0, PCRE2_NO_UTF_CHECK,
                             run->data, run->context);
    if (answer < 0 && answer != PCRE2_ERROR_NOMATCH)
        *run->steps = -1;
    return answer >= 0;
}

void regex_run_finish(struct regex_run *run)
{
    pcre2_match_data_free(run->data);
    pcre2_match_context_free(run->context);
    run->data = run->context = NULL;
}
