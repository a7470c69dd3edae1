#include "hub/hub.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/admit.h"
#include "hub/audience.h"
#include "hub/channel.h"
#include "hub/home.h"
#include "hub/lane.h"
#include "hub/post.h"
#include "hub/member.h"
#include "hub/session.h"

enum { MOVES_A_TURN = 256 };

/* Channels that have not had an event since the generation changed, moved a few a turn. */
struct hub_move {
    struct mail mail; /* first: one turn's work is one letter to ourselves */
    struct hub *hub;
    void (*moved)(void *context);
    void *context;
    bool is_posted;
};

struct hub *hub_create(unsigned index, unsigned count, struct hub *const *peers, struct loop *loop,
                       const struct hub_options *options)
{
    struct hub *hub = xcalloc(1, sizeof *hub);
    hub->index = index;
    hub->count = count;
    hub->peers = peers;
    hub->loop = loop;
    hub->options = options;
    hub->timers = timers_create(loop);
    hub->mailbox = mailbox_create(loop, hub);
    if (options->deflates)
        hub->deflater = deflater_create(options->deflate_min);
    return hub;
}

/* While there is still a mailbox: what is given up may have others told. */
void hub_give_up(struct hub *hub)
{
    struct channel *channel;
    ensure(hub->sessions.count == 0);
    hub->is_ending = true;
    if (hub->behaviour.give_up != NULL)
        hub->behaviour.give_up(hub->behaviour.runtime);
    jobs_forget(&hub->jobs);
    arrivals_forget(hub);
    for (size_t at = 0; (channel = map_next(&hub->channels, &at)) != NULL;) {
        jobs_forget(&channel->jobs);
        lane_give_up(hub, lane_finish(channel));
    }
}

static void destroy_channels(struct hub *hub)
{
    while (hub->channels.count > 0) {
        size_t at = 0;
        channel_destroy(map_next(&hub->channels, &at));
    }
}

void hub_destroy(struct hub *hub)
{
    if (hub == NULL)
        return;
    wishes_end(hub);
    while (mailbox_open_all(hub->mailbox))
        continue;
    hub_give_up(hub);
    mailbox_destroy(hub->mailbox);
    destroy_channels(hub);
    wishes_finish(hub);
    free(hub->move); /* it waited for hooks that wait */
    timers_destroy(hub->timers);
    map_finish(&hub->channels);
    map_finish(&hub->audiences);
    map_finish(&hub->numbered);
    map_finish(&hub->sessions);
    map_finish(&hub->clients);
    buf_finish(&hub->field_texts);
    buf_finish(&hub->field_bytes);
    deflater_destroy(hub->deflater);
    free(hub);
}

/* ---- a new generation ---- */

static bool is_behind(const struct hub *hub, const struct channel *channel)
{
    return channel != NULL && channel->generation != hub->generation;
}

static void end_move(struct hub_move *move)
{
    move->hub->move = NULL;
    move->moved(move->context);
    free(move);
}

/* Not while a hook of it waits: then whoever ends that goes on here. */
static bool may_move(const struct hub *hub)
{
    return is_behind(hub, hub->oldest) && hub->oldest->waits == 0;
}

static void post_move(struct hub_move *move)
{
    move->is_posted = true;
    mailbox_post(move->hub->mailbox, &move->mail);
}

/* The oldest stand first, and binding puts a channel behind all others: so this goes on where it stopped, whatever
 * has come and gone meanwhile. */
static void move_some(void *context, struct mail *mail)
{
    struct hub_move *move = (struct hub_move *)mail;
    struct hub *hub = context;
    move->is_posted = false;
    for (int left = MOVES_A_TURN; left > 0 && may_move(hub); left--)
        channel_bind(hub->oldest);
    if (may_move(hub))
        post_move(move);
    else if (!is_behind(hub, hub->oldest) && !jobs_are_behind(hub->jobs, hub->generation) &&
             !arrivals_are_behind(hub))
        end_move(move);
}

void hub_go_on_moving(struct hub *hub)
{
    if (hub->move != NULL && !hub->move->is_posted)
        post_move(hub->move);
}

void hub_switch(struct hub *hub, const struct generation *generation, void (*moved)(void *context),
                void *context)
{
    ensure(hub->move == NULL);
    hub->generation = generation;
    struct hub_move *move = xcalloc(1, sizeof *move);
    *move = (struct hub_move){.hub = hub, .moved = moved, .context = context};
    move->mail.open = move_some;
    hub->move = move;
    move_some(hub, &move->mail);
}

/* ---- here or elsewhere ---- */

unsigned hub_home(const struct hub *hub, struct slice channel)
{
    return hub->count == 1 ? 0 : (unsigned)(hash_bytes(channel) % hub->count);
}

void hub_ask(struct hub *hub, const struct request *request)
{
    unsigned home = hub_home(hub, request->channel);
    if (home == hub->index)
        home_handle(hub, request);
    else
        post_request(hub->peers[home], request);
}

void hub_ask_later(struct hub *hub, const struct request *request)
{
    post_request(hub->peers[hub_home(hub, request->channel)], request);
}

void hub_answer(struct hub *hub, const struct asker *asker, const struct answer *answer)
{
    if (asker->answered == NULL)
        return;
    if (asker->worker == hub->index)
        asker->answered(hub, asker, answer);
    else
        post_answer(hub->peers[asker->worker], asker, answer);
}

void hub_evict(struct hub *hub, struct slice channel, const struct seat *seat, int code, struct slice reason)
{
    if (seat->key.worker == hub->index)
        member_evicted(hub, seat->key.session, channel, seat->number, code, reason);
    else
        post_eviction(hub->peers[seat->key.worker], channel, seat, code, reason);
}

void hub_move_member(struct hub *hub, struct slice channel, const struct seat *seat)
{
    if (seat->key.worker == hub->index)
        member_moved(hub, seat->key.session, channel, seat->number, seat->group->number);
    else
        post_member_move(hub->peers[seat->key.worker], channel, seat);
}

void hub_fan_out(struct hub *hub, unsigned worker, uint64_t group, struct frame *const *frames,
                 const struct echoes *echoes)
{
    if (worker == hub->index)
        audience_deliver(hub, group, frames, echoes);
    else
        post_frames(hub->peers[worker], group, frames, echoes);
}

void hub_tell_clients(struct hub *hub, const struct effect *effect)
{
    for (unsigned worker = 0; worker < hub->count; worker++)
        post_effect(hub->peers[worker], effect);
}

void hub_tell_page(struct hub *hub, struct slice news)
{
    if (hub->options->is_dev)
        hub_ask_later(hub, &(struct request){.verb = VERB_PUBLISH, .channel = SLICE("weir:dev"), .data = news});
}

/* ---- rounds ---- */

static void visit_next(void *context, struct mail *mail)
{
    struct round *round = CONTAINER(mail, struct round, mail);
    struct hub *hub = context;
    if (round->at == hub->count) {
        round->done(hub, round);
        return;
    }
    round->visit(hub, round);
    round->at++;
    mailbox_post(hub->peers[(round->origin + round->at) % hub->count]->mailbox, &round->mail);
}

void hub_go_round(struct hub *hub, struct round *round)
{
    round->origin = hub->index;
    round->at = 0;
    round->mail.open = visit_next;
    visit_next(hub, &round->mail);
}
