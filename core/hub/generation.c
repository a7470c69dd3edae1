#include "hub/generation.h"

struct rule_facts type_facts(const struct channel_type *type, const struct slice *params,
                             const struct identity_facts *who)
{
    struct rule_facts facts = {.user = who->user,
                               .roles = who->roles,
                               .claims = who->claims,
                               .ip = who->ip,
                               .param_values = params};
    facts.param_count = pattern_params(type->pattern, &facts.param_names);
    return facts;
}

const struct channel_type *generation_find(const struct generation *generation, struct slice name,
                                           struct slice values[PATTERN_PARAMS_MAX])
{
    for (unsigned i = 0; i < generation->type_count; i++)
        if (pattern_match(generation->types[i]->pattern, name, values))
            return generation->types[i];
    return NULL;
}
