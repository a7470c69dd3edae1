#include "hub/group.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/channel.h"
#include "hub/hub.h"

/* Groups are numbered by their home. */
static uint64_t next_number(struct hub *hub)
{
    return (uint64_t)hub->index << 48 | ++hub->last_group;
}

static bool is_of(const struct group *group, const struct spot *spot)
{
    return group->view == spot->view && filter_is_equal(group->filter, spot->filter);
}

static struct group *create_group(struct channel *channel, struct spot *spot)
{
    struct group *group = xcalloc(1, sizeof *group);
    group->number = next_number(channel->hub);
    group->view = spot->view;
    group->filter = spot->filter;
    group->listeners = xcalloc(channel->hub->count, sizeof *group->listeners);
    spot->filter = NULL;
    return group;
}

/* Where it stands, or would have to. */
static struct group **find_link(struct channel *channel, const struct spot *spot)
{
    struct group **link = &channel->groups;
    while (*link != NULL && (*link)->view <= spot->view && !is_of(*link, spot))
        link = &(*link)->next;
    return link;
}

static bool is_full(const struct channel *channel)
{
    unsigned count = 0;
    for (const struct group *group = channel->groups; group != NULL; group = group->next)
        count++;
    return count >= GROUPS_MAX;
}

struct group *group_open(struct channel *channel, struct spot *spot)
{
    struct group **link = find_link(channel, spot), *group = *link;
    if (group == NULL || !is_of(group, spot)) {
        group = is_full(channel) ? NULL : create_group(channel, spot);
        if (group != NULL) {
            group->next = *link;
            *link = group;
        }
    }
    spot_finish(spot);
    return group;
}

void group_enter(struct group *group, struct seat *seat)
{
    ensure(seat->group == NULL);
    seat->group = group;
    group->seats++;
    group->listeners[seat->key.worker]++;
    group->dialects[seat->dialect]++;
}

static void close_group(struct channel *channel, struct group *group)
{
    struct group **link = &channel->groups;
    while (*link != NULL && *link != group)
        link = &(*link)->next;
    if (*link == group)
        *link = group->next;
    filter_destroy(group->filter);
    free(group->listeners);
    free(group);
}

void group_leave(struct channel *channel, struct seat *seat)
{
    struct group *group = seat->group;
    if (group == NULL)
        return;
    seat->group = NULL;
    group->listeners[seat->key.worker]--;
    group->dialects[seat->dialect]--;
    if (--group->seats == 0)
        close_group(channel, group);
}

/* ---- after a reload ---- */

static void put_out(struct channel *channel, struct seat *seat)
{
    struct request request = {
        .verb = VERB_UNSUBSCRIBE,
        .asker = {.worker = (unsigned)seat->key.worker, .id = seat->key.session},
        .channel = channel->name,
        .seat = seat->number,
        .code = UNSUBSCRIBED_INSUFFICIENT_STATE,
        .reason = GROUP_PUT_OUT,
    };
    group_leave(channel, seat);
    hub_evict(channel->hub, channel->name, seat, request.code, request.reason);
    hub_ask_later(channel->hub, &request);
}

static void move(struct channel *channel, struct seat *seat)
{
    struct filter_source wish = filter_source(seat->group->filter);
    struct slice no_data = {NULL, 0};
    struct spot spot;
    struct error error;
    struct group *group = NULL;
    if (spot_find(channel->hub, channel->type, channel->params, &seat->identity->facts, &wish,
                  no_data, &spot, &error))
        group = group_open(channel, &spot);
    if (group == NULL) {
        put_out(channel, seat);
        return;
    }
    group_leave(channel, seat);
    group_enter(group, seat);
    hub_move_member(channel->hub, channel->name, seat);
}

/* Into groups that are all new, since the old ones know fields by their former places. */
void groups_sort(struct channel *channel)
{
    struct seat *seat;
    channel->groups = NULL; /* an old one goes with its last seat */
    for (size_t at = 0; (seat = map_next(&channel->seats, &at)) != NULL;)
        if (seat->group != NULL) /* else it has been put out already */
            move(channel, seat);
}
