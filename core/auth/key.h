/* What signatures of tokens are checked with: public keys, and secrets that are shared. */
#ifndef AUTH_KEY_H
#define AUTH_KEY_H

#include "auth/alg.h"

#include <openssl/types.h>

enum key_kind { KEY_SECRET, KEY_RSA, KEY_P256, KEY_P384, KEY_P521, KEY_EDWARDS };
enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192 };

/* Read by many threads at once, changed by none. */
struct key {
    enum key_kind kind;
    unsigned algs; /* that it may be used with: bits by enum alg */
    char *kid;     /* NULL: it has no name */
    char *secret;  /* KEY_SECRET */
    size_t secret_len;
    EVP_PKEY *public; /* all others */
    struct key *next;
};

/* A copy of it. For HS256, HS384 and HS512. */
struct key *key_create_secret(struct slice secret);
/* Takes `public` in any case. NULL: a kind, or a size, that no token is signed with here; *err says
 * which. */
struct key *key_create_public(EVP_PKEY *public, struct error *err);
void key_destroy(struct key *key); /* NULL is fine */

/* Whether `signature` is one of `text` by the owner of the key; `alg` is one of key->algs. */
bool key_verify(const struct key *key, enum alg alg, struct slice text, struct slice signature);

enum { HMAC_MAX = 64 };
/* Its bytes, into out; returns how many. `alg` is HS256, HS384 or HS512. */
size_t hmac_make(enum alg alg, struct slice secret, struct slice text, char out[HMAC_MAX]);

#endif
