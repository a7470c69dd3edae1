#include "dialect/emulation.h"

#include "wire/json.h"

static bool read_text(struct slice value, struct buf *scratch, struct slice *text)
{
    if (json_kind(value) != JSON_STRING)
        return false;
    if (json_plain(value, text))
        return true;
    size_t from = scratch->len;
    json_unquote(scratch, value); /* cannot move: room for the whole body was reserved */
    *text = slice_make(scratch->at + from, scratch->len - from);
    return true;
}

static struct slice *field_of(struct emulation *emulation, struct slice key)
{
    return json_key_is(key, "session") ? &emulation->session
           : json_key_is(key, "node")  ? &emulation->node
           : json_key_is(key, "data")  ? &emulation->commands
                                       : NULL;
}

bool emulation_parse(struct slice body, struct buf *scratch, struct emulation *emulation)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct json_fault fault;
    struct json_walk walk;
    struct slice key, value;
    *emulation = (struct emulation){0};
    if (!json_check(body, &limits, &fault) || json_kind(body) != JSON_OBJECT)
        return false;
    buf_clear(scratch);
    buf_reserve(scratch, body.len);
    json_walk_init(&walk, body);
    while (json_walk_member(&walk, &key, &value)) {
        struct slice *text = field_of(emulation, key);
        if (text != NULL && !read_text(value, scratch, text))
            return false;
    }
    return emulation->session.at != NULL && emulation->node.at != NULL &&
           emulation->commands.at != NULL;
}
