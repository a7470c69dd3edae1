/* The schema of schemas, and what a schema's own $schema says of its keywords. */
#include "rule/schema_inside.h"

#define ADDRESS "https://json-schema.org/draft/2020-12/"

/* In our words and flat: the public one is in seven parts, one for each vocabulary. */
static const char metaschema[] =
    "{\"$id\":\"" ADDRESS "schema\",\"$dynamicAnchor\":\"meta\",\"type\":[\"object\",\"boolean\"],"
    "\"$defs\":{"
    "\"schemas\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"$dynamicRef\":\"#meta\"}},"
    "\"named\":{\"type\":\"object\",\"additionalProperties\":{\"$dynamicRef\":\"#meta\"}},"
    "\"names\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"uniqueItems\":true},"
    "\"count\":{\"type\":\"integer\",\"minimum\":0},"
    "\"reference\":{\"type\":\"string\",\"format\":\"uri-reference\"},"
    "\"anchor\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z_][-A-Za-z0-9._]*$\"},"
    "\"kind\":{\"enum\":[\"null\",\"boolean\",\"object\",\"array\",\"number\",\"string\","
    "\"integer\"]}},"
    "\"properties\":{"
    "\"$id\":{\"$ref\":\"#/$defs/reference\",\"pattern\":\"^[^#]*#?$\"},"
    "\"$schema\":{\"type\":\"string\",\"format\":\"uri\"},"
    "\"$ref\":{\"$ref\":\"#/$defs/reference\"},\"$dynamicRef\":{\"$ref\":\"#/$defs/reference\"},"
    "\"$anchor\":{\"$ref\":\"#/$defs/anchor\"},\"$dynamicAnchor\":{\"$ref\":\"#/$defs/anchor\"},"
    "\"$vocabulary\":{\"type\":\"object\",\"propertyNames\":{\"type\":\"string\",\"format\":"
    "\"uri\"},"
    "\"additionalProperties\":{\"type\":\"boolean\"}},"
    "\"$comment\":{\"type\":\"string\"},\"$defs\":{\"$ref\":\"#/$defs/named\"},"
    "\"definitions\":{\"$ref\":\"#/$defs/named\"},"
    "\"prefixItems\":{\"$ref\":\"#/$defs/schemas\"},\"items\":{\"$dynamicRef\":\"#meta\"},"
    "\"contains\":{\"$dynamicRef\":\"#meta\"},\"additionalProperties\":{\"$dynamicRef\":\"#meta\"},"
    "\"properties\":{\"$ref\":\"#/$defs/named\"},"
    "\"patternProperties\":{\"$ref\":\"#/$defs/named\",\"propertyNames\":{\"format\":\"regex\"}},"
    "\"dependentSchemas\":{\"$ref\":\"#/$defs/"
    "named\"},\"propertyNames\":{\"$dynamicRef\":\"#meta\"},"
    "\"if\":{\"$dynamicRef\":\"#meta\"},\"then\":{\"$dynamicRef\":\"#meta\"},"
    "\"else\":{\"$dynamicRef\":\"#meta\"},\"not\":{\"$dynamicRef\":\"#meta\"},"
    "\"allOf\":{\"$ref\":\"#/$defs/schemas\"},\"anyOf\":{\"$ref\":\"#/$defs/schemas\"},"
    "\"oneOf\":{\"$ref\":\"#/$defs/schemas\"},\"unevaluatedItems\":{\"$dynamicRef\":\"#meta\"},"
    "\"unevaluatedProperties\":{\"$dynamicRef\":\"#meta\"},"
    "\"type\":{\"anyOf\":[{\"$ref\":\"#/$defs/kind\"},{\"type\":\"array\",\"minItems\":1,"
    "\"uniqueItems\":true,\"items\":{\"$ref\":\"#/$defs/kind\"}}]},"
    "\"const\":true,\"enum\":{\"type\":\"array\"},"
    "\"multipleOf\":{\"type\":\"number\",\"exclusiveMinimum\":0},"
    "\"maximum\":{\"type\":\"number\"},\"exclusiveMaximum\":{\"type\":\"number\"},"
    "\"minimum\":{\"type\":\"number\"},\"exclusiveMinimum\":{\"type\":\"number\"},"
    "\"maxLength\":{\"$ref\":\"#/$defs/count\"},\"minLength\":{\"$ref\":\"#/$defs/count\"},"
    "\"pattern\":{\"type\":\"string\",\"format\":\"regex\"},"
    "\"maxItems\":{\"$ref\":\"#/$defs/count\"},\"minItems\":{\"$ref\":\"#/$defs/count\"},"
    "\"uniqueItems\":{\"type\":\"boolean\"},"
    "\"maxContains\":{\"$ref\":\"#/$defs/count\"},\"minContains\":{\"$ref\":\"#/$defs/count\"},"
    "\"maxProperties\":{\"$ref\":\"#/$defs/count\"},\"minProperties\":{\"$ref\":\"#/$defs/count\"},"
    "\"required\":{\"$ref\":\"#/$defs/names\"},"
    "\"dependentRequired\":{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/$defs/"
    "names\"}},"
    "\"title\":{\"type\":\"string\"},\"description\":{\"type\":\"string\"},\"default\":true,"
    "\"deprecated\":{\"type\":\"boolean\"},\"readOnly\":{\"type\":\"boolean\"},"
    "\"writeOnly\":{\"type\":\"boolean\"},\"examples\":{\"type\":\"array\"},"
    "\"format\":{\"type\":\"string\"},\"contentEncoding\":{\"type\":\"string\"},"
    "\"contentMediaType\":{\"type\":\"string\"},\"contentSchema\":{\"$dynamicRef\":\"#meta\"}}}";

