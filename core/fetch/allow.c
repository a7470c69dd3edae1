#include "fetch/allow.h"

#include <stdlib.h>
#include <strings.h>

#include "base/memory.h"

enum { PORT_OF_SCHEME = 0, PORT_ANY = 65536, PORT_MAX = 65535 };

struct pattern {
    struct slice host; /* without "*."; points into the list's text */
    bool is_below;     /* names below host; an empty one is all */
    unsigned port;
};

struct allow {
    char *text;
    struct pattern *patterns;
    size_t count;
};

static bool is_name(struct slice host)
{
    bool is_address = host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
    for (size_t i = is_address; i + is_address < host.len; i++) {
        char c = host.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_letter && c != '.' && (is_address ? c != ':' : c != '-' && c != '_'))
            return false;
    }
    return host.len > 0;
}

static bool parse_port(struct slice text, unsigned *port)
{
    *port = slice_is(text, "*") ? PORT_ANY : 0;
    for (size_t i = 0; i < text.len && *port <= PORT_MAX; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        *port = *port * 10 + (unsigned)(text.at[i] - '0');
    }
    return *port > 0 && (*port <= PORT_MAX || slice_is(text, "*"));
}

/* The colon before the port; those of an address in brackets are none. */
static const char *find_colon(struct slice text)
{
    const char *from = text.len > 0 && *text.at == '[' ? memchr(text.at, ']', text.len) : text.at;
    return from == NULL ? NULL : memchr(from, ':', text.len - (size_t)(from - text.at));
}

static bool parse_pattern(struct slice text, struct pattern *pattern)
{
    const char *colon = text.len > 0 ? find_colon(text) : NULL;
    struct slice host = slice_make(text.at, colon ? (size_t)(colon - text.at) : text.len);
    *pattern = (struct pattern){.port = PORT_OF_SCHEME};
    if (colon != NULL &&
        !parse_port(slice_make(colon + 1, text.len - host.len - 1), &pattern->port))
        return false;
    if (slice_is(host, "*")) {
        pattern->is_below = true;
        if (colon == NULL)
            pattern->port = PORT_ANY;
        return true;
    }
    pattern->is_below = slice_begins(host, "*.");
    pattern->host = pattern->is_below ? slice_make(host.at + 2, host.len - 2) : host;
    return is_name(pattern->host);
}

static bool add_pattern(struct allow *allow, struct slice text, struct error *err)
{
    if (!parse_pattern(text, &allow->patterns[allow->count]))
        return fail(
            err, ERROR_CONFIG,
            "\"%.*s\" in the list of hosts that may be called: a host is written like "
            "api.example.com, *.example.com, localhost:3000 or [::1]:3000, without scheme and "
            "path; * allows all",
            SLICE_ARGS(text));
    allow->count++;
    return true;
}

static struct slice trim(struct slice s)
{
    while (s.len > 0 && (*s.at == ' ' || *s.at == '\t'))
        s = slice_make(s.at + 1, s.len - 1);
    while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

struct allow *allow_create(const char *list, struct error *err)
{
    struct allow *allow = xcalloc(1, sizeof *allow);
    allow->text = xstrdup(list ? list : "");
    size_t most = 1;
    for (const char *at = allow->text; *at != '\0'; at++)
        most += *at == ',';
    allow->patterns = xcalloc(most, sizeof *allow->patterns);
    for (const char *at = allow->text; *at != '\0';) {
        size_t len = strcspn(at, ",");
        struct slice text = trim(slice_make(at, len));
        if (text.len > 0 && !add_pattern(allow, text, err)) {
            allow_destroy(allow);
            return NULL;
        }
        at += len + (at[len] == ',');
    }
    return allow;
}

void allow_destroy(struct allow *allow)
{
    if (allow == NULL)
        return;
    free(allow->patterns);
    free(allow->text);
    free(allow);
}

static bool is_same_name(const char *a, const char *b, size_t len)
{
    return strncasecmp(a, b, len) == 0;
}

static bool is_host(const struct pattern *pattern, struct slice host)
{
    struct slice wanted = pattern->host;
    if (!pattern->is_below)
        return host.len == wanted.len && is_same_name(host.at, wanted.at, host.len);
    if (wanted.len == 0)
        return true;
    return host.len > wanted.len + 1 && host.at[host.len - wanted.len - 1] == '.' &&
           is_same_name(host.at + host.len - wanted.len, wanted.at, wanted.len);
}

bool allow_has(const struct allow *allow, struct slice host, unsigned port, bool is_scheme_port)
{
    for (size_t i = 0; i < allow->count; i++) {
        const struct pattern *pattern = &allow->patterns[i];
        bool is_port = pattern->port == PORT_OF_SCHEME
                           ? is_scheme_port
                           : pattern->port == PORT_ANY || pattern->port == port;
        if (is_port && is_host(pattern, host))
            return true;
    }
    return false;
}
