/* base64url without padding, as tokens and their keys are written. */
#ifndef AUTH_BASE64_H
#define AUTH_BASE64_H

#include "base/buf.h"
#include "base/slice.h"

void base64_encode(struct buf *out, struct slice bytes);
/* Appends. Strict: no padding, nothing foreign, and one spelling only for each run of bytes. False:
 * it is none, and *out holds a part of it. */
bool base64_decode(struct buf *out, struct slice text);
/* Whether it is of the alphabet at all. */
bool base64_has(char c);

#endif
