#include "hub/effect.h"

#include <stdlib.h>

#include "base/memory.h"

static struct slice copy(char **at, struct slice s)
{
    if (s.len > 0)
        memcpy(*at, s.at, s.len);
    struct slice moved = slice_make(s.at == NULL ? NULL : *at, s.len);
    *at += s.len;
    return moved;
}

void effects_add(struct effects *list, const struct effect *wish)
{
    size_t bytes = wish->channel.len + wish->data.len + wish->user.len + wish->client.len + wish->reason.len;
    struct effect *effect = xmalloc(sizeof *effect + bytes);
    char *at = effect->bytes;
    *effect = *wish;
    effect->next = NULL;
    effect->channel = copy(&at, wish->channel);
    effect->data = copy(&at, wish->data);
    effect->user = copy(&at, wish->user);
    effect->client = copy(&at, wish->client);
    effect->reason = copy(&at, wish->reason);
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
