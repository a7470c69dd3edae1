#include "hub/echo.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/channel.h"
#include "hub/hub.h"

static bool is_same(struct seat_key a, struct seat_key b)
{
    return a.session == b.session && a.worker == b.worker;
}

static bool has(const struct echoes *echoes, struct seat_key key)
{
    for (unsigned i = 0; i < echoes->count; i++)
        if (is_same(echoes->list[i].whose, key))
            return true;
    return false;
}

/* Whether its publisher is another member, of that group (NULL: of any), who would have to miss
 * it. */
static const struct seat *next_member(const struct channel *channel, const struct group *group,
                                      const struct echoes *echoes,
                                      const struct publication *publication)
{
    if (publication->who == NULL || has(echoes, publication->from))
        return NULL;
    const struct seat *seat = channel_find_seat(channel, publication->from);
    return seat == NULL || group == NULL || seat->group == group ? seat : NULL;
}

unsigned echoes_count(const struct channel *channel, const struct publication *first,
                      unsigned count)
{
    struct echoes seen;
    if (!channel->type->has_no_echo)
        return count;
    seen.count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (next_member(channel, NULL, &seen, &first[i]) == NULL)
            continue;
        if (seen.count == ECHOES_MAX)
            return i;
        seen.list[seen.count++].whose = first[i].from;
    }
    return count;
}

/* NULL: all are its own. */
static struct frame *without_own(struct hub *hub, const struct seat *seat,
                                 const struct publication *first, unsigned count)
{
    struct publication *others = xmalloc(count * sizeof *others);
    unsigned other_count = 0;
    for (unsigned i = 0; i < count; i++)
        if (first[i].who == NULL || !is_same(first[i].from, seat->key))
            others[other_count++] = first[i];
    const struct dialect *dialect = hub->options->dialects[seat->dialect];
    struct frame *frame = other_count > 0 ? dialect->publications(hub, others, other_count) : NULL;
    free(others);
    return frame;
}

void echoes_make(struct echoes *echoes, struct channel *channel, const struct group *group,
                 const struct publication *first, unsigned count)
{
    echoes->is_apart = channel->type->has_no_echo;
    echoes->count = 0; /* the list is long, and nearly always not looked at */
    for (unsigned i = 0; i < count && echoes->is_apart; i++) {
        const struct seat *seat = next_member(channel, group, echoes, &first[i]);
        if (seat == NULL)
            continue;
        ensure(echoes->count < ECHOES_MAX);
        echoes->list[echoes->count++] =
            (struct echo){seat->key, without_own(channel->hub, seat, first, count)};
    }
}

void echoes_finish(struct echoes *echoes)
{
    for (unsigned i = 0; i < echoes->count; i++)
        frame_unref(echoes->list[i].instead);
}
