/* dialect/emulation under random bytes: whatever is accepted lies inside the body or the scratch
 * buffer. */
#include "base/memory.h"
#include "base/utf8.h"
#include "dialect/emulation.h"

#include <stdlib.h>

static bool lies_in(struct slice part, const char *at, size_t len)
{
    return part.at >= at && part.at <= at + len && part.len <= (size_t)(at + len - part.at);
}

static void check_text(struct slice text, struct slice body, const struct buf *scratch)
{
    ensure(text.at != NULL);
    ensure(text.len == 0 || lies_in(text, body.at, body.len) ||
           lies_in(text, scratch->at, scratch->len));
    ensure(utf8_is_valid(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf scratch = {0};
    struct emulation emulation;
    char *exact = xmalloc(size ? size : 1);
    if (size > 0)
        memcpy(exact, data, size);
    struct slice body = slice_make(exact, size);
    if (emulation_parse(body, &scratch, &emulation)) {
        check_text(emulation.session, body, &scratch);
        check_text(emulation.node, body, &scratch);
        check_text(emulation.commands, body, &scratch);
    }
    buf_finish(&scratch);
    free(exact);
    return 0;
}
