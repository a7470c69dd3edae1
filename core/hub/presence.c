#include "hub/presence.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/hub.h"

static void presence(struct hub *hub, const struct request *request, const struct map *seats)
{
    const struct identity **members = xcalloc(seats->count + 1, sizeof *members);
    struct answer answer = {.verb = request->verb, .channel = request->channel};
    struct seat *seat;
    for (size_t at = 0; (seat = map_next(seats, &at)) != NULL;)
        members[answer.member_count++] = seat->identity;
    answer.members = members;
    hub_answer(hub, &request->asker, &answer);
    free(members);
}

static void presence_stats(struct hub *hub, const struct request *request, const struct map *seats)
{
    struct map users = {0};
    struct answer answer = {.verb = request->verb, .channel = request->channel};
    struct seat *seat;
    for (size_t at = 0; (seat = map_next(seats, &at)) != NULL;) {
        answer.clients++;
        if (map_find(&users, seat->identity->facts.user) == NULL)
            map_add(&users, seat->identity->facts.user, seat);
    }
    answer.users = (unsigned)users.count;
    map_finish(&users);
    hub_answer(hub, &request->asker, &answer);
}

void presence_answer(struct hub *hub, const struct request *request, const struct channel *channel)
{
    static const struct map nobody;
    const struct map *seats = channel != NULL ? &channel->seats : &nobody;
    if (request->verb == VERB_PRESENCE)
        presence(hub, request, seats);
    else
        presence_stats(hub, request, seats);
}
