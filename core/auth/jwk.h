/* Keys as JSON (RFC 7517): one, or a set of them. */
#ifndef AUTH_JWK_H
#define AUTH_JWK_H

#include "auth/key.h"

/* The keys of a JSON text: one, or {"keys": [...]}, of which the first 64 are looked at. Keys that
 * are for something else than checking signatures, and those of kinds that are not known here, are
 * left out. The list is the caller's; NULL: there is none, and *err says why. */
struct key *jwk_read(struct slice json, struct error *err);

#endif
