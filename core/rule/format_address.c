/* Addresses: of mail (RFC 5321), hosts (RFC 1123), and whatever has a URI (RFC 3986, 3987, 6570).
 */
#include "rule/format_inside.h"

#include <arpa/inet.h>

#include "base/hex.h"

enum { LABEL_MAX = 63, HOSTNAME_MAX = 253 };

/* Which bytes beyond ASCII are allowed: none, or those of internationalised addresses. */
enum script { ASCII_ONLY, ANY_SCRIPT };

static bool is_foreign(char c, enum script script)
{
    return script == ANY_SCRIPT && (unsigned char)c >= 0x80;
}

/* ---- hosts ---- */

static bool is_address(int family, struct slice text)
{
    char copy[INET6_ADDRSTRLEN + 1], binary[sizeof(struct in6_addr)];
    if (text.len >= sizeof copy || memchr(text.at, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return inet_pton(family, copy, binary) == 1;
}

bool is_ipv4(struct slice text)
{
    return is_address(AF_INET, text);
}

bool is_ipv6(struct slice text)
{
    return is_address(AF_INET6, text);
}

static bool is_label(struct slice label, enum script script)
{
    if (label.len == 0 || label.len > LABEL_MAX || label.at[0] == '-' ||
        label.at[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++) {
        char c = label.at[i];
        if (!is_letter(c) && !is_digit(c) && c != '-' && !is_foreign(c, script))
            return false;
    }
    return true;
}

static bool is_host(struct slice text, enum script script)
{
    if (text.len > HOSTNAME_MAX)
        return false;
    for (;;) {
        size_t len = length_until(text, ".");
        if (!is_label(slice_make(text.at, len), script))
            return false;
        if (len == text.len)
            return true;
        text = skip_bytes(text, len + 1);
    }
}

bool is_hostname(struct slice text)
{
    return is_host(text, ASCII_ONLY);
}

/* ---- mail ---- */

static bool is_atom_byte(char c, enum script script)
{
    return is_letter(c) || is_digit(c) || is_foreign(c, script) ||
           (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool is_dotted(struct slice local, enum script script)
{
    char before = '.';
    for (size_t i = 0; i < local.len; i++) {
        char c = local.at[i];
        if (c == '.' ? before == '.' : !is_atom_byte(c, script))
            return false;
        before = c;
    }
    return before != '.';
}

static bool is_quoted(struct slice local, enum script script)
{
    if (local.len < 2 || local.at[0] != '"' || local.at[local.len - 1] != '"')
        return false;
    for (size_t i = 1; i < local.len - 1; i++) {
        bool is_escaped = local.at[i] == '\\';
        i += is_escaped;
        char c = local.at[i];
        bool is_visible = (c >= ' ' && c <= '~') || is_foreign(c, script);
        if (i == local.len - 1 || !is_visible || (c == '"' && !is_escaped))
            return false;
    }
    return true;
}

static bool is_domain(struct slice domain, enum script script)
{
    if (domain.len < 2 || domain.at[0] != '[')
        return is_host(domain, script);
    if (domain.at[domain.len - 1] != ']')
        return false;
    struct slice inside = slice_make(domain.at + 1, domain.len - 2), tag = SLICE("IPv6:");
    if (inside.len > tag.len && memcmp(inside.at, tag.at, tag.len) == 0)
        return is_ipv6(skip_bytes(inside, tag.len));
    return is_ipv4(inside);
}

static bool is_mail(struct slice text, enum script script)
{
    const char *sign = text.len > 0 ? memrchr(text.at, '@', text.len) : NULL;
    if (sign == NULL)
        return false;
    struct slice local = slice_make(text.at, (size_t)(sign - text.at));
    return (is_dotted(local, script) || is_quoted(local, script)) &&
           is_domain(skip_bytes(text, local.len + 1), script);
}

bool is_email(struct slice text)
{
    return is_mail(text, ASCII_ONLY);
}

bool is_idn_email(struct slice text)
{
    return is_mail(text, ANY_SCRIPT);
}

/* ---- URIs ---- */

static bool is_percent(struct slice text, size_t i)
{
    return percent_begins(skip_bytes(text, i));
}

/* Letters, digits, marks, %XX, and some more. */
static bool is_made_of(struct slice text, const char *more, enum script script)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool is_plain = is_letter(c) || is_digit(c) || is_foreign(c, script) ||
                        (c != '\0' && (strchr("-._~!$&'()*+,;=", c) || strchr(more, c)));
        if (!is_plain && !is_percent(text, i))
            return false;
    }
    return true;
}

static bool is_port(struct slice text)
{
    return text.len == 0 ||
           (text.at[0] == ':' && count_digits(skip_bytes(text, 1)) == text.len - 1);
}

/* "[...]" of an address, and behind it a port perhaps. */
static bool is_literal_host(struct slice text)
{
    const char *close = memchr(text.at, ']', text.len);
    if (close == NULL)
        return false;
    struct slice inside = slice_make(text.at + 1, (size_t)(close - text.at) - 1);
    bool is_future = inside.len > 3 && (inside.at[0] | 0x20) == 'v' && hex_is_digit(inside.at[1]) &&
                     memchr(inside.at, '.', inside.len) != NULL &&
                     is_made_of(inside, ":", ASCII_ONLY);
    return (is_future || is_ipv6(inside)) && is_port(skip_bytes(text, inside.len + 2));
}

static bool is_authority(struct slice text, enum script script)
{
    size_t user = length_until(text, "@");
    if (user < text.len) {
        if (!is_made_of(slice_make(text.at, user), ":", script))
            return false;
        text = skip_bytes(text, user + 1);
    }
    if (text.len > 0 && text.at[0] == '[')
        return is_literal_host(text);
    size_t host = length_until(text, ":");
    return is_made_of(slice_make(text.at, host), "", script) && is_port(skip_bytes(text, host));
}

static size_t scheme_length(struct slice text)
{
    size_t len = length_until(text, ":/?#");
    if (len == 0 || len == text.len || text.at[len] != ':' || !is_letter(text.at[0]))
        return 0;
    for (size_t i = 0; i < len; i++)
        if (!is_letter(text.at[i]) && !is_digit(text.at[i]) && strchr("+-.", text.at[i]) == NULL)
            return 0;
    return len;
}

static bool is_path_on(struct slice text, enum script script)
{
    size_t path = length_until(text, "?#");
    if (!is_made_of(slice_make(text.at, path), ":@/", script))
        return false;
    text = skip_bytes(text, path);
    if (take(&text, '?')) {
        size_t query = length_until(text, "#");
        if (!is_made_of(slice_make(text.at, query), ":@/?", script))
            return false;
        text = skip_bytes(text, query);
    }
    return text.len == 0 || is_made_of(skip_bytes(text, 1), ":@/?", script);
}

enum reference { ABSOLUTE, OR_RELATIVE };

static bool is_any_uri(struct slice text, enum script script, enum reference reference)
{
    size_t scheme = scheme_length(text);
    if (scheme == 0 && reference == ABSOLUTE)
        return false;
    if (scheme > 0)
        text = skip_bytes(text, scheme + 1);
    else if (length_until(text, ":") < length_until(text, "/?#"))
        return false;
    if (text.len < 2 || text.at[0] != '/' || text.at[1] != '/')
        return is_path_on(text, script);
    text = skip_bytes(text, 2);
    size_t authority = length_until(text, "/?#");
    return is_authority(slice_make(text.at, authority), script) &&
           is_path_on(skip_bytes(text, authority), script);
}

bool is_uri(struct slice text)
{
    return is_any_uri(text, ASCII_ONLY, ABSOLUTE);
}

bool is_uri_reference(struct slice text)
{
    return is_any_uri(text, ASCII_ONLY, OR_RELATIVE);
}

bool is_iri(struct slice text)
{
    return is_any_uri(text, ANY_SCRIPT, ABSOLUTE);
}

bool is_iri_reference(struct slice text)
{
    return is_any_uri(text, ANY_SCRIPT, OR_RELATIVE);
}

/* ---- templates ---- */

/* A name with dots inside, and "*" or ":" with up to four digits behind it. */
static bool is_variable(struct slice text)
{
    size_t len = length_until(text, ":*");
    char before = '.';
    for (size_t i = 0; i < len; i++) {
        char c = text.at[i];
        bool is_dot = c == '.' && before != '.';
        if (!is_letter(c) && !is_digit(c) && c != '_' && !is_dot && !is_percent(text, i))
            return false;
        before = c;
    }
    struct slice rest = skip_bytes(text, len);
    if (before == '.' || rest.len == 0 || slice_is(rest, "*"))
        return before != '.';
    return rest.len >= 2 && rest.len <= 5 && rest.at[0] == ':' && rest.at[1] != '0' &&
           count_digits(skip_bytes(rest, 1)) == rest.len - 1;
}

static bool is_expression(struct slice text)
{
    if (text.len > 0 && text.at[0] != '\0' && strchr("+#./;?&=,!@|", text.at[0]) != NULL)
        text = skip_bytes(text, 1);
    for (;;) {
        size_t len = length_until(text, ",");
        if (!is_variable(slice_make(text.at, len)))
            return false;
        if (len == text.len)
            return true;
        text = skip_bytes(text, len + 1);
    }
}

static bool is_literal(struct slice text, size_t i)
{
    unsigned char c = (unsigned char)text.at[i];
    return c > ' ' && c != 0x7F && strchr("\"<>\\^`|}", c) == NULL &&
           (c != '%' || is_percent(text, i));
}

bool is_uri_template(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] != '{') {
            if (!is_literal(text, i))
                return false;
            continue;
        }
        struct slice inside = skip_bytes(text, i + 1);
        size_t len = length_until(inside, "}");
        if (len == inside.len || !is_expression(slice_make(inside.at, len)))
            return false;
        i += len + 1;
    }
    return true;
}
