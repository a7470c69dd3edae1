/* Algorithms of signatures, by their names in tokens. */
#ifndef AUTH_ALG_H
#define AUTH_ALG_H

#include "base/error.h"
#include "base/slice.h"

/* The one list (RFC 7518, 8037): X(NAME, its digest, the kind of key). */
#define ALGS(X)                                                                                    \
    X(HS256, "SHA256", SECRET)                                                                     \
    X(HS384, "SHA384", SECRET)                                                                     \
    X(HS512, "SHA512", SECRET)                                                                     \
    X(RS256, "SHA256", RSA)                                                                        \
    X(RS384, "SHA384", RSA)                                                                        \
    X(RS512, "SHA512", RSA)                                                                        \
    X(PS256, "SHA256", RSA)                                                                        \
    X(PS384, "SHA384", RSA)                                                                        \
    X(PS512, "SHA512", RSA)                                                                        \
    X(ES256, "SHA256", P256)                                                                       \
    X(ES384, "SHA384", P384)                                                                       \
    X(ES512, "SHA512", P521)                                                                       \
    X(EdDSA, NULL, EDWARDS)

enum alg {
#define X(name, digest, kind) ALG_##name,
    ALGS(X)
#undef X
        ALG_COUNT
};

bool alg_parse(struct slice name, enum alg *alg); /* false: there is none of that name */
const char *alg_name(enum alg alg);
/* Names with commas between them, as bits; "" is 0. */
bool algs_parse(const char *list, unsigned *bits, struct error *err);

#endif
