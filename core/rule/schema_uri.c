#include "rule/schema_uri.h"

/* Absent where not given; the path may be empty. */
struct parts {
    struct slice scheme, authority, path, query;
};

void uri_split(struct slice uri, struct slice *address, struct slice *fragment)
{
    const char *hash = uri.len > 0 ? memchr(uri.at, '#', uri.len) : NULL;
    *address = uri;
    *fragment = slice_make(NULL, 0);
    if (hash == NULL)
        return;
    *address = slice_make(uri.at, (size_t)(hash - uri.at));
    *fragment = slice_make(hash + 1, uri.len - address->len - 1);
}

static bool is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_scheme_byte(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

static struct slice take(struct slice *rest, size_t len, size_t and_skip)
{
    struct slice taken = slice_make(rest->at, len);
    *rest = slice_make(rest->at + len + and_skip, rest->len - len - and_skip);
    return taken;
}

static size_t length_before(struct slice text, const char *stops)
{
    size_t len = 0;
    while (len < text.len && (text.at[len] == '\0' || strchr(stops, text.at[len]) == NULL))
        len++;
    return len;
}

static struct parts part(struct slice uri)
{
    struct parts p = {.scheme = {NULL, 0}};
    struct slice rest = uri.len > 0 ? uri : SLICE("");
    size_t len = 0;
    while (len < rest.len && is_scheme_byte(rest.at[len]))
        len++;
    if (len > 0 && len < rest.len && rest.at[len] == ':' && is_letter(rest.at[0]))
        p.scheme = take(&rest, len, 1);
    if (rest.len >= 2 && rest.at[0] == '/' && rest.at[1] == '/') {
        take(&rest, 2, 0);
        p.authority = take(&rest, length_before(rest, "/?"), 0);
    }
    p.path = take(&rest, length_before(rest, "?"), 0);
    if (rest.len > 0)
        p.query = slice_make(rest.at + 1, rest.len - 1);
    return p;
}

/* Takes the last segment of what was written from `start` on, with the slash before it. */
static void drop_segment(struct buf *out, size_t start)
{
    while (out->len > start && out->at[out->len - 1] != '/')
        out->len--;
    if (out->len > start)
        out->len--;
}

/* Appends a path without its "." and ".." segments. */
static void add_path(struct slice path, struct buf *out)
{
    size_t start = out->len;
    struct slice rest = path;
    while (rest.len > 0) {
        size_t slash = rest.at[0] == '/';
        struct slice name = slice_make(rest.at + slash, rest.len - slash);
        name.len = length_before(name, "/");
        bool is_last = slash + name.len == rest.len;
        bool is_up = slice_is(name, "..");
        if (is_up)
            drop_segment(out, start);
        if (is_up || slice_is(name, ".")) {
            if (is_last && slash)
                buf_add_byte(out, '/');
        } else {
            buf_add(out, rest.at, slash + name.len);
        }
        take(&rest, slash + name.len, 0);
    }
}

/* The base's path up to its last slash, and the reference's behind it. */
static void merge_paths(const struct parts *base, const struct parts *reference, struct buf *out)
{
    struct buf merged = {0};
    size_t len = base->path.len;
    while (len > 0 && base->path.at[len - 1] != '/')
        len--;
    if (base->authority.at != NULL && base->path.len == 0)
        buf_add_byte(&merged, '/');
    buf_add(&merged, base->path.at, len);
    buf_add_slice(&merged, reference->path);
    add_path(buf_slice(&merged), out);
    buf_finish(&merged);
}

void uri_resolve(struct slice base, struct slice reference, struct buf *out)
{
    struct parts b = part(base), r = part(reference);
    bool is_own = r.scheme.at != NULL, is_host = is_own || r.authority.at != NULL;
    struct slice scheme = is_own ? r.scheme : b.scheme;
    struct slice authority = is_host ? r.authority : b.authority;
    struct slice query = is_host || r.path.len > 0 || r.query.at != NULL ? r.query : b.query;
    if (scheme.at != NULL) {
        buf_add_slice(out, scheme);
        buf_add_byte(out, ':');
    }
    if (authority.at != NULL) {
        buf_add_text(out, "//");
        buf_add_slice(out, authority);
    }
    if (is_host || (r.path.len > 0 && r.path.at[0] == '/'))
        add_path(r.path, out);
    else if (r.path.len > 0)
        merge_paths(&b, &r, out);
    else
        buf_add_slice(out, b.path);
    if (query.at != NULL) {
        buf_add_byte(out, '?');
        buf_add_slice(out, query);
    }
}
