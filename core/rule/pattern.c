#include "rule/pattern.h"

#include <stdlib.h>

#include "base/memory.h"

/* In the order of how specific they are. */
enum segment_kind { SEGMENT_LITERAL, SEGMENT_PARAM, SEGMENT_REST };

struct segment {
    enum segment_kind kind;
    struct slice text; /* what a literal says, or the name of a parameter */
    char after;        /* the ':' or '/' that ends it, or 0 for the last one */
};

struct pattern {
    char *text; /* owned; segments and names point into it */
    size_t len;
    struct segment *segments; /* owned */
    unsigned segment_count;
    struct slice names[PATTERN_PARAMS_MAX];
    unsigned name_count;
};

static bool is_separator(char c)
{
    return c == ':' || c == '/';
}

static size_t segment_length(const char *at, const char *end)
{
    const char *c = at;
    while (c < end && !is_separator(*c))
        c++;
    return (size_t)(c - at);
}

static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return s.len > 0;
}

static bool add_param(struct pattern *p, struct slice name, struct error *err)
{
    if (!is_name(name))
        return fail(err, ERROR_SCRIPT,
                    "{%.*s} is not a name: write letters, digits and _ in the braces",
                    SLICE_ARGS(name));
    for (unsigned i = 0; i < p->name_count; i++)
        if (slice_is_equal(p->names[i], name))
            return fail(err, ERROR_SCRIPT, "{%.*s} is there twice: rename one", SLICE_ARGS(name));
    if (p->name_count == PATTERN_PARAMS_MAX)
        return fail(err, ERROR_SCRIPT, "more than %d {names}", PATTERN_PARAMS_MAX);
    p->names[p->name_count++] = name;
    return true;
}

static bool check_literal(struct slice text, struct error *err)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '{' || c == '}')
            return fail(
                err, ERROR_SCRIPT,
                "a {name} fills the whole of what is between ':' or '/', so \"%.*s\" is not "
                "possible",
                SLICE_ARGS(text));
        if (c == '*')
            return fail(err, ERROR_SCRIPT,
                        "'*' takes all the rest: it stands alone, at the end, after ':' or '/'");
    }
    return true;
}

static bool add_segment(struct pattern *p, struct slice text, char after, struct error *err)
{
    struct segment *s = &p->segments[p->segment_count++];
    *s = (struct segment){SEGMENT_LITERAL, text, after};
    if (slice_is(text, "*") && after == 0) {
        s->kind = SEGMENT_REST;
        return true;
    }
    if (text.len < 2 || text.at[0] != '{' || text.at[text.len - 1] != '}')
        return check_literal(text, err);
    s->kind = SEGMENT_PARAM;
    s->text = slice_make(text.at + 1, text.len - 2);
    return add_param(p, s->text, err);
}

static bool add_segments(struct pattern *p, struct error *err)
{
    const char *at = p->text, *end = p->text + p->len;
    for (;;) {
        size_t len = segment_length(at, end);
        char after = '\0';
        if (at + len < end)
            after = at[len];
        if (!add_segment(p, slice_make(at, len), after, err))
            return false;
        if (after == '\0')
            return true;
        at += len + 1;
    }
}

/* What no channel's name holds would never be matched. */
static bool check_bytes(struct slice text, struct error *err)
{
    if (text.len == 0 || text.len > PATTERN_LENGTH_MAX)
        return fail(err, ERROR_SCRIPT, "it has %zu bytes: write 1 to %d", text.len,
                    PATTERN_LENGTH_MAX);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c > ' ' && c < 0x7f)
            continue;
        return fail(err, ERROR_SCRIPT,
                    "no channel can match it: names are visible ASCII characters, and there is %s",
                    c == ' '                   ? "a space in it"
                    : (unsigned char)c >= 0x80 ? "a letter in it that is not ASCII"
                                               : "a control character in it");
    }
    return true;
}

struct pattern *pattern_compile(struct slice text, struct error *err)
{
    if (!check_bytes(text, err))
        return NULL;
    struct pattern *p = xcalloc(1, sizeof *p);
    p->text = xslicedup(text);
    p->len = text.len;
    p->segments = xcalloc(text.len + 1, sizeof *p->segments);
    if (!add_segments(p, err)) {
        pattern_destroy(p);
        return NULL;
    }
    p->segments = xrealloc(p->segments, p->segment_count * sizeof *p->segments);
    return p;
}

void pattern_destroy(struct pattern *p)
{
    if (p == NULL)
        return;
    free(p->segments);
    free(p->text);
    free(p);
}

struct slice pattern_text(const struct pattern *p)
{
    return slice_make(p->text, p->len);
}

unsigned pattern_params(const struct pattern *p, const struct slice **names)
{
    *names = p->names;
    return p->name_count;
}

bool pattern_match(const struct pattern *p, struct slice name,
                   struct slice values[PATTERN_PARAMS_MAX])
{
    if (name.len == 0)
        return false; /* no pattern takes it, and it may have no address */
    const char *at = name.at, *end = name.at + name.len;
    for (const struct segment *s = p->segments;; s++) {
        if (s->kind == SEGMENT_REST)
            return at < end;
        struct slice part = slice_make(at, segment_length(at, end));
        if (s->kind == SEGMENT_LITERAL) {
            if (!slice_is_equal(part, s->text))
                return false;
        } else {
            if (part.len == 0)
                return false;
            *values++ = part;
        }
        at += part.len;
        if (s->after == '\0')
            return at == end;
        if (at == end || *at != s->after)
            return false;
        at++;
    }
}

int pattern_compare(const struct pattern *a, const struct pattern *b)
{
    for (unsigned i = 0; i < a->segment_count && i < b->segment_count; i++) {
        int difference = (int)a->segments[i].kind - (int)b->segments[i].kind;
        if (difference != 0)
            return difference;
    }
    return 0;
}

static bool is_empty(const struct segment *s)
{
    return s->kind == SEGMENT_LITERAL && s->text.len == 0;
}

/* Neither is SEGMENT_REST. */
static bool segments_overlap(const struct segment *a, const struct segment *b)
{
    if (a->after != b->after)
        return false;
    if (a->kind == SEGMENT_LITERAL && b->kind == SEGMENT_LITERAL)
        return slice_is_equal(a->text, b->text);
    return !is_empty(a) && !is_empty(b);
}

bool pattern_overlaps(const struct pattern *a, const struct pattern *b)
{
    for (const struct segment *s = a->segments, *t = b->segments;; s++, t++) {
        /* The rest is any text but none, and only an empty last segment leaves none. */
        if (s->kind == SEGMENT_REST)
            return !(is_empty(t) && t->after == '\0');
        if (t->kind == SEGMENT_REST)
            return !(is_empty(s) && s->after == '\0');
        if (!segments_overlap(s, t))
            return false;
        if (s->after == '\0')
            return true;
    }
}
