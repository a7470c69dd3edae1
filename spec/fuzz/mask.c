/* Any paths over any JSON: what is left is JSON, holds nothing more that the mask would hide, and
 * no member of a name that is dropped. The input: a path to drop, one to keep (or an empty line),
 * then the text. */
#include "base/memory.h"
#include "rule/mask.h"
#include "wire/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct slice next_line(struct slice *rest)
{
    const char *end = rest->len > 0 ? memchr(rest->at, '\n', rest->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - rest->at) : rest->len;
    struct slice line = slice_make(rest->at, len);
    *rest = slice_make(rest->at + len + (end != NULL), rest->len - len - (end != NULL));
    return line;
}

static void check_left(const struct mask *mask, struct slice left, struct slice dropped)
{
    struct json_fault fault;
    struct slice value;
    struct buf again = {0};
    ensure(json_check(left, &JSON_LIMITS_DEFAULT, &fault));
    ensure(mask_apply(mask, left, &again) && slice_is_equal(left, buf_slice(&again)));
    buf_finish(&again);
    char *name = xslicedup(dropped);
    if (strpbrk(name, ".\\") == NULL)
        ensure(!json_find(left, name, &value));
    free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct error err;
    struct json_fault fault;
    char *exact = xmalloc(len + 1);
    memcpy(exact, data, len);
    struct slice rest = slice_make(exact, len), drop = next_line(&rest), keep = next_line(&rest);
    char *text = xmalloc(rest.len + 1);
    memcpy(text, rest.at, rest.len);
    text = xrealloc(text, rest.len > 0 ? rest.len : 1);
    struct mask *mask = mask_create();
    struct buf out = {0};
    if (mask_add(mask, MASK_DROP, drop, &err) &&
        (keep.len == 0 || mask_add(mask, MASK_KEEP, keep, &err)) &&
        json_check(slice_make(text, rest.len), &JSON_LIMITS_DEFAULT, &fault) &&
        mask_apply(mask, slice_make(text, rest.len), &out))
        check_left(mask, buf_slice(&out), drop);
    buf_finish(&out);
    mask_destroy(mask);
    free(text);
    free(exact);
    return 0;
}
