/* Where schemas are: $id, anchors, and what references lead to. */
#include "rule/schema_inside.h"

#include <stdlib.h>

#include "base/hex.h"
#include "base/memory.h"
#include "rule/schema_uri.h"

struct resource *add_resource(struct compiler *c, struct slice uri, struct source *source,
                              uint32_t item)
{
    struct schema *schema = c->schema;
    struct resource *r = xcalloc(1, sizeof *r);
    r->uri = xslicedup(uri);
    r->source = source;
    r->item = item;
    schema->resources = xrealloc(schema->resources, (schema->resource_count + 1) * sizeof(void *));
    schema->resources[schema->resource_count++] = r;
    return r;
}

static const struct resource *find_resource(const struct schema *schema, struct slice uri)
{
    for (uint32_t i = 0; i < schema->resource_count; i++)
        if (slice_is(uri, schema->resources[i]->uri))
            return schema->resources[i];
    return NULL;
}

static const struct anchor *find_anchor(const struct schema *schema,
                                        const struct resource *resource, struct slice name)
{
    for (uint32_t i = 0; i < schema->anchor_count; i++)
        if (schema->anchors[i].resource == resource && slice_is(name, schema->anchors[i].name))
            return &schema->anchors[i];
    return NULL;
}

/* ---- $id and anchors ---- */

static const struct resource *compile_id(struct compiler *c, struct subschema *s,
                                         struct source *source, const struct resource *outer)
{
    const struct tape *tape = &source->tape;
    uint32_t item = tape_find(tape, s->item, SLICE("$id"));
    if (item == 0)
        return outer;
    struct buf scratch = {0}, uri = {0};
    struct slice address, fragment;
    if (tape_kind(tape, item) != JSON_STRING) {
        schema_wrong(c, source, item, "must be a string: an address");
        return NULL;
    }
    uri_split(tape_text(tape, item, &scratch), &address, &fragment);
    uri_resolve(slice_of(outer->uri), address, &uri);
    const struct resource *resource = find_resource(c->schema, buf_slice(&uri));
    if (fragment.len > 0) {
        schema_wrong(c, source, item, "an address has no fragment; $anchor names a place");
        resource = NULL;
    } else if (resource == NULL) {
        resource = add_resource(c, buf_slice(&uri), source, s->item);
    } else if (resource->source != source || resource->item != s->item) {
        schema_wrong(c, source, item, "another schema here has this address");
        resource = NULL;
    }
    buf_finish(&scratch);
    buf_finish(&uri);
    return resource;
}

static bool is_anchor_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i], lower = (char)(c | 0x20);
        bool begins = (lower >= 'a' && lower <= 'z') || c == '_';
        if (!begins && (i == 0 || !((c >= '0' && c <= '9') || c == '-' || c == '.')))
            return false;
    }
    return name.len > 0;
}

static bool add_anchor(struct compiler *c, const struct subschema *s, struct source *source,
                       struct slice keyword, bool is_dynamic)
{
    struct schema *schema = c->schema;
    uint32_t item = tape_find(&source->tape, s->item, keyword);
    if (item == 0)
        return true;
    struct buf scratch = {0};
    struct slice name = {NULL, 0};
    if (tape_kind(&source->tape, item) == JSON_STRING)
        name = tape_text(&source->tape, item, &scratch);
    bool is_name = is_anchor_name(name), is_free = find_anchor(schema, s->resource, name) == NULL;
    if (is_name && is_free) {
        schema->anchors =
            xrealloc(schema->anchors, (schema->anchor_count + 1) * sizeof *schema->anchors);
        schema->anchors[schema->anchor_count++] =
            (struct anchor){s->resource, xslicedup(name), is_dynamic, s};
    }
    buf_finish(&scratch);
    if (!is_name)
        return schema_wrong(c, source, item,
                            "must be a name: letters, digits, \"_\", \"-\" and \".\"");
    return is_free || schema_wrong(c, source, item, "another place in this schema has this name");
}

const struct resource *compile_identity(struct compiler *c, struct subschema *s,
                                        struct source *source, const struct resource *outer)
{
    s->resource = compile_id(c, s, source, outer);
    if (s->resource == NULL || !add_anchor(c, s, source, SLICE("$anchor"), false) ||
        !add_anchor(c, s, source, SLICE("$dynamicAnchor"), true))
        return NULL;
    return s->resource;
}

