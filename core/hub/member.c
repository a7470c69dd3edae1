#include "hub/member.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/audience.h"
#include "hub/hub.h"

enum { LATER_MAX = 8 };

/* A command for a channel whose home has not yet answered an earlier one. */
struct later {
    struct later *next;
    enum verb verb; /* VERB_SUBSCRIBE or VERB_UNSUBSCRIBE */
    uint64_t tag;
    struct subscribe_ask ask;
    char bytes[];
};

static void drop_laters(struct member *member)
{
    for (struct later *later = member->later, *next; later != NULL; later = next) {
        next = later->next;
        free(later);
    }
}

/* Takes the member out of what is delivered to and frees it; the home is told by the caller. */
static void remove_member(struct session *session, struct member *member)
{
    audience_remove(session->hub, member);
    map_remove(&session->members, member->channel);
    drop_laters(member);
    free(member);
}

static void tell_home_left(struct session *session, const struct member *member, int code,
                           struct slice reason)
{
    struct request request = {
        .verb = VERB_UNSUBSCRIBE,
        .asker = {.worker = session->hub->index, .id = session->number},
        .who = session->identity,
        .channel = member->channel,
        .seat = member->seat,
        .code = code,
        .reason = reason,
    };
    hub_ask(session->hub, &request);
}

static enum verb last_wish(const struct member *member)
{
    enum verb verb = VERB_SUBSCRIBE;
    for (const struct later *later = member->later; later != NULL; later = later->next)
        verb = later->verb;
    return verb;
}

static bool do_later(struct session *session, struct member *member, enum verb verb, uint64_t tag,
                     const struct subscribe_ask *ask)
{
    struct later **end = &member->later;
    unsigned waiting = 0;
    for (; *end != NULL; end = &(*end)->next)
        waiting++;
    if (waiting == LATER_MAX) {
        stats_add(&session->hub->stats, STAT_REFUSED_LIMIT, 1);
        return session_refuse(session, tag, verb, ERROR_TOO_MANY_REQUESTS);
    }
    struct later *later = xmalloc(sizeof *later + ask->data.len + ask->filter.json.len);
    char *at = later->bytes;
    *later = (struct later){.verb = verb, .tag = tag, .ask = *ask};
    later->ask.data = slice_pack(&at, ask->data);
    later->ask.filter.json = slice_pack(&at, ask->filter.json);
    *end = later;
    return true;
}

static struct member *add_member(struct session *session, struct slice channel)
{
    struct member *member = xcalloc(1, sizeof *member + channel.len);
    char *at = member->bytes;
    member->session = session;
    member->channel = slice_pack(&at, channel);
    member->seat = ++session->last_seat;
    map_add(&session->members, member->channel, member);
    return member;
}

/* What waited for this answer, in its order; a later subscribe may have to wait again, with the rest. */
static void do_laters(struct session *session, struct slice channel, struct later *laters)
{
    for (struct later *later = laters, *next; later != NULL; later = next) {
        next = later->next;
        if (later->verb == VERB_SUBSCRIBE)
            member_subscribe(session, later->tag, channel, &later->ask);
        else
            member_unsubscribe(session, later->tag, channel);
        free(later);
    }
}

static void on_subscribed(struct hub *hub, const struct asker *asker, const struct answer *what)
{
    struct session *session = session_find(hub, asker->id);
    if (session == NULL)
        return; /* its farewell is on its way to the home */
    session_answered(session);
    struct member *member = map_find(&session->members, what->channel);
    ensure(member != NULL && member->seat == what->seat); /* it waits for this answer before all else */
    struct later *laters = member->later;
    member->later = NULL;
    if (!session->conn->closing)
        session_answer(session, asker->tag, what);
    member->group = what->group;
    if (what->error == NULL)
        audience_add(hub, member);
    else
        remove_member(session, member);
    do_laters(session, what->channel, laters);
}

bool member_subscribe(struct session *session, uint64_t tag, struct slice channel,
                      const struct subscribe_ask *ask)
{
    const struct hub_options *options = session->hub->options;
    struct member *member = map_find(&session->members, channel);
    if (channel.len == 0)
        return session_blame(session, tag, "`channel` is missing");
    if (member != NULL && last_wish(member) == VERB_UNSUBSCRIBE)
        return do_later(session, member, VERB_SUBSCRIBE, tag, ask);
    if (member != NULL)
        return session_refuse(session, tag, VERB_SUBSCRIBE, ERROR_ALREADY_SUBSCRIBED);
    if (session->members.count >= options->max_channels) {
        stats_add(&session->hub->stats, STAT_REFUSED_LIMIT, 1);
        return session_refuse(session, tag, VERB_SUBSCRIBE, ERROR_LIMIT_EXCEEDED);
    }
    member = add_member(session, channel);
    struct request request = {
        .verb = VERB_SUBSCRIBE,
        .asker = session_asker(session, tag, on_subscribed),
        .who = session->identity,
        .channel = member->channel,
        .data = ask->data,
        .filter = ask->filter,
        .seat = member->seat,
        .dialect = session->conn->dialect->index,
    };
    session_ask(session, &request);
    return true;
}

bool member_unsubscribe(struct session *session, uint64_t tag, struct slice channel)
{
    struct member *member = map_find(&session->members, channel);
    if (channel.len == 0)
        return session_blame(session, tag, "`channel` is missing");
    if (member != NULL && member->audience == NULL)
        return do_later(session, member, VERB_UNSUBSCRIBE, tag, &(struct subscribe_ask){0});
    if (member != NULL) {
        audience_remove(session->hub, member); /* first: what its home says of this leave is for the others */
        tell_home_left(session, member, 0, SLICE("left"));
        remove_member(session, member);
    }
    session_answer(session, tag, &(struct answer){.verb = VERB_UNSUBSCRIBE});
    return true;
}

/* NULL: it is gone. */
static struct member *find_member(struct hub *hub, uint64_t number, struct slice channel, uint64_t seat)
{
    struct session *session = session_find(hub, number);
    struct member *member = session ? map_find(&session->members, channel) : NULL;
    return member != NULL && member->seat == seat ? member : NULL;
}

void member_moved(struct hub *hub, uint64_t number, struct slice channel, uint64_t seat, uint64_t group)
{
    struct member *member = find_member(hub, number, channel, seat);
    if (member == NULL)
        return;
    audience_remove(hub, member);
    member->group = group;
    audience_add(hub, member);
}

void member_evicted(struct hub *hub, uint64_t number, struct slice channel, uint64_t seat, int code,
                     struct slice reason)
{
    struct member *member = find_member(hub, number, channel, seat);
    if (member == NULL)
        return;
    struct session *session = member->session;
    remove_member(session, member);
    if (session->conn->closing)
        return;
    session->conn->dialect->unsubscribed(session->conn, channel, code, reason);
    conn_said(session->conn);
}

void member_flush_all(struct session *session)
{
    struct member *member;
    for (size_t at = 0; (member = map_next(&session->members, &at)) != NULL;)
        if (member->audience != NULL)
            audience_catch_up(member);
}

void member_leave_all(struct session *session, int code, struct slice reason)
{
    struct member *member;
    for (size_t at = 0; (member = map_next(&session->members, &at)) != NULL;)
        audience_remove(session->hub, member); /* from all first: farewells in one channel are heard in others */
    while (session->members.count > 0) {
        size_t at = 0;
        member = map_next(&session->members, &at);
        tell_home_left(session, member, code, reason);
        remove_member(session, member);
    }
}
