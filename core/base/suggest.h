/* "did you mean": the nearest of some names. */
#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

#include "base/slice.h"

/* The name nearest to `wrong` (edit distance with swaps, at most a third of its length and at least 1
 * allowed), or NULL when none is near. `names` ends with NULL. */
const char *suggest(struct slice wrong, const char *const *names);

#endif
