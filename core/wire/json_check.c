#include "wire/json.h"
#include "wire/json_bytes.h"

#include "base/memory.h"

enum { DEPTH_MAX = 1024 };

/* Checking. Each scan_ function takes the place where its thing starts and returns the place after
 * it, or NULL after refuse(). No recursion: the open containers are in arrays. */
struct scan {
    const char *end;
    const struct json_limits *limits;
    const char *fault_at, *why;
    unsigned depth;
    char closers[DEPTH_MAX];   /* the bracket that each open container waits for */
    unsigned names[DEPTH_MAX]; /* how many members each open object has */
};

static const char *refuse(struct scan *s, const char *at, const char *why)
{
    s->fault_at = at;
    s->why = why;
    return NULL;
}

static const char *scan_hex(struct scan *s, const char *at)
{
    for (int i = 0; i < 4; i++, at++)
        if (at == s->end || !is(*at, HEX))
            return refuse(s, at, "\\u takes four hexadecimal digits");
    return at;
}

static const char *scan_escape(struct scan *s, const char *at)
{
    if (++at == s->end)
        return refuse(s, at, "the text ends inside a string");
    switch (*at) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return at + 1;
    case 'u':
        return scan_hex(s, at + 1);
    default:
        return refuse(s, at, "a backslash is followed by one of \" \\ / b f n r t u");
    }
}

static const char *scan_beyond_ascii(struct scan *s, const char *at)
{
    while (at < s->end && is(*at, BEYOND_ASCII)) {
        size_t len = utf8_char(slice_make(at, (size_t)(s->end - at)));
        if (len == 0)
            return refuse(s, at, "a string is not valid UTF-8");
        at += len;
    }
    return at;
}

static const char *scan_string(struct scan *s, const char *at)
{
    at++;
    while (at != NULL) {
        at = skip_plain_ascii(at, s->end);
        if (at == s->end)
            return refuse(s, at, "the text ends inside a string");
        if (*at == '"')
            return at + 1;
        if (*at == '\\')
            at = scan_escape(s, at);
        else if (is(*at, BEYOND_ASCII))
            at = scan_beyond_ascii(s, at);
        else
            return refuse(s, at, "a control character in a string is written as an escape");
    }
    return NULL;
}

static const char *scan_digits(struct scan *s, const char *at)
{
    if (at == s->end || !is(*at, DIGIT))
        return refuse(s, at, "a digit must come here");
    return skip(at, s->end, DIGIT);
}

static const char *scan_exponent(struct scan *s, const char *at)
{
    at++;
    if (at < s->end && (*at == '+' || *at == '-'))
        at++;
    return scan_digits(s, at);
}

static const char *scan_number(struct scan *s, const char *at)
{
    if (*at == '-')
        at++;
    const char *first = at;
    at = scan_digits(s, at);
    if (at != NULL && *first == '0' && at - first > 1)
        return refuse(s, first, "a number must not start with an extra 0");
    if (at != NULL && at < s->end && *at == '.')
        at = scan_digits(s, at + 1);
    if (at != NULL && at < s->end && (*at == 'e' || *at == 'E'))
        at = scan_exponent(s, at);
    return at;
}

static const char *scan_word(struct scan *s, const char *at, struct slice word)
{
    if ((size_t)(s->end - at) < word.len || memcmp(at, word.at, word.len) != 0)
        return refuse(s, at, "the only words are true, false and null");
    return at + word.len;
}

/* A member's name and its colon, with the whitespace before them. */
static const char *scan_name(struct scan *s, const char *at)
{
    at = skip(at, s->end, SPACE);
    if (at == s->end || *at != '"')
        return refuse(s, at, "a member's name in double quotes must come here");
    if (++s->names[s->depth - 1] > s->limits->keys)
        return refuse(s, at, "an object has too many members");
    at = scan_string(s, at);
    if (at == NULL)
        return NULL;
    at = skip(at, s->end, SPACE);
    if (at == s->end || *at != ':')
        return refuse(s, at, "a colon must follow a member's name");
    return at + 1;
}

/* Opens a container and stands before its first value; or passes over it when it is empty, and then
 * the depth is what it was. */
static const char *scan_open(struct scan *s, const char *at, char closer)
{
    if (s->depth == s->limits->depth)
        return refuse(s, at, "nested too deeply");
    at = skip(at + 1, s->end, SPACE);
    if (at < s->end && *at == closer)
        return at + 1;
    s->closers[s->depth] = closer;
    s->names[s->depth] = 0;
    s->depth++;
    return closer == '}' ? scan_name(s, at) : at;
}

static const char *scan_value(struct scan *s, const char *at)
{
    if (at == s->end)
        return refuse(s, at, "the text ends where a value must come");
    switch (*at) {
    case '"':
        return scan_string(s, at);
    case '{':
        return scan_open(s, at, '}');
    case '[':
        return scan_open(s, at, ']');
    case 't':
        return scan_word(s, at, SLICE("true"));
    case 'f':
        return scan_word(s, at, SLICE("false"));
    case 'n':
        return scan_word(s, at, SLICE("null"));
    default:
        if (*at == '-' || is(*at, DIGIT))
            return scan_number(s, at);
        return refuse(s, at, "a value must come here");
    }
}

/* After a value: closes what closes here, up to the place of the next value or, with a depth of 0,
 * to the end of the outermost one. */
static const char *scan_after(struct scan *s, const char *at)
{
    while (s->depth > 0) {
        char closer = s->closers[s->depth - 1];
        at = skip(at, s->end, SPACE);
        if (at < s->end && *at == ',')
            return closer == '}' ? scan_name(s, at + 1) : at + 1;
        if (at == s->end || *at != closer)
            return refuse(s, at,
                          closer == '}' ? "a comma or } must follow a member"
                                        : "a comma or ] must follow an item");
        s->depth--;
        at++;
    }
    return at;
}

static const char *scan_text(struct scan *s, const char *at)
{
    do {
        unsigned depth = s->depth;
        at = scan_value(s, skip(at, s->end, SPACE));
        if (at != NULL && s->depth == depth)
            at = scan_after(s, at);
    } while (at != NULL && s->depth > 0);
    if (at == NULL)
        return NULL;
    at = skip(at, s->end, SPACE);
    return at == s->end ? at : refuse(s, at, "nothing may follow the value");
}

bool json_check(struct slice text, const struct json_limits *limits, struct json_fault *fault)
{
    ensure(limits->depth <= DEPTH_MAX);
    const char *start = text.len > 0 ? text.at : "";
    struct scan
        s; /* its arrays need no initial value, and zeroing them would cost more than a message */
    s.end = start + text.len;
    s.limits = limits;
    s.depth = 0;
    if (scan_text(&s, start) != NULL)
        return true;
    if (fault != NULL)
        *fault = (struct json_fault){(size_t)(s.fault_at - start), s.why};
    return false;
}
