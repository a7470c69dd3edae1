/* JSON Web Tokens: is it genuine, is it still valid, what does it claim. */
#ifndef AUTH_JWT_H
#define AUTH_JWT_H

#include "auth/keyring.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <stdint.h>

enum { JWT_LENGTH_MAX = 8192 };

/* What tokens are checked with; without a secret and without keys none is accepted. Borrowed. */
struct jwt_keys {
    struct slice hmac_secret;   /* for HS256, HS384 and HS512 */
    const struct keyring *ring; /* NULL: none */
    unsigned algs;              /* bits by enum alg: no others; 0: all that there are keys for */
    const char *audience;       /* that `aud` has to name; NULL or "": anything goes */
    const char *issuer;         /* that `iss` has to be; NULL or "": anything goes */
    int leeway_s;               /* for exp and nbf */
};
unsigned jwt_algs(
    const struct jwt_keys *keys); /* that are accepted: bits by enum alg; 0: no token is */

/* What a verified token says. Slices point into `payload`. */
struct jwt {
    struct buf payload;  /* the decoded, checked JSON object; owned, jwt_finish frees it */
    struct slice sub;    /* decoded text; "" when absent */
    struct buf sub_text; /* owned, where sub had escapes */
    struct slice info;   /* any JSON, or absent */
    struct slice roles;  /* a JSON array of strings, or absent */
    struct buf claims; /* owned: a JSON object of every claim but sub, exp, nbf, iat, info, roles */
    int64_t expires;   /* Unix seconds, 0 = never */
};

/* Verifies: exactly three base64url parts without padding; an alg of the list, whose kind the key
 * decides and never the token (`none`, and any jku, jwk or x5u, are never trusted); the signature,
 * secrets in constant time; exp, nbf (numbers) with leeway at `now_s`; aud and iss where they are
 * asked for; sub a string; roles an array of strings; no `channel` claim (that is a subscription
 * token). False: ERROR_TOKEN_EXPIRED when only exp has passed, else ERROR_UNAUTHORIZED with a
 * reason that never holds the token. The result is to be finished on true only. */
bool jwt_verify(struct slice token, const struct jwt_keys *keys, int64_t now_s, struct jwt *out,
                struct error *err);
void jwt_finish(struct jwt *jwt);

/* For tests and `weir token`: appends a HS256 token for a JSON object of claims. */
void jwt_sign(struct buf *out, struct slice claims, struct slice secret);

#endif
