/* Files that are part of the program: Lua modules, the browser client. */
#ifndef BASE_ASSET_H
#define BASE_ASSET_H

#include "base/slice.h"

/* The bytes of a file compiled in, by its path in the tree ("lua/prelude.lua"). Static: valid for
 * ever. An absent asset has a NULL `at`. The Makefile decides what is compiled in. */
struct slice asset_find(const char *path);
/* The n-th path, from 0, in the order of their names; NULL past the end. */
const char *asset_path(size_t n);

#endif
