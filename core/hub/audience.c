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

static struct slice group_key(const uint64_t *group)
{
    return slice_make((const char *)group, sizeof *group);
}

static struct audience *open_audience(struct hub *hub, uint64_t group, struct slice channel)
{
    struct audience *audience = map_find(&hub->audiences, group_key(&group));
    if (audience != NULL)
        return audience;
    audience = xcalloc(1, sizeof *audience);
    audience->group = group;
    audience->channel = slice_make(xslicedup(channel), channel.len);
    audience->number = next_number(hub);
    map_add(&hub->audiences, group_key(&audience->group), audience);
    map_add(&hub->numbered, number_key(&audience->number), audience);
    return audience;
}

struct audience *audience_numbered(struct hub *hub, uint32_t number)
{
    return map_find(&hub->numbered, number_key(&number));
}

/* ---- what waits ---- */

/* Past this what waits becomes a run. */
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

/* ---- runs ---- */

static bool has_waiting(const struct audience *audience)
{
    for (unsigned d = 0; d < DIALECTS_MAX; d++)
        if (audience->waiting[d].messages > 0)
            return true;
    return false;
}

/* What waits becomes the last run, if anything does. */
static void make_run(struct audience *audience)
{
    if (!has_waiting(audience))
        return;
    struct run *run = xcalloc(1, sizeof *run);
    run->number = audience->next_run++;
    run->slow = audience->slow;
    for (unsigned d = 0; d < DIALECTS_MAX; d++) {
        run->frames[d] = take_waiting(&audience->waiting[d], audience->slow);
        run->bytes += run->frames[d] != NULL ? run->frames[d]->len : 0;
        run->parts[d] = audience->waiting[d].parts;
        audience->waiting[d].parts = (struct parts){0};
    }
    if (audience->runs == NULL)
        audience->runs = run;
    else
        audience->last_run->next = run;
    audience->last_run = run;
    audience->run_bytes += run->bytes;
}

static void drop_first_run(struct audience *audience)
{
    struct run *run = audience->runs;
    audience->runs = run->next;
    audience->run_bytes -= run->bytes;
    audience->handed = 0;
    for (unsigned d = 0; d < DIALECTS_MAX; d++) {
        frame_unref(run->frames[d]);
        drop_parts(&run->parts[d]);
    }
    free(run);
}

/* ---- handing over ---- */

/* What a turn may still spend. */
struct share {
    uint64_t until_ns;
    unsigned members; /* before the next look at the clock */
};

enum { MEMBERS_A_LOOK = 512 };

