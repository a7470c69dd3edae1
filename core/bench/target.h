/* Where a load goes: a URL as a person writes it. */
#ifndef BENCH_TARGET_H
#define BENCH_TARGET_H

#include "base/error.h"
#include "config/address.h"

enum { TARGET_PATH_MAX = 512 };

struct target {
    struct address address;
    char path[TARGET_PATH_MAX]; /* with its query; "" when the URL has none */
    bool is_tls;
    bool is_http;  /* http:// or https:// */
    bool is_plain; /* tcp://, no HTTP at all */
};

/* Takes [SCHEME://]HOST:PORT[/PATH]; the scheme is ws where none is, or wss, http, https, tcp.
 * False and err: what is wrong, and how to write it. */
bool target_parse(const char *text, struct target *target, struct error *err);

/* The text with every {name} replaced; false when it does not fit into `room` bytes with its NUL.
 */
struct placeholder {
    const char *name; /* "channel" */
    struct slice value;
};
bool target_expand(char *out, size_t room, struct slice text, const struct placeholder *all,
                   unsigned count) MUST_USE;

#endif
