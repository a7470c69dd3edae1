/* One command of a Centrifuge JSON client: bytes in, a verb and its fields out. */
#ifndef DIALECT_COMMAND_H
#define DIALECT_COMMAND_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <stdint.h>

/* In the order in which a command with several requests chooses one. */
enum command_kind {
    COMMAND_CONNECT,
    COMMAND_SUBSCRIBE,
    COMMAND_UNSUBSCRIBE,
    COMMAND_PUBLISH,
    COMMAND_PRESENCE,
    COMMAND_PRESENCE_STATS,
    COMMAND_HISTORY,
    COMMAND_RPC,
    COMMAND_SEND,
    COMMAND_REFRESH,
    COMMAND_SUB_REFRESH,
    COMMAND_NONE, /* no request: a pong when the id is 0 */
    COMMAND_KIND_COUNT
};

/* Slices point into the line, or into `scratch` where a text had escapes. Texts are decoded; data is raw
 * checked JSON, absent when not sent. */
struct command {
    enum command_kind kind;
    uint32_t id;
    struct slice channel, token, method; /* "" when not sent */
    struct slice data;
    bool has_delta;             /* subscribe asks for "delta" */
    struct slice tags_filter;   /* "tf" and ... */
    struct slice filter;        /* ... "filter" of subscribe; raw checked JSON, absent when not sent */
    bool is_delta_known;        /* the delta is "fossil" */
    int64_t type;               /* subscribe: kind of subscription, 0 = stream */
    struct slice unknown;       /* the last name beside `id` that is no request's; a JSON string or absent */
};

/* "publish"; "" for COMMAND_NONE. */
const char *command_name(enum command_kind kind);

/* False: not a command (bad JSON, not an object, a field of the wrong kind); `err` says so in ERROR_BAD_REQUEST, and
 * command->id is there if it could be read. `scratch` is the caller's and holds decoded texts as long as the command is
 * used; this clears it first. Unknown fields are ignored. */
bool command_parse(struct slice line, struct buf *scratch, struct command *command, struct error *err);
/* Says of a command without a request what is wrong with it. Always false. */
bool command_fail_none(const struct command *command, struct error *err);

#endif
