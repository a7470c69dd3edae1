#include "hub/audience.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "hub/conn.h"
#include "hub/hub.h"
#include "hub/member.h"

static struct slice number_key(const uint32_t *number)
{
    return slice_make((const char *)number, sizeof *number);
}

static uint32_t next_number(struct hub *hub)
{
    do
        hub->last_audience++;
    while (hub->last_audience == 0 || audience_numbered(hub, hub->last_audience) != NULL);
    return hub->last_audience;
}

static struct audience *open_audience(struct hub *hub, struct slice channel)
{
    struct audience *audience = map_find(&hub->audiences, channel);
    if (audience != NULL)
        return audience;
    audience = xcalloc(1, sizeof *audience);
    audience->channel = slice_make(xslicedup(channel), channel.len);
    audience->number = next_number(hub);
    map_add(&hub->audiences, audience->channel, audience);
    map_add(&hub->numbered, number_key(&audience->number), audience);
    return audience;
}

struct audience *audience_numbered(struct hub *hub, uint32_t number)
{
    return map_find(&hub->numbered, number_key(&number));
}

/* ---- what waits ---- */

/* Past this a run is handed over before the turn ends: one reader's queue is bounded, so are our
 * buffers. */
enum { RUN_BYTES_MAX = 64 * 1024 };

/* First come, first served: an audience that takes more than one turn does not lose its place. */
static void put_in_list(struct hub *hub, struct audience *audience)
{
    if (audience->is_waiting)
        return;
    audience->is_waiting = true;
    audience->next_waiting = NULL;
    audience->prev_waiting = hub->waiting_last;
    if (hub->waiting_last != NULL)
        hub->waiting_last->next_waiting = audience;
    else
        hub->waiting = audience;
    hub->waiting_last = audience;
}

static void take_from_list(struct hub *hub, struct audience *audience)
{
    if (!audience->is_waiting)
        return;
    audience->is_waiting = false;
    if (audience->prev_waiting != NULL)
        audience->prev_waiting->next_waiting = audience->next_waiting;
    else
        hub->waiting = audience->next_waiting;
    if (audience->next_waiting != NULL)
        audience->next_waiting->prev_waiting = audience->prev_waiting;
    else
        hub->waiting_last = audience->prev_waiting;
}

static void add_part(struct parts *parts, struct frame *frame)
{
    if (parts->count == parts->room) {
        parts->room = parts->room ? parts->room * 2 : 8;
        parts->list = xrealloc(parts->list, parts->room * sizeof *parts->list);
    }
    frame_ref(frame);
    parts->list[parts->count++] = (struct part){.frame = frame};
}

static void drop_parts(struct parts *parts)
{
    for (unsigned i = 0; i < parts->count; i++) {
        struct part *part = &parts->list[i];
        for (unsigned k = 0; k < part->echo_count; k++)
            frame_unref(part->echoes[k].instead);
        free(part->echoes);
        frame_unref(part->frame);
    }
    free(parts->list);
    *parts = (struct parts){0};
}

static void add_waiting(struct waiting *waiting, struct frame *frame, bool is_apart)
{
    if (frame->slow == FRAME_CONFLATED || is_apart)
        add_part(&waiting->parts, frame);
    bool is_first = waiting->messages == 0;
    waiting->messages += frame->messages;
    if (is_first) {
        frame_ref(frame);
        waiting->frame = frame;
        return;
    }
    if (waiting->frame != NULL) {
        buf_add(&waiting->bytes, waiting->frame->bytes, waiting->frame->len);
        frame_unref(waiting->frame);
        waiting->frame = NULL;
    }
    buf_add(&waiting->bytes, frame->bytes, frame->len);
}

static struct frame *take_waiting(struct waiting *waiting, enum frame_slow slow)
{
    struct frame *frame = waiting->frame;
    if (frame == NULL && waiting->messages > 0) {
        frame = frame_create(buf_slice(&waiting->bytes));
        frame->messages = waiting->messages;
        frame->slow =
            slow == FRAME_NEEDED ? FRAME_NEEDED : FRAME_DROPPED; /* a run has more than one key */
        buf_clear(&waiting->bytes);
        if (waiting->bytes.room > RUN_BYTES_MAX)
            buf_finish(&waiting->bytes);
    }
    waiting->frame = NULL;
    waiting->messages = 0;
    return frame;
}

/* ---- handing over ---- */

/* How many members have it between two looks at the clock. */
enum { MEMBERS_A_LOOK = 512 };

static bool has_waiting(const struct audience *audience)
{
    for (unsigned d = 0; d < DIALECTS_MAX; d++)
        if (audience->waiting[d].messages > 0)
            return true;
    return false;
}

static bool take_run(struct audience *audience)
{
    if (!has_waiting(audience))
        return false;
    for (unsigned d = 0; d < DIALECTS_MAX; d++) {
        audience->run[d] = take_waiting(&audience->waiting[d], audience->slow);
        audience->run_parts[d] = audience->waiting[d].parts;
        audience->waiting[d].parts = (struct parts){0};
    }
    audience->handed = 0;
    return audience->is_handing = true;
}

static void drop_run(struct audience *audience)
{
    for (unsigned d = 0; d < DIALECTS_MAX; d++) {
        frame_unref(audience->run[d]);
        audience->run[d] = NULL;
        drop_parts(&audience->run_parts[d]);
    }
    audience->is_handing = false;
}

/* What a member hears of a part; NULL: nothing. */
static struct frame *heard_of(const struct part *part, struct member *member)
{
    for (unsigned i = 0; i < part->echo_count; i++)
        if (part->echoes[i].whose.session == member->session->number) {
            member->apart--;
            return part->echoes[i].instead;
        }
    return part->frame;
}

