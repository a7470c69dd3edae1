#include "dialect/command.h"

#include "base/suggest.h"
#include "wire/json.h"

enum { UNKNOWN_MAX = 40 }; /* bytes of a name that are told */

/* The last one is NULL for suggest. */
static const char *const kind_names[COMMAND_NONE + 1] = {
    [COMMAND_CONNECT] = "connect",
    [COMMAND_SUBSCRIBE] = "subscribe",
    [COMMAND_UNSUBSCRIBE] = "unsubscribe",
    [COMMAND_PUBLISH] = "publish",
    [COMMAND_PRESENCE] = "presence",
    [COMMAND_PRESENCE_STATS] = "presence_stats",
    [COMMAND_HISTORY] = "history",
    [COMMAND_RPC] = "rpc",
    [COMMAND_SEND] = "send",
    [COMMAND_REFRESH] = "refresh",
    [COMMAND_SUB_REFRESH] = "sub_refresh",
};

const char *command_name(enum command_kind kind)
{
    return kind == COMMAND_NONE ? "" : kind_names[kind];
}

struct reader {
    struct command *command;
    struct buf *scratch;
};

static bool read_text(struct reader *reader, struct slice value, struct slice *text)
{
    if (json_kind(value) == JSON_NULL)
        return true;
    if (json_kind(value) != JSON_STRING)
        return false;
    if (json_plain(value, text))
        return true;
    size_t from = reader->scratch->len;
    json_unquote(reader->scratch, value); /* cannot move: room for the whole line was reserved */
    *text = slice_make(reader->scratch->at + from, reader->scratch->len - from);
    return true;
}

static bool read_channel(struct reader *reader, struct slice value)
{
    return read_text(reader, value, &reader->command->channel);
}

static bool read_token(struct reader *reader, struct slice value)
{
    return read_text(reader, value, &reader->command->token);
}

static bool read_method(struct reader *reader, struct slice value)
{
    return read_text(reader, value, &reader->command->method);
}

static bool read_data(struct reader *reader, struct slice value)
{
    reader->command->data = value;
    return true;
}

static bool read_type(struct reader *reader, struct slice value)
{
    return json_integer(value, &reader->command->type);
}

static bool read_delta(struct reader *reader, struct slice value)
{
    struct slice delta = {0};
    if (!read_text(reader, value, &delta))
        return false;
    reader->command->has_delta = delta.len > 0;
    reader->command->is_delta_known = slice_is(delta, "fossil");
    return true;
}

static bool read_tags_filter(struct reader *reader, struct slice value)
{
    if (json_kind(value) != JSON_NULL)
        reader->command->tags_filter = value;
    return true;
}

static bool read_filter(struct reader *reader, struct slice value)
{
    if (json_kind(value) != JSON_NULL)
        reader->command->filter = value;
    return true;
}

static bool fail_kind(struct error *err, const char *name, const char *wanted, struct slice value)
{
    return fail(err, ERROR_BAD_REQUEST, "`%s` has to be %s (got %s)", name, wanted,
                json_kind_name(json_kind(value)));
}

static const struct {
    const char *name;
    bool (*read)(struct reader *reader, struct slice value);
    const char *wanted;
} fields[] = {
    {"channel", read_channel, "a text"}, {"data", read_data, "JSON"},
    {"token", read_token, "a text"},     {"method", read_method, "a text"},
    {"type", read_type, "a whole number"}, {"delta", read_delta, "a text"},
    {"tf", read_tags_filter, "JSON"},    {"filter", read_filter, "JSON"},
};

static bool read_field(struct reader *reader, struct slice key, struct slice value, struct error *err)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (json_key_is(key, fields[i].name))
            return fields[i].read(reader, value) || fail_kind(err, fields[i].name, fields[i].wanted, value);
    return true;
}

static bool read_request(struct reader *reader, struct slice request, struct error *err)
{
    struct json_walk walk;
    struct slice key, value;
    if (json_kind(request) != JSON_OBJECT)
        return fail_kind(err, command_name(reader->command->kind), "an object", request);
    json_walk_init(&walk, request);
    while (json_walk_member(&walk, &key, &value))
        if (!read_field(reader, key, value, err))
            return false;
    return true;
}

static bool read_id(struct slice value, uint32_t *id)
{
    uint64_t n;
    if (!json_unsigned(value, &n) || n > UINT32_MAX)
        return false;
    *id = (uint32_t)n;
    return true;
}

static enum command_kind kind_of(struct slice key)
{
    for (int kind = 0; kind < COMMAND_NONE; kind++)
        if (json_key_is(key, kind_names[kind]))
            return (enum command_kind)kind;
    return COMMAND_NONE;
}

/* Finds the id and the request that counts: the first kind in the list, wherever it stands in the line. */
static bool read_envelope(struct slice line, struct command *command, struct slice *request, struct error *err)
{
    struct json_walk walk;
    struct slice key, value;
    json_walk_init(&walk, line);
    while (json_walk_member(&walk, &key, &value)) {
        if (json_key_is(key, "id")) {
            if (!read_id(value, &command->id))
                return fail(err, ERROR_BAD_REQUEST, "`id` has to be a whole number from 0 to %u", UINT32_MAX);
            continue;
        }
        enum command_kind kind = kind_of(key);
        if (kind == COMMAND_NONE)
            command->unknown = key;
        if (kind < command->kind && json_kind(value) != JSON_NULL) {
            command->kind = kind;
            *request = value;
        }
    }
    return true;
}

bool command_fail_none(const struct command *command, struct error *err)
{
    if (command->unknown.at == NULL)
        return fail(err, ERROR_BAD_REQUEST, "it asks for nothing");
    struct slice name = slice_make(command->unknown.at + 1, command->unknown.len - 2);
    const char *near = suggest(name, kind_names);
    int len = name.len < UNKNOWN_MAX ? (int)name.len : UNKNOWN_MAX;
    if (near != NULL)
        return fail(err, ERROR_BAD_REQUEST, "unknown request `%.*s`: did you mean `%s`?", len, name.at, near);
    return fail(err, ERROR_BAD_REQUEST, "unknown request `%.*s`", len, name.at);
}

bool command_parse(struct slice line, struct buf *scratch, struct command *command, struct error *err)
{
    *command = (struct command){.kind = COMMAND_NONE, .channel = SLICE(""), .token = SLICE(""),
                                .method = SLICE("")};
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct json_fault fault;
    struct slice request;
    if (!json_check(line, &limits, &fault))
        return fail(err, ERROR_BAD_REQUEST, "it is not JSON: %s (byte %zu)", fault.why, fault.at);
    if (json_kind(line) != JSON_OBJECT)
        return fail(err, ERROR_BAD_REQUEST, "it has to be a JSON object (got %s)", json_kind_name(json_kind(line)));
    if (!read_envelope(line, command, &request, err))
        return false;
    if (command->kind == COMMAND_NONE)
        return true;
    buf_clear(scratch);
    if (memchr(line.at, '\\', line.len) != NULL)
        buf_reserve(scratch, line.len);
    return read_request(&(struct reader){command, scratch}, request, err);
}
