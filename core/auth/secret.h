/* Secrets and randomness. */
#ifndef AUTH_SECRET_H
#define AUTH_SECRET_H

#include "base/slice.h"

/* Takes the same time wherever the two differ; lengths are not secret. */
bool secret_is_equal(struct slice a, struct slice b);

void random_bytes(void *out, size_t len); /* ends the process when the system has none to give */
enum { UUID_LEN = 36 };
void uuid_make(char out[UUID_LEN + 1]); /* version 4, NUL-terminated */

#endif