/* Who is not behind gets the run, that is, everything; who is, the newest of each key where that is
 * the channel's wish; who has published, what it hears of each part. */
static void hand_to(struct audience *audience, struct member *member)
{
    struct conn *conn = member->session->conn;
    const struct parts *parts = &audience->run_parts[conn->dialect->index];
    bool is_behind = audience->slow == FRAME_CONFLATED && !outbox_is_empty(&conn->out);
    if (parts->count == 0 || (!is_behind && member->apart == 0)) {
        conn_deliver(conn, audience->run[conn->dialect->index], audience->number);
        return;
    }
    for (unsigned i = 0; i < parts->count; i++) {
        struct frame *frame = heard_of(&parts->list[i], member);
        if (frame != NULL)
            conn_deliver(conn, frame, audience->number);
    }
}

/* False: out of time, the rest of the members have it later. */
static bool hand_over(struct audience *audience, uint64_t until_ns)
{
    while (audience->handed < audience->count) {
        unsigned left = audience->count - audience->handed;
        unsigned stop = audience->handed + (left < MEMBERS_A_LOOK ? left : MEMBERS_A_LOOK);
        for (; audience->handed < stop; audience->handed++)
            hand_to(audience, audience->members[audience->handed]);
        if (stop < audience->count && clock_monotonic_ns() > until_ns)
            return false;
    }
    drop_run(audience);
    return true;
}

/* Everybody who is a member now was one when it was published: who joins or leaves has this called
 * first. */
void audience_flush(struct hub *hub, struct audience *audience)
{
    if (!audience->is_waiting)
        return;
    while (audience->is_handing || take_run(audience))
        hand_over(audience, UINT64_MAX);
    take_from_list(hub, audience);
}

bool audience_flush_some(struct hub *hub, uint64_t until_ns)
{
    while (hub->waiting != NULL) {
        struct audience *audience = hub->waiting;
        if ((audience->is_handing || take_run(audience)) && !hand_over(audience, until_ns))
            return false;
        take_from_list(hub, audience);
        if (has_waiting(audience)) /* came while it was handed over: the others first */
            put_in_list(hub, audience);
    }
    return true;
}

/* ---- members ---- */

static void close_audience(struct hub *hub, struct audience *audience)
{
    take_from_list(hub, audience);
    drop_run(audience);
    for (unsigned d = 0; d < DIALECTS_MAX; d++) {
        frame_unref(audience->waiting[d].frame);
        buf_finish(&audience->waiting[d].bytes);
        drop_parts(&audience->waiting[d].parts);
    }
    map_remove(&hub->audiences, audience->channel);
    map_remove(&hub->numbered, number_key(&audience->number));
    free((char *)audience->channel.at);
    free(audience->members);
    free(audience);
}

void audience_add(struct hub *hub, struct member *member)
{
    struct audience *audience = open_audience(hub, member->channel);
    audience_flush(hub, audience);
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
    audience_flush(hub, audience);
    struct member *last = audience->members[--audience->count];
    audience->members[member->index] = last;
    last->index = member->index;
    member->audience = NULL;
    stats_add(&hub->stats, STAT_SUBSCRIPTIONS, -1);
    if (audience->count == 0)
        close_audience(hub, audience);
}

/* A reload may change the policy in the middle of a turn; a run has one. */
static void agree(struct hub *hub, struct audience *audience, enum frame_slow slow, bool is_apart)
{
    if (slow != audience->slow || is_apart != audience->is_apart)
        audience_flush(hub, audience);
    audience->slow = slow;
    audience->is_apart = is_apart;
}

/* To the part that came last. Returns how many messages the member misses. */
static unsigned add_echo(struct hub *hub, struct audience *audience, const struct echo *echo)
{
    struct session *session = session_find(hub, echo->whose.session);
    struct member *member = session != NULL ? map_find(&session->members, audience->channel) : NULL;
    if (echo->whose.worker != hub->index || member == NULL || member->audience != audience)
        return 0;
    struct parts *parts = &audience->waiting[session->conn->dialect->index].parts;
    if (parts->count == 0)
        return 0;
    struct part *part = &parts->list[parts->count - 1];
    part->echoes = xrealloc(part->echoes, (part->echo_count + 1) * sizeof *part->echoes);
    part->echoes[part->echo_count++] = *echo;
    if (echo->instead != NULL)
        frame_ref(echo->instead);
    member->apart++;
    return part->frame->messages - (echo->instead != NULL ? echo->instead->messages : 0);
}

void audience_deliver(struct hub *hub, struct slice channel, struct frame *const *frames,
                      const struct echoes *echoes)
{
    struct audience *audience = map_find(&hub->audiences, channel);
    if (audience == NULL)
        return;
    bool is_long = false;
    unsigned messages = 0;
    for (unsigned d = 0; d < DIALECTS_MAX; d++)
        if (frames[d] != NULL) {
            agree(hub, audience, frames[d]->slow, echoes->is_apart);
            add_waiting(&audience->waiting[d], frames[d], echoes->is_apart);
            is_long = is_long || audience->waiting[d].bytes.len > RUN_BYTES_MAX;
            messages = frames[d]->messages;
        }
    int64_t missed = 0;
    for (unsigned i = 0; i < echoes->count; i++)
        missed += add_echo(hub, audience, &echoes->list[i]);
    put_in_list(hub, audience);
    if (is_long)
        audience_flush(hub, audience);
    stats_add(&hub->stats, STAT_MESSAGES_OUT, (int64_t)audience->count * messages - missed);
}
