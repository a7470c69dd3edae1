#include "rule/mask.h"

#include <stdlib.h>

#include "base/memory.h"
#include "rule/path.h"
#include "wire/json.h"

/* One name of a path; paths that begin alike share their nodes. */
struct node {
    struct node *first, *next; /* child and sibling; owned */
    bool is_dropped, is_kept;  /* a path ends here */
    size_t len;
    char name[]; /* NUL-terminated */
};

struct mask {
    struct node *root; /* has no name */
    unsigned count;    /* of paths */
    bool keeps_paths;  /* alone: there is a MASK_KEEP */
};

/* ---- making ---- */

static struct node *create_node(const char *name, size_t len)
{
    struct node *node = xcalloc(1, sizeof *node + len + 1);
    memcpy(node->name, name, len);
    node->len = len;
    return node;
}

static void destroy_node(struct node *node)
{
    for (struct node *child = node->first, *next; child != NULL; child = next) {
        next = child->next;
        destroy_node(child);
    }
    free(node);
}

struct mask *mask_create(void)
{
    struct mask *mask = xcalloc(1, sizeof *mask);
    mask->root = create_node("", 0);
    return mask;
}

void mask_destroy(struct mask *mask)
{
    if (mask == NULL)
        return;
    destroy_node(mask->root);
    free(mask);
}

static struct node *enter(struct node *parent, struct slice name)
{
    struct node **link = &parent->first;
    while (*link != NULL && !slice_is_equal(slice_make((*link)->name, (*link)->len), name))
        link = &(*link)->next;
    if (*link == NULL)
        *link = create_node(name.at, name.len);
    return *link;
}

bool mask_add(struct mask *mask, enum mask_side side, struct slice path, struct error *err)
{
    if (mask->count == MASK_PATHS_MAX)
        return fail(err, ERROR_SCRIPT, "more than %d paths", MASK_PATHS_MAX);
    struct path names;
    if (!path_parse(&names, path, err))
        return false;
    struct node *node = mask->root;
    const char *name = names.names;
    for (unsigned i = 0; i < names.count; i++, name += strlen(name) + 1)
        node = enter(node, slice_of(name));
    path_finish(&names);
    node->is_dropped |= side == MASK_DROP;
    node->is_kept |= side == MASK_KEEP;
    mask->keeps_paths |= side == MASK_KEEP;
    mask->count++;
    return true;
}

/* ---- cutting: one pass over the text ---- */

struct cutter {
    struct json_walk text;
    struct buf *out;
};

/* Where in the paths a value is, and what becomes of what no further name says. */
struct place {
    const struct node *node; /* NULL: no path leads on from here */
    bool is_kept;
    bool is_dropped;
};

static const struct node *find(const struct node *parent, struct slice key)
{
    struct slice plain;
    bool is_plain = json_plain(key, &plain);
    const struct node *child = parent->first;
    while (child != NULL && !(is_plain ? slice_is_equal(plain, slice_make(child->name, child->len))
                                       : json_key_is(key, child->name)))
        child = child->next;
    return child;
}

static struct place go_to(struct place from, struct slice key)
{
    const struct node *child = find(from.node, key);
    if (child == NULL)
        return (struct place){NULL, from.is_kept, false};
    return (struct place){child->first != NULL ? child : NULL, from.is_kept || child->is_kept,
                          child->is_dropped};
}

static bool is_container(const struct cutter *cutter)
{
    enum json_kind kind =
        json_kind(slice_make(cutter->text.at, (size_t)(cutter->text.end - cutter->text.at)));
    return kind == JSON_ARRAY || kind == JSON_OBJECT;
}

/* The next value is looked into: some of it may go and some stay. */
static bool is_mixed(const struct cutter *cutter, struct place place)
{
    return place.node != NULL && !place.is_dropped && is_container(cutter);
}

static void put_container(struct cutter *cutter, struct place place);

/* The next value, with what has to stand before it; or it is passed over. `is_first` tells whether
 * a comma has to, and becomes false when something was put. */
static void put_value(struct cutter *cutter, struct place place, struct slice key, bool *is_first)
{
    struct slice value;
    bool mixed = is_mixed(cutter, place);
    if (!mixed && (place.is_dropped || !place.is_kept)) {
        json_walk_item(&cutter->text, &value);
        return;
    }
    if (!*is_first)
        buf_add_byte(cutter->out, ',');
    *is_first = false;
    if (key.at != NULL) {
        buf_add_slice(cutter->out, key);
        buf_add_byte(cutter->out, ':');
    }
    if (mixed) {
        put_container(cutter, place);
    } else {
        json_walk_item(&cutter->text, &value);
        buf_add_slice(cutter->out, value);
    }
}

static bool is_at_end(struct cutter *cutter)
{
    struct json_walk ahead = cutter->text;
    struct slice token;
    if (json_read(&ahead, &token) && *token.at != ']' && *token.at != '}')
        return false;
    cutter->text = ahead;
    return true;
}

/* As deep as the text is nested, and json_check has seen to that. */
static void put_container(struct cutter *cutter, struct place place)
{
    struct slice open, key = {NULL, 0};
    bool is_first = true;
    json_read(&cutter->text, &open);
    bool is_object = *open.at == '{';
    buf_add_byte(cutter->out, *open.at);
    while (!is_at_end(cutter)) {
        if (is_object)
            json_walk_item(&cutter->text, &key);
        put_value(cutter, is_object ? go_to(place, key) : place, key, &is_first);
    }
    buf_add_byte(cutter->out, is_object ? '}' : ']');
}

bool mask_apply(const struct mask *mask, struct slice text, struct buf *out)
{
    struct slice whole = json_trim(text);
    struct cutter cutter = {{whole.at, whole.at + whole.len}, out};
    struct place place = {mask->root, !mask->keeps_paths, false};
    bool is_first = true;
    size_t before = out->len;
    buf_reserve(out, whole.len);
    put_value(&cutter, place, slice_make(NULL, 0), &is_first);
    return out->len > before;
}
