/* A path of names into a JSON text, as scripts write it: "by.name". */
#ifndef RULE_PATH_H
#define RULE_PATH_H

#include "base/error.h"
#include "base/slice.h"

enum { PATH_NAMES_MAX = 16 };

/* Embedded or on the stack; all zeroes leads nowhere but to the whole text. */
struct path {
    char *names; /* each NUL-terminated, after one another; owned */
    unsigned count;
};

/* Names with dots between them; a backslash takes the dot or backslash behind it into the name.
 * False and err. */
bool path_parse(struct path *path, struct slice text, struct error *err) MUST_USE;
void path_finish(struct path *path);

/* What stands there in checked JSON; absent where nothing does. */
struct slice path_find(const struct path *path, struct slice json);
struct slice path_last(const struct path *path); /* its last name; not of an empty one */
bool path_is_equal(const struct path *a, const struct path *b);

#endif
