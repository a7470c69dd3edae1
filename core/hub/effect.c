#include "hub/effect.h"

#include <stdlib.h>

#include "base/memory.h"

void effects_add(struct effects *list, const struct effect *wish)
{
    size_t bytes = wish->channel.len + wish->data.len + wish->user.len + wish->client.len + wish->reason.len +
                   wish->method.len;
    struct effect *effect = xmalloc(sizeof *effect + bytes);
    char *at = effect->bytes;
    *effect = *wish;
    effect->next = NULL;
    effect->channel = slice_pack(&at, wish->channel);
    effect->data = slice_pack(&at, wish->data);
    effect->user = slice_pack(&at, wish->user);
    effect->client = slice_pack(&at, wish->client);
    effect->reason = slice_pack(&at, wish->reason);
    effect->method = slice_pack(&at, wish->method);
    if (list->last != NULL)
        list->last->next = effect;
    else
        list->first = effect;
    list->last = effect;
    list->count++;
}

void effects_discard(struct effects *list)
{
    for (struct effect *effect = list->first, *next; effect != NULL; effect = next) {
        next = effect->next;
        free(effect);
    }
    *list = (struct effects){0};
}
