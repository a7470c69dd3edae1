/* The regular expressions of JSON Schema (ECMA-262 with Unicode), run by PCRE2 within a number of
 * steps. */
#ifndef RULE_SCHEMA_REGEX_H
#define RULE_SCHEMA_REGEX_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <stdint.h>

enum { REGEX_LENGTH_MAX = 4096, REGEX_HEAP_KIB_MAX = 16384 };

struct regex; /* immutable after compiling; owned by the schema */

/* NULL and the reason. */
struct regex *regex_compile(struct slice pattern, struct error *err) MUST_USE;
void regex_destroy(struct regex *regex); /* NULL is fine */

/* What matching needs, made when first needed and kept for the next match. All zeroes but `steps`
 * to begin. */
struct regex_run {
    void *data, *context; /* private */
    size_t last;          /* private: where in the subject the latest step was */
    int64_t *steps;       /* taken from; negative: out of them, and no match counts */
};
void regex_run_finish(struct regex_run *run);

/* Whether the pattern is found anywhere in the subject, which is valid UTF-8. Each element tried
 * takes a step, and so do 16 bytes passed over. Out of steps or of memory: false, and *steps is
 * negative. */
bool regex_match(const struct regex *regex, struct slice subject, struct regex_run *run);

/* Whether it is a regular expression of ECMA-262, as far as we know it. */
bool regex_is_valid(struct slice pattern);

#endif
