/* What loads and still looks like a slip: said by `weir check` and `weir dev`, and no reason to
 * refuse. */
#ifndef SCRIPT_ADVICE_H
#define SCRIPT_ADVICE_H

#include "script/catalogue.h"

/* Of a set that has been checked; sorted. Says nothing where it is not certain: a warning that is
 * wrong is worse than one that is missing. */
void advise(const struct script_set *set, struct problems *warnings);

/* The part of it that reads the sources: publish("name") to what nobody declares, patterns of Lua
 * that take long. */
void advise_on_source(const struct script_set *set, const struct script *script,
                      struct problems *warnings);

#endif
