#include "rule/schema.h"
#include "rule/schema_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

bool schema_wrong(struct compiler *c, const struct source *source, uint32_t item,
                  const char *format, ...)
{
    struct buf where = {0};
    char what[512];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (source->uri.len > 0)
        buf_printf(&where, "%.*s#", SLICE_ARGS(source->uri));
    tape_pointer(&source->tape, item, &where);
    fail(c->err, ERROR_SCRIPT, "%s: %s", where.len > 0 ? buf_text(&where) : "the schema", what);
    buf_finish(&where);
    return false;
}

/* ---- sources ---- */

static bool check_text(struct compiler *c, struct slice uri, struct slice text)
{
    const struct json_limits limits = {.depth = SCHEMA_DEPTH_MAX, .keys = 65536};
    struct json_fault fault;
    const char *whose = uri.len > 0 ? uri.at : "the schema";
    int len = uri.len > 0 ? (int)uri.len : (int)strlen(whose);
    if (text.len > SCHEMA_LENGTH_MAX)
        return fail(c->err, ERROR_SCRIPT, "%.*s is longer than %d bytes", len, whose,
                    SCHEMA_LENGTH_MAX);
    if (!json_check(text, &limits, &fault))
        return fail(c->err, ERROR_SCRIPT, "%.*s is not JSON: %s (byte %zu)", len, whose, fault.why,
                    fault.at + 1);
    return true;
}

struct source *source_create(struct compiler *c, struct slice uri, struct slice text)
{
    struct schema *schema = c->schema;
    if (!check_text(c, uri, text))
        return NULL;
    struct source *source = xcalloc(1, sizeof *source);
    source->uri = uri;
    source->text = xslicedup(text);
    tape_init(&source->tape, NULL, 0);
    tape_read(&source->tape, slice_make(source->text, text.len));
    source->compiled = xcalloc(source->tape.count, sizeof *source->compiled);
    schema->sources = xrealloc(schema->sources, (schema->source_count + 1) * sizeof(void *));
    schema->sources[schema->source_count++] = source;
    return source;
}

static void source_destroy(struct source *source)
{
    tape_finish(&source->tape);
    free(source->compiled);
    free(source->text);
    free(source);
}

/* ---- subschemas ---- */

static struct subschema *add_subschema(struct schema *schema, struct source *source, uint32_t item)
{
    uint32_t n = schema->subschema_count;
    if ((n & (n - 1)) == 0) /* full at every power of two */
        schema->subschemas = xrealloc(schema->subschemas, (n ? n * 2 : 1) * sizeof(void *));
    struct subschema *s = xcalloc(1, sizeof *s);
    s->source = source;
    s->item = item;
    schema->subschemas[schema->subschema_count++] = s;
    source->compiled[item] = s;
    return s;
}

const struct subschema *compile_subschema(struct compiler *c, struct source *source, uint32_t item,
                                          const struct resource *resource)
{
    if (source->compiled[item] != NULL)
        return source->compiled[item];
    enum json_kind kind = tape_kind(&source->tape, item);
    if (kind != JSON_OBJECT && kind != JSON_TRUE && kind != JSON_FALSE) {
        schema_wrong(c, source, item, "a schema is an object, true or false, not %s",
                     json_kind_name(kind));
        return NULL;
    }
    struct subschema *s = add_subschema(c->schema, source, item);
    s->is_false = kind == JSON_FALSE;
    s->resource = resource;
    if (kind != JSON_OBJECT)
        return s;
    s->resource = compile_identity(c, s, source, resource);
    return s->resource != NULL && compile_keywords(c, s, source) ? s : NULL;
}

static void subschema_destroy(struct subschema *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        constraint_finish(&s->list[i]);
    free(s->list);
    free(s);
}

/* ---- the whole ---- */

static bool compile(struct compiler *c, struct slice json)
{
    struct source *source = source_create(c, slice_make(NULL, 0), json);
    if (source == NULL || !read_dialect(c, source))
        return false;
    struct resource *resource = add_resource(c, SLICE(""), source, 0);
    c->schema->root = compile_subschema(c, source, 0, resource);
    return c->schema->root != NULL && resolve_references(c) && check_circles(c);
}

struct schema *schema_compile(struct slice json, const struct schema_options *options,
                              struct error *err)
{
    struct schema_options usual = SCHEMA_OPTIONS_DEFAULT;
    struct compiler c = {.schema = xcalloc(1, sizeof(struct schema)),
                         .options = options != NULL ? options : &usual,
                         .err = err};
    c.asserts_formats = c.options->asserts_formats;
    bool is_good = compile(&c, json);
    free(c.pending);
    if (is_good)
        return c.schema;
    schema_destroy(c.schema);
    return NULL;
}

void schema_destroy(struct schema *schema)
{
    if (schema == NULL)
        return;
    for (uint32_t i = 0; i < schema->subschema_count; i++)
        subschema_destroy(schema->subschemas[i]);
    for (uint32_t i = 0; i < schema->source_count; i++)
        source_destroy(schema->sources[i]);
    for (uint32_t i = 0; i < schema->resource_count; i++) {
        free(schema->resources[i]->uri);
        free(schema->resources[i]);
    }
    for (uint32_t i = 0; i < schema->anchor_count; i++)
        free(schema->anchors[i].name);
    free(schema->subschemas);
    free(schema->sources);
    free(schema->resources);
    free(schema->anchors);
    free(schema);
}
