/* Any bytes as a schema and as a value. The input's first line is a schema: when it is none, it is
 * refused with a reason and one of ours takes its place. The value is the rest. Checking answers
 * the same with and without a fault asked for, the fault is whole text, and the words of a shape
 * never make a schema that does not load. */
#include "base/memory.h"
#include "base/utf8.h"
#include "rule/schema.h"
#include "rule/shape.h"
#include "wire/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const ours[] = {
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"id\",\"text\"],"
    "\"properties\":{"
    "\"id\":{\"type\":\"integer\",\"minimum\":1},\"text\":{\"type\":\"string\",\"minLength\":1,"
    "\"maxLength\":20},\"side\":{\"enum\":[\"buy\",\"sell\",{\"a\":[1]}]},\"price\":{"
    "\"multipleOf\":0.01},"
    "\"mail\":{\"format\":\"email\"},\"at\":{\"format\":\"date-time\"},\"uri\":{\"format\":\"uri\"}"
    ","
    "\"ip\":{\"anyOf\":[{\"format\":\"ipv4\"},{\"format\":\"ipv6\"}]},\"re\":{\"format\":\"regex\"}"
    ","
    "\"d\":{\"format\":\"duration\"},\"t\":{\"format\":\"uri-template\"},\"p\":{\"pattern\":\"^(a|"
    "b)*c$\"},"
    "\"l\":{\"items\":{\"type\":\"number\"},\"uniqueItems\":true,\"contains\":{"
    "\"exclusiveMaximum\":5}}}}",
    "{\"$defs\":{\"n\":{\"$anchor\":\"n\",\"properties\":{\"v\":{\"type\":\"integer\"},\"s\":{\"$"
    "ref\":"
    "\"#n\"}},\"unevaluatedProperties\":false}},\"oneOf\":[{\"$ref\":\"#/$defs/"
    "n\"},{\"type\":\"array\","
    "\"prefixItems\":[true,{\"not\":{\"const\":1.50}}],\"unevaluatedItems\":{\"$ref\":\"#\"}}],"
    "\"patternProperties\":{\"^x\":{\"if\":{\"type\":\"string\"},\"then\":{\"maxLength\":3},"
    "\"else\":"
    "{\"maximum\":1e20}}},\"propertyNames\":{\"pattern\":\"^\\\\w+$\"},\"dependentRequired\":{"
    "\"v\":[\"s\"]}}",
    "{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}",
};

static void judge(const struct schema *schema, struct slice value)
{
    struct schema_fault fault;
    struct buf text = {0};
    bool fits = schema_check(schema, value, &fault);
    ensure(schema_check(schema, value, NULL) == fits);
    if (!fits) {
        schema_explain(&fault, &text);
        ensure(text.len > 0 && utf8_is_valid(buf_slice(&text)));
    }
    buf_finish(&text);
}

static void judge_shape(struct slice text)
{
    struct buf out = {0};
    struct error err = {0};
    bool is_optional;
    if (shape_field(text, &out, &is_optional, &err)) {
        struct schema *schema = schema_compile(buf_slice(&out), NULL, &err);
        /* What a pattern says is the author's, all else is ours. */
        ensure(schema != NULL || memchr(text.at, '/', text.len) != NULL);
        schema_destroy(schema);
    } else {
        ensure(out.len == 0 && err.text[0] != '\0');
    }
    buf_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    /* A copy of exactly this size, so that reading past its end is seen. */
    char *copy = xmalloc(len + 1);
    if (len > 0)
        memcpy(copy, data, len);
    const char *end = len > 0 ? memchr(copy, '\n', len) : NULL;
    size_t first = end != NULL ? (size_t)(end - copy) : len, passed = first + (end != NULL);
    char *rest = xmalloc(len - passed + 1);
    memcpy(rest, copy + passed, len - passed);
    struct slice value = slice_make(rest, len - passed);
    struct schema_options lax = {.is_strict = len % 2, .asserts_formats = true};
    struct error err = {0};
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    judge_shape(slice_make(copy, first));
    struct schema *schema = schema_compile(slice_make(copy, first), &lax, &err);
    ensure((schema == NULL) == (err.text[0] != '\0'));
    if (schema == NULL)
        schema = schema_compile(slice_of(ours[first % 3]), NULL, &err);
    ensure(schema != NULL);
    if (json_check(value, &limits, NULL))
        judge(schema, value);
    schema_destroy(schema);
    free(copy);
    free(rest);
    return 0;
}
