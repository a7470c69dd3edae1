/* Files that commands leave in somebody's folder. */
#ifndef MAIN_PLACE_H
#define MAIN_PLACE_H

#include "base/error.h"
#include "base/slice.h"

enum place_how { PLACE_NEW, PLACE_OVER }; /* one that is there: an error, or replaced */

bool place_file(const char *folder, const char *name, struct slice text, enum place_how how,
                struct error *err);

#endif