/* ---- references ---- */

/* A document may have been given under another address than its own $id. */
static const struct resource *own_resource(const struct resource *resource)
{
    const struct subschema *root = resource->source->compiled[resource->item];
    return root != NULL ? root->resource : resource;
}

/* The resource of that address, out of the documents given with the options if it is none of ours.
 */
static const struct resource *open_resource(struct compiler *c, struct slice uri)
{
    const struct resource *known = find_resource(c->schema, uri);
    if (known != NULL)
        return own_resource(known);
    struct schema_document document;
    if (!find_document(c, uri, &document))
        return NULL;
    struct source *source = source_create(c, document.uri, document.text);
    if (source == NULL)
        return NULL;
    const struct subschema *root = compile_subschema(c, source, 0, add_resource(c, uri, source, 0));
    return root != NULL ? root->resource : NULL;
}

static bool parse_index(struct slice text, uint32_t *index)
{
    if (text.len == 0 || text.len > 9 || (text.len > 1 && text.at[0] == '0'))
        return false;
    *index = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        *index = *index * 10 + (uint32_t)(text.at[i] - '0');
    }
    return true;
}

/* What is in a container under a token of a pointer; 0 when nothing is. */
static uint32_t enter(const struct tape *tape, uint32_t item, struct slice token)
{
    uint32_t index, at = item + 1;
    if (tape_kind(tape, item) == JSON_OBJECT)
        return tape_find(tape, item, token);
    if (tape_kind(tape, item) != JSON_ARRAY || !parse_index(token, &index) ||
        index >= tape->items[item].count)
        return 0;
    while (index-- > 0)
        at = tape->items[at].next;
    return at;
}

/* The next token of a pointer, which begins with a slash: ~1 is a slash and ~0 a tilde. */
static void next_token(struct slice *pointer, struct buf *token)
{
    size_t i = 1;
    buf_clear(token);
    buf_reserve(token, 1);
    for (; i < pointer->len && pointer->at[i] != '/'; i++) {
        bool is_escape = pointer->at[i] == '~' && i + 1 < pointer->len &&
                         (pointer->at[i + 1] == '0' || pointer->at[i + 1] == '1');
        buf_add_byte(token, !is_escape ? pointer->at[i] : pointer->at[++i] == '0' ? '~' : '/');
    }
    *pointer = slice_make(pointer->at + i, pointer->len - i);
}

/* A place that no keyword leads to belongs to the resource that the way there has led into. */
static const struct subschema *follow_pointer(struct compiler *c, const struct resource *resource,
                                              struct slice pointer)
{
    struct source *source = resource->source;
    struct buf token = {0};
    uint32_t item = resource->item;
    bool is_found = true;
    while (pointer.len > 0 && is_found) {
        next_token(&pointer, &token);
        uint32_t inside = enter(&source->tape, item, buf_slice(&token));
        is_found = inside != 0;
        item = inside;
        if (is_found && source->compiled[item] != NULL)
            resource = source->compiled[item]->resource;
    }
    buf_finish(&token);
    return is_found ? compile_subschema(c, source, item, resource) : NULL;
}

struct target {
    const struct subschema *schema;
    const struct anchor *anchor; /* the one that led there, or NULL */
};

static struct target follow_fragment(struct compiler *c, const struct resource *resource,
                                     struct slice fragment)
{
    struct buf decoded = {0};
    struct target target = {NULL, NULL};
    buf_reserve(&decoded, 1);
    percent_decode(fragment, &decoded);
    if (decoded.len == 0 || decoded.at[0] == '/') {
        target.schema = follow_pointer(c, resource, buf_slice(&decoded));
    } else {
        target.anchor = find_anchor(c->schema, resource, buf_slice(&decoded));
        target.schema = target.anchor != NULL ? target.anchor->schema : NULL;
    }
    buf_finish(&decoded);
    return target;
}

