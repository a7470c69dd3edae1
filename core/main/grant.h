/* What a token of ours says, for trying things: who somebody is, until when. */
#ifndef MAIN_GRANT_H
#define MAIN_GRANT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct grant {
    struct slice user, roles;  /* UTF-8; roles: comma-separated, or absent */
    struct slice claims, info; /* checked JSON, claims an object; absent: none */
    int64_t now_s, lifetime_s; /* 0: for ever */
};

/* Appends a token signed with the server's secret. */
void grant_sign(struct buf *token, const struct grant *grant, struct slice secret);

#endif
