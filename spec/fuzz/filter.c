/* Any JSON as a filter of both forms, over any message: it is refused with a reason, or it answers,
 * the same way for a filter that is equal. The input: the filter on the first line, then the
 * message. */
#include "base/memory.h"
#include "rule/filter.h"
#include "wire/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool is_json(struct slice text)
{
    struct json_fault fault;
    return json_check(text, &JSON_LIMITS_DEFAULT, &fault);
}

static void ask(const struct filter *filter, const struct filter *same,
                const struct filter_field *fields, unsigned count, struct slice message)
{
    struct slice texts[FILTER_FIELDS_MAX];
    struct buf bytes = {0};
    buf_reserve(&bytes, message.len);
    const char *before = bytes.at;
    filter_read(fields, count, message, texts, &bytes);
    ensure(bytes.at == before);
    ensure(filter_passes(filter, texts) == filter_passes(same, texts));
    buf_finish(&bytes);
}

static void judge(enum filter_form form, struct slice json, const struct filter_field *fields,
                  unsigned count, struct slice message)
{
    struct error err = {0};
    struct filter_source source = {form, json};
    struct filter *filter = filter_compile(&source, fields, count, &err);
    ensure((filter == NULL) == (err.text[0] != '\0'));
    if (filter == NULL)
        return;
    struct filter_source again = filter_source(filter);
    struct filter *same = filter_compile(&again, fields, count, &err);
    ensure(same != NULL && filter_is_equal(filter, same));
    ask(filter, same, fields, count, message);
    filter_destroy(filter);
    filter_destroy(same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const names[] = {"a", "b", "a.b", "name"};
    struct filter_field fields[4];
    struct error err;
    const char *end = len > 0 ? memchr(data, '\n', len) : NULL;
    size_t first = end != NULL ? (size_t)(end - (const char *)data) : len;
    size_t second = len - first - (end != NULL);
    char *json = xmalloc(first + !first), *message = xmalloc(second + !second);
    memcpy(json, data, first);
    if (second > 0)
        memcpy(message, end + 1, second);
    for (unsigned i = 0; i < 4; i++)
        ensure(filter_field_init(&fields[i], slice_of(names[i]), &err));
    if (is_json(slice_make(json, first)) && is_json(slice_make(message, second))) {
        judge(FILTER_BY_FIELDS, slice_make(json, first), fields, 4, slice_make(message, second));
        judge(FILTER_BY_TAGS, slice_make(json, first), fields, 4, slice_make(message, second));
    }
    for (unsigned i = 0; i < 4; i++)
        filter_field_finish(&fields[i]);
    free(json);
    free(message);
    return 0;
}
