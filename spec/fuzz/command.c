/* dialect/command under random bytes: whatever is accepted lies inside the line or the scratch
 * buffer. */
#include "base/memory.h"
#include "base/utf8.h"
#include "dialect/command.h"
#include "wire/json.h"

#include <stdlib.h>

static bool lies_in(struct slice part, const char *at, size_t len)
{
    return part.at >= at && part.at <= at + len && part.len <= (size_t)(at + len - part.at);
}

static void check_text(struct slice text, struct slice line, const struct buf *scratch)
{
    ensure(text.at != NULL);
    ensure(text.len == 0 || lies_in(text, line.at, line.len) ||
           lies_in(text, scratch->at, scratch->len));
    ensure(utf8_is_valid(text));
}

static void check_command(const struct command *command, struct slice line,
                          const struct buf *scratch)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    ensure(command->kind >= 0 && command->kind <= COMMAND_NONE);
    check_text(command->channel, line, scratch);
    check_text(command->token, line, scratch);
    check_text(command->method, line, scratch);
    ensure(command->data.at == NULL || lies_in(command->data, line.at, line.len));
    ensure(command->data.at == NULL || json_check(command->data, &limits, NULL));
    ensure(command->has_delta || !command->is_delta_known);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf scratch = {0};
    struct command command;
    struct error err;
    char *exact = xmalloc(size ? size : 1);
    if (size > 0)
        memcpy(exact, data, size);
    /* Twice with one scratch buffer, as the lines of one message are. */
    for (int i = 0; i < 2; i++)
        if (command_parse(slice_make(exact, size), &scratch, &command, &err))
            check_command(&command, slice_make(exact, size), &scratch);
    buf_finish(&scratch);
    free(exact);
    return 0;
}
