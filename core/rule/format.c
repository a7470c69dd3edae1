#include "rule/format.h"
#include "rule/format_inside.h"

#include "base/hex.h"
#include "rule/schema_regex.h"

struct format {
    const char *name;
    bool (*is_valid)(struct slice text);
    unsigned steps, byte_steps; /* what it takes to say so, beside each byte */
};

static bool is_uuid(struct slice text)
{
    if (text.len != 36)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text.at[i] != '-' : !hex_is_digit(text.at[i]))
            return false;
    }
    return true;
}

static bool is_json_pointer(struct slice text)
{
    if (text.len > 0 && text.at[0] != '/')
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] == '~' &&
            (i + 1 == text.len || (text.at[i + 1] != '0' && text.at[i + 1] != '1')))
            return false;
    return true;
}

static bool is_relative_json_pointer(struct slice text)
{
    size_t digits = count_digits(text);
    if (digits == 0 || (digits > 1 && text.at[0] == '0'))
        return false;
    struct slice rest = skip_bytes(text, digits);
    return slice_is(rest, "#") || is_json_pointer(rest);
}

/* X(name, function, steps, byte_steps): most look at each byte once; a regular expression is
 * compiled. */
#define FORMATS(X)                                                                                 \
    X("date-time", is_date_time, 1, 1)                                                             \
    X("date", is_date, 1, 1)                                                                       \
    X("time", is_time, 1, 1)                                                                       \
    X("duration", is_duration, 1, 1)                                                               \
    X("email", is_email, 1, 1)                                                                     \
    X("idn-email", is_idn_email, 1, 1)                                                             \
    X("hostname", is_hostname, 1, 1)                                                               \
    X("ipv4", is_ipv4, 1, 1)                                                                       \
    X("ipv6", is_ipv6, 1, 1)                                                                       \
    X("uri", is_uri, 1, 1)                                                                         \
    X("uri-reference", is_uri_reference, 1, 1)                                                     \
    X("iri", is_iri, 1, 1)                                                                         \
    X("iri-reference", is_iri_reference, 1, 1)                                                     \
    X("uri-template", is_uri_template, 1, 1)                                                       \
    X("uuid", is_uuid, 1, 1)                                                                       \
    X("json-pointer", is_json_pointer, 1, 1)                                                       \
    X("relative-json-pointer", is_relative_json_pointer, 1, 1)                                     \
    X("regex", regex_is_valid, 64, 8)

const struct format *format_find(struct slice name)
{
    static const struct format formats[] = {
#define X(text, function, steps, byte_steps) {text, function, steps, byte_steps},
        FORMATS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (slice_is(name, formats[i].name))
            return &formats[i];
    return NULL;
}

const char *const *format_names(void)
{
    static const char *const names[] = {
#define X(text, function, steps, byte_steps) text,
        FORMATS(X)
#undef X
            NULL,
    };
    return names;
}

bool format_is_valid(const struct format *format, struct slice text)
{
    return format->is_valid(text.len > 0 ? text : SLICE(""));
}

int64_t format_steps(const struct format *format, size_t bytes)
{
    return (int64_t)(format->steps + format->byte_steps * bytes);
}
