/* Masks: cuts members out of a JSON text by their paths, on its bytes; no tree is built. */
#ifndef RULE_MASK_H
#define RULE_MASK_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

/* Immutable once its paths are added; owned by the view that holds it, used by any thread. */
struct mask;

enum mask_side {
    MASK_DROP, /* what is there goes, whatever else is said of what is in it */
    MASK_KEEP  /* with one such path or more, all goes that is on none of them */
};

enum { MASK_PATHS_MAX = 64 };

struct mask *mask_create(void);
void mask_destroy(struct mask *mask); /* NULL is fine */

/* A path as in rule/path.h. It leads through objects, and through arrays into each of their items.
 * A key is compared as what it says: escapes do not hide it, and where a name is repeated each is
 * meant. */
bool mask_add(struct mask *mask, enum mask_side side, struct slice path,
              struct error *err) MUST_USE;

/* Appends the checked JSON `text` without what the mask hides; what is left has its bytes, without
 * whitespace around them. False, and nothing is appended: nothing is left, since it is no object or
 * array and only paths are kept. */
bool mask_apply(const struct mask *mask, struct slice text, struct buf *out);

#endif