static bool resolve(struct compiler *c, const struct pending *p)
{
    const struct source *source = p->owner->source;
    struct buf scratch = {0}, uri = {0};
    struct slice text = tape_text(&source->tape, p->item, &scratch), address, fragment;
    struct target target = {NULL, NULL};
    uri_split(text, &address, &fragment);
    uri_resolve(slice_of(p->owner->resource->uri), address, &uri);
    if (c->err != NULL)
        c->err->text[0] = '\0';
    /* Within one resource there may be no address at all, so it is not looked up. */
    const struct resource *resource =
        address.len == 0 ? p->owner->resource : open_resource(c, buf_slice(&uri));
    if (resource != NULL)
        target = follow_fragment(c, resource, fragment);
    struct constraint *rule = &p->owner->list[p->constraint];
    rule->reference.target = target.schema;
    if (rule->keyword == KEYWORD_DYNAMIC_REF && target.anchor != NULL && target.anchor->is_dynamic)
        rule->reference.dynamic = target.anchor->name;
    bool is_said = c->err != NULL && c->err->text[0] != '\0'; /* by what was found there */
    if (resource == NULL && !is_said)
        schema_wrong(c, source, p->item,
                     "\"%.*s\" is not in this document, and no others are fetched",
                     SLICE_ARGS(text));
    else if (target.schema == NULL && !is_said)
        schema_wrong(c, source, p->item, "there is no \"%.*s\"", SLICE_ARGS(text));
    buf_finish(&scratch);
    buf_finish(&uri);
    return target.schema != NULL;
}

bool resolve_references(struct compiler *c)
{
    /* What a reference leads to may bring references of its own. */
    for (uint32_t i = 0; i < c->pending_count; i++) {
        struct pending pending = c->pending[i];
        if (!resolve(c, &pending))
            return false;
    }
    return true;
}

/* ---- circles ---- */

static void each_listed(const struct subschemas *list,
                        void (*visit)(void *, const struct subschema *), void *arg)
{
    for (uint32_t i = 0; i < list->count; i++)
        visit(arg, list->list[i]);
}

static void each_of_condition(const struct condition *condition,
                              void (*visit)(void *, const struct subschema *), void *arg)
{
    visit(arg, condition->when);
    if (condition->then != NULL)
        visit(arg, condition->then);
    if (condition->otherwise != NULL)
        visit(arg, condition->otherwise);
}

/* Calls back for each subschema that a constraint asks about the same value, but for what
 * $dynamicRef finds. */
static void each_in_place(const struct constraint *rule,
                          void (*visit)(void *, const struct subschema *), void *arg)
{
    switch (rule->keyword) {
    case KEYWORD_ALL_OF:
    case KEYWORD_ANY_OF:
    case KEYWORD_ONE_OF:
        each_listed(rule->list, visit, arg);
        return;
    case KEYWORD_NOT:
        visit(arg, rule->schema);
        return;
    case KEYWORD_IF:
        each_of_condition(&rule->condition, visit, arg);
        return;
    case KEYWORD_REF:
        visit(arg, rule->reference.target);
        return;
    case KEYWORD_DEPENDENT_SCHEMAS:
        for (uint32_t i = 0; i < rule->dependencies->count; i++)
            visit(arg, rule->dependencies->list[i].schema);
        return;
    default:
        return;
    }
}

enum { NOT_VISITED, VISITING, VISITED };

struct search {
    const struct subschema *found;
    unsigned depth;
    bool is_long; /* what was found is no circle, but too deep */
};

/* A reference that comes back to its own place without having gone into the value would never end.
 */
static void search_circle(void *arg, const struct subschema *at)
{
    struct search *search = arg;
    struct subschema *s = at->source->compiled[at->item];
    if (search->found != NULL || s->visit == VISITED)
        return;
    search->is_long = s->visit != VISITING && ++search->depth > SCHEMA_NESTED_MAX;
    if (s->visit == VISITING || search->is_long) {
        search->found = s;
        return;
    }
    s->visit = VISITING;
    for (uint32_t i = 0; i < s->count; i++)
        each_in_place(&s->list[i], search_circle, search);
    s->visit = VISITED;
    search->depth--;
}

bool check_circles(struct compiler *c)
{
    struct search search = {0};
    for (uint32_t i = 0; i < c->schema->subschema_count && search.found == NULL; i++)
        search_circle(&search, c->schema->subschemas[i]);
    if (search.found == NULL)
        return true;
    if (!search.is_long)
        return schema_wrong(c, search.found->source, search.found->item,
                            "refers to itself without going into the value, which would never end");
    return schema_wrong(c, search.found->source, search.found->item,
                        "is asked about a value by way of more than %d others, each by the one "
                        "before ($ref, allOf and so on): make that chain shorter",
                        SCHEMA_NESTED_MAX);
}