static bool is_spent(struct share *share)
{
    if (share->members > 0)
        return false;
    share->members = MEMBERS_A_LOOK;
    return clock_monotonic_ns() > share->until_ns;
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
static void hand_to(const struct audience *audience, const struct run *run, struct member *member)
{
    struct conn *conn = member->session->conn;
    unsigned d = conn->dialect->index;
    const struct parts *parts = &run->parts[d];
    if (run->number < member->first_run)
        return;
    bool is_behind = run->slow == FRAME_CONFLATED && !outbox_is_empty(&conn->out);
    if (parts->count == 0 || (!is_behind && member->apart == 0)) {
        conn_deliver(conn, run->frames[d], audience->number);
        return;
    }
    for (unsigned i = 0; i < parts->count; i++) {
        struct frame *frame = heard_of(&parts->list[i], member);
        if (frame != NULL)
            conn_deliver(conn, frame, audience->number);
    }
}

/* Whether all hear the same of it: nobody came after it, and nobody hears it in parts. */
static bool is_same_for_all(const struct audience *audience, const struct run *run)
{
    unsigned parts = 0;
    for (unsigned d = 0; d < DIALECTS_MAX; d++)
        parts += run->parts[d].count;
    return parts == 0 && run->number >= audience->last_first_run;
}

static void hand_to_some(const struct audience *audience, const struct run *run,
                         struct member **members, unsigned count)
{
    bool is_same = is_same_for_all(audience, run);
    for (unsigned i = 0; i < count; i++) {
        struct conn *conn = members[i]->session->conn;
        if (is_same)
            conn_deliver(conn, run->frames[conn->dialect->index], audience->number);
        else
            hand_to(audience, run, members[i]);
    }
}

/* The first run. False: out of time, the rest of the members have it later. */
static bool hand_over(struct audience *audience, struct share *share)
{
    while (audience->handed < audience->count) {
        if (is_spent(share))
            return false;
        unsigned left = audience->count - audience->handed;
        unsigned some = left < share->members ? left : share->members;
        share->members -= some;
        struct member **next = &audience->members[audience->handed];
        audience->handed += some;
        hand_to_some(audience, audience->runs, next, some);
    }
    drop_first_run(audience);
    return true;
}

bool audience_flush_some(struct hub *hub, uint64_t until_ns)
{
    struct share share = {until_ns, MEMBERS_A_LOOK};
    while (hub->waiting != NULL) {
        struct audience *audience = hub->waiting;
        if (audience->runs == NULL)
            make_run(audience);
        if (audience->runs != NULL && !hand_over(audience, &share))
            return false;
        take_from_list(hub, audience);
        if (audience->runs != NULL || has_waiting(audience)) /* the others first */
            put_in_list(hub, audience);
    }
    return true;
}

void audience_catch_up(struct member *member)
{
    struct audience *audience = member->audience;
    make_run(audience);
    for (struct run *run = audience->runs; run != NULL; run = run->next)
        if (run != audience->runs || member->index >= audience->handed)
            hand_to(audience, run, member);
    member->first_run = audience->last_first_run = audience->next_run;
}

/* ---- members ---- */

static void close_audience(struct hub *hub, struct audience *audience)
{
    take_from_list(hub, audience);
    while (audience->runs != NULL)
        drop_first_run(audience);
    for (unsigned d = 0; d < DIALECTS_MAX; d++) {
        frame_unref(audience->waiting[d].frame);
        buf_finish(&audience->waiting[d].bytes);
        drop_parts(&audience->waiting[d].parts);
    }
    map_remove(&hub->audiences, group_key(&audience->group));
    map_remove(&hub->numbered, number_key(&audience->number));
    free((char *)audience->channel.at);
    free(audience->members);
    free(audience);
}

static void put_at(struct audience *audience, unsigned index, struct member *member)
{
    audience->members[index] = member;
    member->index = index;
}

/* Those who have the first run stay in front. */
static void take_out(struct audience *audience, const struct member *member)
{
    unsigned hole = member->index;
    if (hole < audience->handed) {
        audience->handed--;
        put_at(audience, hole, audience->members[audience->handed]);
        hole = audience->handed;
    }
    if (hole < --audience->count)
        put_at(audience, hole, audience->members[audience->count]);
}

void audience_add(struct hub *hub, struct member *member)
{
    struct audience *audience = open_audience(hub, member->group, member->channel);
    make_run(audience); /* not for it */
    if (audience->count == audience->room) {
        audience->room = audience->room ? audience->room * 2 : 2;
        audience->members = xrealloc(audience->members, audience->room * sizeof *audience->members);
    }
    member->audience = audience;
    member->first_run = audience->last_first_run = audience->next_run;
    put_at(audience, audience->count++, member);
    stats_add(&hub->stats, STAT_SUBSCRIPTIONS, 1);
}

void audience_remove(struct hub *hub, struct member *member)
{
    struct audience *audience = member->audience;
    if (audience == NULL)
        return;
    audience_catch_up(member);
    take_out(audience, member);
    member->audience = NULL;
    stats_add(&hub->stats, STAT_SUBSCRIPTIONS, -1);
    if (audience->count == 0)
        close_audience(hub, audience);
}

/* A reload may change the policy in the middle of a turn; a run has one. */
static void agree(struct audience *audience, enum frame_slow slow, bool is_apart)
{
    if (slow != audience->slow || is_apart != audience->is_apart)
        make_run(audience);
    audience->slow = slow;
    audience->is_apart = is_apart;
}

/* More is published than there is time to hand over: no more of it is kept than of one reader. */
static void bound_runs(struct hub *hub, struct audience *audience)
{
    struct share share = {UINT64_MAX, MEMBERS_A_LOOK};
    while (audience->run_bytes > hub->options->queue_bytes)
        hand_over(audience, &share);
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

void audience_deliver(struct hub *hub, uint64_t group, struct frame *const *frames,
                      const struct echoes *echoes)
{
    struct audience *audience = map_find(&hub->audiences, group_key(&group));
    if (audience == NULL)
        return;
    bool is_long = false;
    unsigned messages = 0;
    for (unsigned d = 0; d < DIALECTS_MAX; d++)
        if (frames[d] != NULL) {
            agree(audience, frames[d]->slow, echoes->is_apart);
            add_waiting(&audience->waiting[d], frames[d], echoes->is_apart);
            is_long = is_long || audience->waiting[d].bytes.len > RUN_BYTES_MAX;
            messages = frames[d]->messages;
        }
    int64_t missed = 0;
    for (unsigned i = 0; i < echoes->count; i++)
        missed += add_echo(hub, audience, &echoes->list[i]);
    put_in_list(hub, audience);
    if (is_long)
        make_run(audience);
    bound_runs(hub, audience);
    stats_add(&hub->stats, STAT_MESSAGES_OUT, (int64_t)audience->count * messages - missed);
}
