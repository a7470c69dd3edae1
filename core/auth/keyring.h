/* The keys that tokens are checked with: from files in PEM, or as JSON. */
#ifndef AUTH_KEYRING_H
#define AUTH_KEYRING_H

#include "auth/alg.h"

/* Read by many threads at once, changed by none. */
struct keyring;

/* `files` are paths with commas between them: public keys or certificates in PEM, several in one
 * file if need be, or a JWK or a set of them (RFC 7517). NULL: *err names the file and what is
 * wrong with it. */
struct keyring *keyring_load(const char *files, struct error *err);
void keyring_destroy(struct keyring *ring); /* NULL is fine */

/* What its keys may be used with, all together: bits by enum alg. */
unsigned keyring_algs(const struct keyring *ring);

enum keyring_verdict {
    KEYRING_FITS,
    KEYRING_NO_KEY, /* for this algorithm, or of that name */
    KEYRING_WRONG,  /* the signature is by none of those that may be meant */
};
/* `kid` is what the token says of its key, absent where it says nothing: then all of that algorithm
 * may be meant, else those of that name, or without one. */
enum keyring_verdict keyring_verify(const struct keyring *ring, enum alg alg, struct slice kid,
                                    struct slice text, struct slice signature);

#endif
