#include "bench/target.h"

static const struct scheme {
    const char *name;
    bool is_tls, is_http, is_plain;
} schemes[] = {
    {"ws", false, false, false},  {"wss", true, false, false}, {"http", false, true, false},
    {"https", true, true, false}, {"tcp", false, false, true},
};

static const struct scheme *find_scheme(struct slice name)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (slice_is(name, schemes[i].name))
            return &schemes[i];
    return NULL;
}

/* Takes the scheme off the text. */
static bool take_scheme(const char **text, struct target *target, struct error *err)
{
    const char *colon = strstr(*text, "://");
    struct slice name = colon ? slice_make(*text, (size_t)(colon - *text)) : SLICE("ws");
    const struct scheme *scheme = find_scheme(name);
    if (scheme == NULL)
        return fail(err, ERROR_USAGE,
                    "\"%s\": there is no scheme %.*s://; write ws, wss, http, https or tcp", *text,
                    SLICE_ARGS(name));
    target->is_tls = scheme->is_tls;
    target->is_http = scheme->is_http;
    target->is_plain = scheme->is_plain;
    *text = colon ? colon + 3 : *text;
    return true;
}

static bool is_writable(const char *path)
{
    for (; *path != '\0'; path++)
        if (*path <= ' ' || *path > '~' || *path == '#')
            return false;
    return true;
}

bool target_parse(const char *text, struct target *target, struct error *err)
{
    const char *whole = text;
    *target = (struct target){0};
    if (!take_scheme(&text, target, err))
        return false;
    size_t host_len = strcspn(text, "/?");
    const char *path = text + host_len;
    if (!address_parse(slice_make(text, host_len), &target->address, err))
        return false;
    if (target->address.port == 0)
        return fail(err, ERROR_USAGE, "\"%s\": nobody listens on port 0", whole);
    if (strlen(path) >= sizeof target->path || !is_writable(path) || *path == '?')
        return fail(err, ERROR_USAGE,
                    "\"%s\": the path is no path; it begins with / and has visible ASCII only",
                    whole);
    strcpy(target->path, path);
    return true;
}

/* Is there a {name} of the list at `at`? */
static const struct placeholder *find_placeholder(struct slice at, const struct placeholder *all,
                                                  unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        size_t len = strlen(all[i].name);
        if (at.len >= len + 2 && at.at[0] == '{' && at.at[len + 1] == '}' &&
            memcmp(at.at + 1, all[i].name, len) == 0)
            return &all[i];
    }
    return NULL;
}

bool target_expand(char *out, size_t room, struct slice text, const struct placeholder *all,
                   unsigned count)
{
    size_t len = 0;
    while (text.len > 0) {
        const struct placeholder *found = find_placeholder(text, all, count);
        struct slice piece = found ? found->value : slice_make(text.at, 1);
        size_t taken = found ? strlen(found->name) + 2 : 1;
        if (piece.len >= room - len)
            return false;
        memcpy(out + len, piece.at, piece.len);
        len += piece.len;
        text = slice_make(text.at + taken, text.len - taken);
    }
    out[len] = '\0';
    return true;
}
