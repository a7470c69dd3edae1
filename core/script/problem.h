/* What is wrong with a set of scripts, collected for people: file, line, that line's text, reason.
 */
#ifndef SCRIPT_PROBLEM_H
#define SCRIPT_PROBLEM_H

#include "script/catalogue.h"

/* Appends one, unless it is there already. The line's text is looked up in `set` (NULL: unknown).
 */
void problem_add(struct problems *problems, const struct script_set *set, const char *file,
                 int line, const char *format, ...) PRINTF_LIKE(5, 6);
/* Orders them by file and line. */
void problems_sort(struct problems *problems);
/* What a second attempt has to tell after the first; both sorted. */
enum problems_change {
    PROBLEMS_SAME,
    PROBLEMS_MOVED, /* the same in other lines */
    PROBLEMS_OTHER
};
enum problems_change problems_compare(const struct problems *a, const struct problems *b);
/* "chat.lua:3: reason" of the first one, as far as the place is known, as ERROR_SCRIPT. Always
 * false. */
bool problems_fail(const struct problems *problems, struct error *err);

#endif
