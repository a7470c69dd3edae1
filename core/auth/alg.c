#include "auth/alg.h"

static const char *const names[ALG_COUNT] = {
#define X(name, digest, kind) #name,
    ALGS(X)
#undef X
};

bool alg_parse(struct slice name, enum alg *alg)
{
    for (unsigned i = 0; i < ALG_COUNT; i++)
        if (slice_is(name, names[i])) {
            *alg = i;
            return true;
        }
    return false;
}

const char *alg_name(enum alg alg)
{
    return names[alg];
}

static bool fail_alg(const char *name, size_t len, struct error *err)
{
    return fail(
        err, ERROR_CONFIG,
        "\"%.*s\" is no algorithm of tokens; those are HS256, HS384, HS512, RS256, RS384, RS512, "
        "PS256, PS384, PS512, ES256, ES384, ES512 and EdDSA",
        (int)len, name);
}

bool algs_parse(const char *list, unsigned *bits, struct error *err)
{
    *bits = 0;
    while (*list != '\0') {
        enum alg alg;
        size_t len = strcspn(list, ",");
        if (!alg_parse(slice_make(list, len), &alg))
            return fail_alg(list, len, err);
        *bits |= 1u << alg;
        list += len + (list[len] == ',');
    }
    return true;
}
