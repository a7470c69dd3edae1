#include "hub/lane.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/channel.h"
#include "hub/home.h"
#include "hub/hub.h"

enum { STEPS_A_TURN = 64 };

struct queued {
    struct queued *next;
    struct request request;
    uint64_t offset; /* of a notice */
    char bytes[];
};

static bool is_ordered(enum verb verb)
{
    return verb == VERB_PUBLISH || verb == VERB_CALL || verb == VERB_TIMER;
}

void lane_enter(struct channel *channel, const struct job *job)
{
    channel->waits++;
    channel->lane.is_held |= job->is_ordered;
    channel->lane.is_shut |= job->is_alone;
}

void lane_leave(struct channel *channel, const struct job *job)
{
    channel->waits--;
    channel->lane.is_held &= !job->is_ordered;
    channel->lane.is_shut &= !job->is_alone;
}

/* What cannot happen now, whatever waits already. While a channel cannot move to the generation in force nothing new
 * begins in the old one: else it might never move. */
static bool is_blocked(const struct channel *channel, enum verb verb)
{
    bool is_behind = channel->waits > 0 && channel->generation != channel->hub->generation;
    return is_behind || channel->lane.is_shut || (channel->lane.is_held && is_ordered(verb));
}

bool lane_is_taken(const struct channel *channel, enum verb verb)
{
    const struct lane *lane = &channel->lane;
    return is_blocked(channel, verb) || lane->others > 0 || (is_ordered(verb) && lane->count > 0);
}

/* ---- the queue ---- */

static void append(struct channel *channel, struct lane_queue *queue, const struct request *request, uint64_t offset)
{
    struct queued *queued = xmalloc(sizeof *queued + request_bytes(request));
    queued->next = NULL;
    queued->offset = offset;
    request_pack(&queued->request, request, queued->bytes);
    *(queue->last != NULL ? &queue->last->next : &queue->first) = queued;
    queue->last = queued;
    channel->lane.count++;
    channel->lane.bytes += request_bytes(request);
}

static struct queued *take(struct channel *channel, struct lane_queue *queue)
{
    struct queued *queued = queue->first;
    queue->first = queued->next;
    if (queue->first == NULL)
        queue->last = NULL;
    channel->lane.count--;
    channel->lane.bytes -= request_bytes(&queued->request);
    return queued;
}

static void free_queued(struct queued *queued)
{
    identity_unref(queued->request.who);
    free(queued);
}

static bool is_full(const struct channel *channel, const struct request *request)
{
    const struct hub_options *options = channel->hub->options;
    return channel->lane.count >= options->hook_queue ||
           channel->lane.bytes + request_bytes(request) > options->hook_queue_bytes;
}

bool lane_add(struct channel *channel, const struct request *request, struct error *err)
{
    bool is_always = request->verb == VERB_UNSUBSCRIBE || request->verb == VERB_KICK || request->verb == VERB_TIMER;
    if (!is_always && is_full(channel, request)) {
        stats_add(&channel->hub->stats, STAT_REFUSED_OVERLOADED, 1);
        return fail(err, ERROR_OVERLOADED, "overloaded: a hook of this channel waits, and %u commands wait for it",
                    channel->lane.count);
    }
    append(channel, &channel->lane.requests, request, 0);
    channel->lane.others += !is_ordered(request->verb);
    return true;
}

bool lane_add_notice(struct channel *channel, const struct request *request, uint64_t offset)
{
    if (!channel->lane.is_held && !channel->lane.is_shut && channel->lane.notices.first == NULL)
        return false;
    if (is_full(channel, request))
        stats_add(&channel->hub->stats, STAT_NOTICES_LEFT_OUT, 1);
    else
        append(channel, &channel->lane.notices, request, offset);
    return true;
}

/* ---- going on ---- */

/* False: nothing can happen now. */
static bool step(struct channel *channel)
{
    struct lane *lane = &channel->lane;
    if (lane->notices.first != NULL) {
        if (is_blocked(channel, VERB_PUBLISH))
            return false;
        struct queued *queued = take(channel, &lane->notices);
        home_notify(channel, &queued->request, queued->offset);
        free_queued(queued);
        return true;
    }
    if (lane->requests.first == NULL || is_blocked(channel, lane->requests.first->request.verb))
        return false;
    struct queued *queued = take(channel, &lane->requests);
    lane->others -= !is_ordered(queued->request.verb);
    home_resume(channel->hub, &queued->request);
    free_queued(queued);
    return true;
}

static void open_mail(void *context, struct mail *mail)
{
    struct channel *channel = CONTAINER(mail, struct channel, lane.mail);
    (void)context;
    channel->lane.is_posted = false;
    lane_go_on(channel);
    channel_reconsider(channel);
}

void lane_go_on(struct channel *channel)
{
    struct lane *lane = &channel->lane;
    if (lane->is_going_on || lane->is_posted)
        return;
    lane->is_going_on = true;
    int left = STEPS_A_TURN;
    while (left > 0 && step(channel))
        left--;
    lane->is_going_on = false;
    if (left > 0)
        return;
    lane->is_posted = true;
    lane->mail.open = open_mail;
    mailbox_post(channel->hub->mailbox, &lane->mail);
}

bool lane_is_busy(const struct channel *channel)
{
    return channel->waits > 0 || channel->lane.count > 0 || channel->lane.is_posted;
}

struct queued *lane_finish(struct channel *channel)
{
    struct queued *rest = channel->lane.requests.first;
    lane_give_up(channel->hub, channel->lane.notices.first);
    channel->lane = (struct lane){0};
    return rest;
}

void lane_hand_over(struct hub *hub, struct queued *rest)
{
    for (struct queued *next; rest != NULL; rest = next) {
        next = rest->next;
        home_reopen(hub, &rest->request);
        free_queued(rest);
    }
}

void lane_give_up(struct hub *hub, struct queued *rest)
{
    for (struct queued *next; rest != NULL; rest = next) {
        next = rest->next;
        request_give_up(hub, &rest->request);
        free_queued(rest);
    }
}
