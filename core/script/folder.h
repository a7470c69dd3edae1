/* The files of a scripts folder: which ones count, and their bytes. */
#ifndef SCRIPT_FOLDER_H
#define SCRIPT_FOLDER_H

#include "script/catalogue.h"

/* Fills set->scripts, set->libraries and set->schemas, sorted by name; what cannot be read or is
 * too large becomes a problem. Links are followed, but not to a folder we are in. Hidden files,
 * *_spec.lua and what editors leave behind are passed over; lib/ is for require, schemas/ for JSON
 * Schemas. */
void folder_read(const char *path, size_t source_max, struct script_set *set,
                 struct problems *problems);

/* Adds one that is not in the folder. */
void folder_add(struct script_set *set, const char *name, struct slice source);

#endif
