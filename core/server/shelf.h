/* The scripts of generations that were in force before, kept to go back to: their files, not what
 * they declare. */
#ifndef SERVER_SHELF_H
#define SERVER_SHELF_H

#include "base/error.h"
#include "script/catalogue.h"

enum { SHELF_MAX = 5 };

/* Embedded in the reload, used on the control thread. */
struct shelf {
    struct script_set *kept[SHELF_MAX]; /* the oldest first; files alone */
    unsigned count;
};

void shelf_finish(struct shelf *shelf);

/* Keeps a copy of the files of a generation that is in force no more; the oldest gives way. */
void shelf_keep(struct shelf *shelf, const struct script_set *set);

/* The one of that number; `number` 0: the newest that is older than the files in force are.
 * Borrowed until the next shelf_keep. NULL and err: ERROR_NOT_AVAILABLE where there is nothing to
 * go back to, ERROR_BAD_REQUEST where the number is none that is kept. */
const struct script_set *shelf_find(const struct shelf *shelf, const struct script_set *current,
                                    unsigned number, struct error *err);

#endif
