/* What a rule comes to whoever asks: found by trying every way its parts can come out. */
#ifndef RULE_FOLD_H
#define RULE_FOLD_H

#include "rule/rule.h"

/* One rule, and how it is to come out. */
struct outcome_of {
    const struct rule *rule;
    bool holds; /* false: it does not, or an error makes it a no */
};

/* Whether there may be somebody for whom all come out so. Parts that are the same text are the same
 * in all the rules, so they have to be of one channel. Says yes where it does not know: "no" is
 * certain. */
bool fold_is_possible(const struct outcome_of *outcomes, unsigned count);

/* Whether it is more than one word, and comes out the same for everybody: *holds is how. */
bool fold_is_fixed(const struct rule *rule, bool *holds);

/* A comparison of the rule that comes out the same for everybody, with the reason, for people:
 *   params.room == "a:b" never holds: {room} takes what has no ':' and no '/'
 * False: there is none. */
bool fold_find_comparison(const struct rule *rule, struct buf *why);

#endif
