/* Times as people write them: "500ms", "30s", "5m", "24h", "7d". */
#ifndef BASE_DURATION_H
#define BASE_DURATION_H

#include "base/slice.h"

#include <stdint.h>

/* A whole number of at most nine digits and its unit. False: anything else. */
bool duration_parse(struct slice text, int64_t *ms) MUST_USE;
/* The unit alone: how many ms it has. False: none of them. */
bool duration_unit(struct slice unit, int64_t *ms) MUST_USE;

#endif