bool find_document(const struct compiler *c, struct slice uri, struct schema_document *out)
{
    for (unsigned i = 0; i < c->options->document_count; i++) {
        *out = c->options->documents[i];
        if (slice_is_equal(out->uri, uri))
            return true;
    }
    *out = (struct schema_document){SLICE(ADDRESS "schema"), {metaschema, sizeof metaschema - 1}};
    return slice_is_equal(out->uri, uri);
}

/* A schema of schemas that says which vocabularies it has: without that of validation, such
 * keywords mean nothing. */
static void read_vocabulary(struct compiler *c, struct slice text)
{
    const struct json_limits limits = {.depth = SCHEMA_DEPTH_MAX, .keys = 65536};
    struct slice vocabulary, needed;
    if (!json_check(text, &limits, NULL) || !json_find(text, "$vocabulary", &vocabulary))
        return;
    c->has_no_validation = !json_find(vocabulary, ADDRESS "vocab/validation", &needed);
    c->asserts_formats |= json_find(vocabulary, ADDRESS "vocab/format-assertion", &needed);
}

bool read_dialect(struct compiler *c, const struct source *source)
{
    const struct tape *tape = &source->tape;
    struct schema_document document;
    uint32_t item = tape_kind(tape, 0) == JSON_OBJECT ? tape_find(tape, 0, SLICE("$schema")) : 0;
    if (item == 0)
        return true;
    if (tape_kind(tape, item) != JSON_STRING)
        return schema_wrong(c, source, item, "must be a string: an address");
    struct buf scratch = {0};
    struct slice name = tape_text(tape, item, &scratch);
    if (name.len > 0 && name.at[name.len - 1] == '#')
        name.len--;
    bool is_known = find_document(c, name, &document);
    if (is_known)
        read_vocabulary(c, document.text);
    else if (c->options->is_strict)
        schema_wrong(c, source, item, "must be \"%sschema\"; other drafts are not supported",
                     ADDRESS);
    buf_finish(&scratch);
    return is_known || !c->options->is_strict;
}
