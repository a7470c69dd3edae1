/* Channel patterns: "chat:{room}", "news:*". Matching takes time linear in the name. */
#ifndef RULE_PATTERN_H
#define RULE_PATTERN_H

#include "base/error.h"
#include "base/slice.h"

enum { PATTERN_PARAMS_MAX = 16, PATTERN_LENGTH_MAX = 255 };

/* `{name}` takes one non-empty segment (anything but ':' and '/'), `*`, only at the end, the non-empty rest.
 * A `{name}` fills its segment whole: "a{b}" is an error, as is a name used twice, and any byte that no channel's
 * name holds (all but visible ASCII). Errors do not repeat the pattern: whoever declares it names it. */
struct pattern; /* immutable after compiling; owned by its channel_type */

struct pattern *pattern_compile(struct slice text, struct error *err); /* NULL and err */
void pattern_destroy(struct pattern *p);
struct slice pattern_text(const struct pattern *p);                    /* borrowed */
unsigned pattern_params(const struct pattern *p, const struct slice **names); /* in order; "*" is not one */

/* On a match fills one value per parameter, borrowed from `name`. */
bool pattern_match(const struct pattern *p, struct slice name, struct slice values[PATTERN_PARAMS_MAX]);

/* Negative: a is the more specific (its first segment that differs in kind is literal before {} before *);
 * positive: b is; 0: neither. Patterns that no name can match both are of no matter. */
int pattern_compare(const struct pattern *a, const struct pattern *b);
/* Whether some name matches both: two equally specific ones that overlap are a load error. */
bool pattern_overlaps(const struct pattern *a, const struct pattern *b);

#endif
