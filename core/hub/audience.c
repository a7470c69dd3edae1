#include "hub/audience.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/conn.h"
#include "hub/hub.h"
#include "hub/member.h"

static struct audience *open_audience(struct hub *hub, struct slice channel)
{
    struct audience *audience = map_find(&hub->audiences, channel);
    if (audience != NULL)
        return audience;
    audience = xcalloc(1, sizeof *audience);
    audience->channel = slice_make(xslicedup(channel), channel.len);
    map_add(&hub->audiences, audience->channel, audience);
    return audience;
}

static void close_audience(struct hub *hub, struct audience *audience)
{
    map_remove(&hub->audiences, audience->channel);
    free((char *)audience->channel.at);
    free(audience->members);
    free(audience);
}

void audience_add(struct hub *hub, struct member *member)
{
    struct audience *audience = open_audience(hub, member->channel);
    if (audience->count == audience->room) {
        audience->room = audience->room ? audience->room * 2 : 2;
        audience->members = xrealloc(audience->members, audience->room * sizeof *audience->members);
    }
    member->audience = audience;
    member->index = audience->count;
    audience->members[audience->count++] = member;
    stats_add(&hub->stats, STAT_SUBSCRIPTIONS, 1);
}

void audience_remove(struct hub *hub, struct member *member)
{
    struct audience *audience = member->audience;
    if (audience == NULL)
        return;
    struct member *last = audience->members[--audience->count];
    audience->members[member->index] = last;
    last->index = member->index;
    member->audience = NULL;
    stats_add(&hub->stats, STAT_SUBSCRIPTIONS, -1);
    if (audience->count == 0)
        close_audience(hub, audience);
}

void audience_deliver(struct hub *hub, struct slice channel, struct frame *const *frames)
{
    struct audience *audience = map_find(&hub->audiences, channel);
    if (audience == NULL)
        return;
    for (unsigned i = 0; i < audience->count; i++) {
        struct conn *conn = audience->members[i]->session->conn;
        conn_push(conn, frames[conn->dialect->index]);
    }
    stats_add(&hub->stats, STAT_MESSAGES_OUT, audience->count);
}
