#include "hub/identity.h"

#include <stdlib.h>

#include "base/memory.h"

struct identity *identity_create(const struct identity_facts *facts)
{
    size_t bytes = facts->client.len + facts->user.len + facts->roles.len + facts->claims.len +
                   facts->info.len + facts->ip.len;
    struct identity *identity = xmalloc(sizeof *identity + bytes);
    char *at = identity->bytes;
    atomic_init(&identity->refs, 1);
    identity->facts = (struct identity_facts){
        .client = slice_pack(&at, facts->client),
        .user = slice_pack(&at, facts->user),
        .roles = slice_pack(&at, facts->roles),
        .claims = slice_pack(&at, facts->claims),
        .info = slice_pack(&at, facts->info),
        .ip = slice_pack(&at, facts->ip),
        .expires = facts->expires,
    };
    return identity;
}

struct identity *identity_ref(const struct identity *identity)
{
    struct identity *mine = (struct identity *)identity;
    if (mine != NULL)
        atomic_fetch_add_explicit(&mine->refs, 1, memory_order_relaxed);
    return mine;
}

void identity_unref(const struct identity *identity)
{
    struct identity *mine = (struct identity *)identity;
    if (mine != NULL && atomic_fetch_sub_explicit(&mine->refs, 1, memory_order_acq_rel) == 1)
        free(mine);
}
