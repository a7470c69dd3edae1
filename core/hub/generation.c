#include "hub/generation.h"

const struct channel_type *generation_find(const struct generation *generation, struct slice name,
                                           struct slice values[PATTERN_PARAMS_MAX])
{
    for (unsigned i = 0; i < generation->type_count; i++)
        if (pattern_match(generation->types[i]->pattern, name, values))
            return generation->types[i];
    return NULL;
}
