#include "hub/home.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/fit.h"
#include "hub/hub.h"
#include "hub/keep.h"
#include "hub/permit.h"
#include "hub/presence.h"
#include "hub/render.h"

static void refuse(struct hub *hub, const struct request *request, const struct error *error)
{
    struct answer answer = {.verb = request->verb,
                            .error = error,
                            .channel = request->channel,
                            .seat = request->seat};
    hub_answer(hub, &request->asker, &answer);
}

static void refuse_code(struct hub *hub, const struct request *request, enum error_code code)
{
    struct error error;
    fail_code(&error, code);
    refuse(hub, request, &error);
}

static struct answer answer_to(const struct request *request)
{
    return (struct answer){.verb = request->verb, .channel = request->channel, .seat = request->seat};
}

/* ---- effects: what a hook wished, in its order ---- */

static void house_publish(struct channel *channel, struct slice data, unsigned hops);

static bool is_for_clients(const struct effect *effect)
{
    return effect->kind == EFFECT_SEND || effect->kind == EFFECT_CLOSE;
}

void home_wish(struct hub *hub, const struct effect *effect, unsigned hops)
{
    if (is_for_clients(effect))
        hub_tell_clients(hub, effect);
    if (is_for_clients(effect) || hub_keep(hub, effect))
        return;
    struct request request = {
        .verb = effect->kind == EFFECT_KICK ? VERB_KICK : VERB_PUBLISH,
        .channel = effect->channel,
        .data = effect->data,
        .user = effect->user,
        .client = effect->client,
        .reason = effect->reason,
        .code = effect->code != 0 ? effect->code : UNSUBSCRIBED_BY_SERVER,
        .hops = hops};
    hub_ask_later(hub, &request);
}

/* Once the client that asked has its answer: it may be the one that is sent to, or closed. */
static void apply_client_effects(struct job *job)
{
    for (struct effect *effect = job->call.effects.first; effect != NULL; effect = effect->next)
        if (is_for_clients(effect))
            hub_tell_clients(job->hub, effect);
}

/* A hook's wishes for its own channel happen before what the hook judged, as they stand in the script;
 * what on_published wishes comes later, so that nothing here calls itself without end. */
static void apply_effects(struct job *job)
{
    struct channel *channel = job->channel;
    struct call *call = &job->call;
    bool is_inline = call->hook != HOOK_PUBLISHED && call->hook != HOOK_CLOSE;
    for (struct effect *effect = call->effects.first; effect != NULL; effect = effect->next) {
        if (is_for_clients(effect))
            continue;
        if (effect->kind == EFFECT_TIMER || effect->kind == EFFECT_CANCEL) {
            channel_timer_wish(channel, effect);
            continue;
        }
        bool is_own = effect->kind == EFFECT_PUBLISH && slice_is_equal(effect->channel, channel->name);
        if (is_inline && is_own && channel->type != NULL)
            house_publish(channel, effect->data, call->hops + 1);
        else
            home_wish(channel->hub, effect, call->hops + 1);
    }
}

/* ---- hooks ---- */

static bool has_hook(const struct channel *channel, enum hook hook)
{
    return channel->type->hooks >> hook & 1;
}

/* The channel's type may have gone while the hook waited. */
static bool is_homeless(const struct job *job)
{
    struct error error;
    if (job->channel->type != NULL)
        return false;
    fail_code(&error, ERROR_UNKNOWN_CHANNEL);
    refuse(job->hub, &job->request, &error);
    once_abandon(&job->channel->once);
    return true;
}

/* Of a hook whose answer nobody waits for. */
static void only_effects(struct job *job)
{
    apply_effects(job);
    apply_client_effects(job);
}

static void closed(struct job *job)
{
    only_effects(job);
    struct queued *rest = lane_finish(job->channel);
    channel_destroy(job->channel);
    lane_hand_over(job->hub, rest);
}

void home_begin(struct channel *channel, enum hook hook, unsigned from, unsigned hops)
{
    struct job job = {.hub = channel->hub, .channel = channel, .after = only_effects};
    job.request = (struct request){.channel = channel->name, .hops = hops};
    job.call.offset = from;
    job.is_ordered = job.is_alone = true;
    if (has_hook(channel, hook))
        job_run(&job, hook);
}

void home_close(struct channel *channel)
{
    struct job job = {.hub = channel->hub,
                      .channel = channel,
                      .request = {.channel = channel->name},
                      .after = closed,
                      .is_ordered = true,
                      .is_alone = true};
    if (channel->type != NULL && has_hook(channel, HOOK_CLOSE))
        job_run(&job, HOOK_CLOSE);
    else
        closed(&job);
}

/* ---- publish ---- */

/* From here on the message exists: it has its place in the order, and everybody gets it. `request` is that of the client
 * who published it; NULL: the house. */
static void deliver(struct channel *channel, struct slice data, const struct request *request)
{
    const struct identity *who = request != NULL ? request->who : NULL;
    uint64_t now = loop_now_ms(channel->hub->loop);
    struct publication publication = {.channel = channel->name, .data = data, .who = who};
    if (who != NULL)
        publication.from = (struct seat_key){request->asker.id, request->asker.worker};
    if (channel->type->history_size > 0) {
        publication.offset = ++channel->offset;
        history_expire(&channel->history, now);
        history_add(&channel->history, publication.offset, data, who, now);
    }
    rollup_hear(channel, data);
    publication.rendering = rendering_create(channel->type);
    stats_add(&channel->hub->stats, STAT_MESSAGES_IN, 1);
    delivery_publish(channel, &publication);
    latest_keep(channel, &publication);
    rendering_unref(publication.rendering);
    if (channel->seats.count == 0 && !channel->timers.is_ringing)
        channel_reconsider(channel);
}

void home_notify(struct channel *channel, const struct request *request, uint64_t offset)
{
    struct job job = {.hub = channel->hub,
                      .channel = channel,
                      .request = *request,
                      .call.offset = offset,
                      .after = only_effects,
                      .is_ordered = true};
    if (channel->type != NULL && has_hook(channel, HOOK_PUBLISHED))
        job_run(&job, HOOK_PUBLISHED);
}

static void tell_published(struct channel *channel, struct slice data, const struct identity *who,
                           unsigned hops)
{
    struct request request = {
        .verb = VERB_PUBLISH, .channel = channel->name, .who = who, .data = data, .hops = hops};
    if (has_hook(channel, HOOK_PUBLISHED) && !lane_add_notice(channel, &request, channel->offset))
        home_notify(channel, &request, channel->offset);
}

static void house_publish(struct channel *channel, struct slice data, unsigned hops)
{
    deliver(channel, data, NULL);
    tell_published(channel, data, NULL, hops);
}

/* The end of a publish or a call. */
static void conclude(struct channel *channel, const struct request *request, const struct answer *answer)
{
    once_keep(channel, request, answer);
    hub_answer(channel->hub, &request->asker, answer);
}

static void refuse_by_script(struct job *job)
{
    struct answer answer = answer_to(&job->request);
    answer.error = &job->call.error;
    stats_add(&job->hub->stats, STAT_REFUSED_SCRIPT, 1);
    conclude(job->channel, &job->request, &answer);
}

static void answer_published(struct channel *channel, const struct request *request)
{
    struct answer answer = answer_to(request);
    if (channel->type->history_size > 0) {
        answer.offset = channel->offset;
        answer.epoch = slice_of(channel->epoch);
    }
    conclude(channel, request, &answer);
}

static void publish_judged(struct job *job)
{
    struct channel *channel = job->channel;
    const struct request *request = &job->request;
    struct call *call = &job->call;
    struct slice data = call->verdict == VERDICT_REPLACE ? buf_slice(&call->out) : request->data;
    bool is_told = call->verdict == VERDICT_ACCEPT || call->verdict == VERDICT_REPLACE;
    if (is_homeless(job))
        return;
    if (is_told && !fit_told(job->hub, channel->type, channel->name, data, &call->error)) {
        call->verdict = VERDICT_REFUSE; /* an error of the script's, so what it wished is discarded */
        effects_discard(&call->effects);
    }
    apply_effects(job);
    if (call->verdict == VERDICT_REFUSE) {
        refuse_by_script(job);
    } else if (call->verdict == VERDICT_DROP) {
        stats_add(&job->hub->stats, STAT_DROPS_SCRIPT, 1);
        answer_published(channel, request);
    } else {
        deliver(channel, data, request);
        answer_published(channel, request);
        tell_published(channel, data, request->who, 0);
    }
    apply_client_effects(job);
}

static void publish(struct channel *channel, const struct request *request)
{
    struct error error;
    if (request->who == NULL) {
        if (!fit_told(channel->hub, channel->type, channel->name, request->data, &error)) {
            refuse(channel->hub, request, &error);
            return;
        }
        deliver(channel, request->data, NULL);
        answer_published(channel, request);
        tell_published(channel, request->data, NULL, request->hops);
        return;
    }
    if (once_answered(channel, request))
        return;
    struct job job = {.hub = channel->hub,
                      .channel = channel,
                      .request = *request,
                      .after = publish_judged,
                      .is_ordered = true};
    if (has_hook(channel, HOOK_PUBLISH))
        job_run(&job, HOOK_PUBLISH);
    else
        publish_judged(&job);
}

/* ---- subscribe and unsubscribe ---- */

static void answer_subscribed(const struct job *job, const struct seat *seat)
{
    struct latest_list latest;
    struct answer answer = answer_to(&job->request);
    latest_show(job->channel, seat->group, &latest);
    answer.group = seat->group->number;
    answer.publications = latest.publications;
    answer.publication_count = latest.count;
    if (job->call.verdict == VERDICT_REPLACE)
        answer.data = buf_slice(&job->call.out);
    stats_add(&job->hub->stats, STAT_MESSAGES_OUT, latest.count);
    hub_answer(job->hub, &job->request.asker, &answer);
    latest_list_finish(&latest);
}

static void take_seat(struct job *job)
{
    const struct request *request = &job->request;
    struct channel *channel = job->channel;
    struct spot spot;
    struct error error;
    if (!permit_spot(job->hub, request, channel->type, channel->params, &spot, &error)) {
        refuse(job->hub, request, &error);
        return;
    }
    delivery_flush(channel); /* who comes gets what is published from now on */
    struct group *group = group_open(channel, &spot);
    if (group == NULL) {
        stats_add(&job->hub->stats, STAT_REFUSED_LIMIT, 1);
        refuse_code(job->hub, request, ERROR_LIMIT_EXCEEDED);
        return;
    }
    struct seat facts = {.key = {request->asker.id, request->asker.worker},
                         .number = request->seat,
                         .identity = (struct identity *)request->who,
                         .dialect = request->dialect};
    ensure(channel_find_seat(channel, facts.key) == NULL);
    answer_subscribed(job, channel_add_seat(channel, &facts, group));
}

static void subscribed(struct job *job)
{
    if (is_homeless(job))
        return;
    if ((job->is_kicked || recheck_refuses(job)) && job->call.verdict != VERDICT_REFUSE) {
        refuse_code(job->hub, &job->request, ERROR_PERMISSION_DENIED);
    } else if (job->call.verdict == VERDICT_REFUSE) {
        stats_add(&job->hub->stats, STAT_REFUSED_SCRIPT, 1);
        refuse(job->hub, &job->request, &job->call.error);
    } else if (!job->is_left) {
        take_seat(job);
    }
    apply_effects(job);
    channel_reconsider(job->channel);
    apply_client_effects(job);
}

/* Takes the seat away, then tells the script: whoever has left is no member when on_unsubscribe runs. */
static void leave(struct channel *channel, struct seat *seat, const struct request *request)
{
    struct identity *who = identity_ref(seat->identity);
    struct job job = {.hub = channel->hub,
                      .channel = channel,
                      .request = {.channel = channel->name,
                                  .who = who,
                                  .code = request->code,
                                  .reason = request->reason,
                                  .hops = request->hops},
                      .after = only_effects};
    channel_remove_seat(channel, seat);
    if (channel->type != NULL && has_hook(channel, HOOK_UNSUBSCRIBE))
        job_run(&job, HOOK_UNSUBSCRIBE);
    identity_unref(who);
    channel_reconsider(channel);
}

/* Whoever was put out may be back before on_unsubscribe was told. */
static void end_old_stay(struct channel *channel, const struct request *request)
{
    struct seat *seat = channel_find_seat(channel, (struct seat_key){request->asker.id, request->asker.worker});
    if (seat == NULL)
        return;
    ensure(seat->group == NULL);
    struct request farewell = {.code = UNSUBSCRIBED_INSUFFICIENT_STATE, .reason = GROUP_PUT_OUT};
    leave(channel, seat, &farewell);
}

static void subscribe(struct channel *channel, const struct request *request)
{
    struct job job = {.hub = channel->hub, .channel = channel, .request = *request, .after = subscribed};
    end_old_stay(channel, request);
    if (has_hook(channel, HOOK_SUBSCRIBE))
        job_run(&job, HOOK_SUBSCRIBE);
    else
        subscribed(&job);
}

/* The subscription whose hook still waits; NULL: none. */
static struct job *find_arrival(const struct channel *channel, const struct request *request)
{
    for (struct job *job = channel->jobs; job != NULL; job = job->next)
        if (job->call.hook == HOOK_SUBSCRIBE && job->request.asker.id == request->asker.id &&
            job->request.asker.worker == request->asker.worker && job->request.seat == request->seat)
            return job;
    return NULL;
}

static void unsubscribe(struct channel *channel, const struct request *request)
{
    struct seat_key key = {request->asker.id, request->asker.worker};
    struct seat *seat = channel_find_seat(channel, key);
    struct job *arrival = find_arrival(channel, request);
    if (arrival != NULL)
        arrival->is_left = true;
    if (seat != NULL && seat->number == request->seat)
        leave(channel, seat, request);
}

/* ---- kick ---- */

static bool is_meant(const struct identity_facts *who, const struct request *request)
{
    return (request->user.at == NULL || slice_is_equal(who->user, request->user)) &&
           (request->client.at == NULL || slice_is_equal(who->client, request->client));
}

static void kick_arrivals(struct channel *channel, const struct request *request)
{
    for (struct job *job = channel->jobs; job != NULL; job = job->next)
        if (job->call.hook == HOOK_SUBSCRIBE && is_meant(&job->request.who->facts, request))
            job->is_kicked = true;
}

static void kick(struct channel *channel, const struct request *request)
{
    struct hub *hub = channel->hub;
    struct seat **meant = xcalloc(channel->seats.count + 1, sizeof *meant), *seat;
    size_t count = 0;
    kick_arrivals(channel, request);
    for (size_t at = 0; (seat = map_next(&channel->seats, &at)) != NULL;)
        if (is_meant(&seat->identity->facts, request))
            meant[count++] = seat;
    for (size_t i = 0; i < count; i++) {
        hub_evict(hub, channel->name, meant[i], request->code, request->reason);
        leave(channel, meant[i], request);
    }
    stats_add(&hub->stats, STAT_KICKED, (int64_t)count);
    free(meant);
}

/* ---- call ---- */

static void called(struct job *job)
{
    const struct call *call = &job->call;
    if (is_homeless(job))
        return;
    apply_effects(job);
    if (call->verdict == VERDICT_REFUSE) {
        refuse_by_script(job);
    } else {
        struct answer answer = answer_to(&job->request);
        answer.data = call->out.len > 0 ? buf_slice(&call->out) : SLICE("null");
        conclude(job->channel, &job->request, &answer);
    }
    apply_client_effects(job);
}

static void call_method(struct channel *channel, const struct request *request)
{
    if (once_answered(channel, request))
        return;
    struct job job = {.hub = channel->hub,
                      .channel = channel,
                      .request = *request,
                      .after = called,
                      .is_ordered = true};
    job_run(&job, HOOK_CALL);
}

/* ---- timers ---- */

static void rung(struct job *job)
{
    job->channel->timers.is_ringing = true;
    only_effects(job);
    job->channel->timers.is_ringing = false;
    if (job->call.verdict == VERDICT_REFUSE && job->call.error.code == ERROR_METHOD_NOT_FOUND)
        channel_timer_fails(job->channel, &job->request);
}

static void ring(struct channel *channel, const struct request *request)
{
    struct job job = {.hub = channel->hub,
                      .channel = channel,
                      .request = *request,
                      .after = rung,
                      .is_ordered = true};
    bool kept_alive = channel->timers.single > 0;
    if (!channel_timer_comes(channel, request))
        return;
    if (channel->type != NULL && has_hook(channel, HOOK_TIMER))
        job_run(&job, HOOK_TIMER);
    else if (channel->type != NULL)
        channel_timer_fails(channel, request);
    if (kept_alive)
        channel_reconsider(channel);
}

/* ---- the door ---- */

static void (*const verbs[VERB_COUNT])(struct channel *channel, const struct request *request) = {
    [VERB_SUBSCRIBE] = subscribe, [VERB_UNSUBSCRIBE] = unsubscribe, [VERB_PUBLISH] = publish,
    [VERB_CALL] = call_method,    [VERB_KICK] = kick,               [VERB_TIMER] = ring,
};

/* Scripts that publish in a circle: each of their hooks is one hop. */
static bool is_circle(struct hub *hub, const struct request *request)
{
    if (request->hops <= HOPS_MAX)
        return false;
    stats_add(&hub->stats, STAT_DROPS_HOPS, 1);
    log_event(hub->options->log, LOG_WARN, "hops", "hint",
              "scripts publish or open channels in a circle; what the last one wished was dropped", NULL);
    return true;
}

/* What only a channel that lives can have happen, and nothing refuses. */
static bool is_of_the_living(enum verb verb)
{
    return verb == VERB_UNSUBSCRIBE || verb == VERB_KICK || verb == VERB_TIMER;
}

/* Now, or when what it has to wait for is over. */
static void begin(struct channel *channel, const struct request *request)
{
    struct error error;
    if (!lane_is_taken(channel, request->verb))
        verbs[request->verb](channel, request);
    else if (!lane_add(channel, request, &error))
        refuse(channel->hub, request, &error);
}

/* The channel that is asked, made live if need be; NULL: refused, or there is nothing to do. */
static struct channel *find_asked(struct hub *hub, const struct request *request)
{
    struct error error;
    if (is_of_the_living(request->verb))
        return channel_find(hub, request->channel);
    if (!permit(hub, request, &error)) {
        refuse(hub, request, &error);
        return NULL;
    }
    if (verb_is_question(request->verb)) { /* asking makes no channel live: nobody is in one that is not */
        presence_answer(hub, request, channel_find(hub, request->channel));
        return NULL;
    }
    struct channel *channel = channel_open(hub, request->channel, request->hops);
    if (channel == NULL) /* on_open's own wishes cannot take the type away, a reload can */
        refuse_code(hub, request, ERROR_UNKNOWN_CHANNEL);
    return channel;
}

static bool is_counted(enum verb verb)
{
    return verb == VERB_PUBLISH || verb == VERB_CALL;
}

void home_handle(struct hub *hub, const struct request *request)
{
    struct error error;
    if (is_circle(hub, request)) {
        refuse_code(hub, request, ERROR_LIMIT_EXCEEDED);
        return;
    }
    struct channel *channel = find_asked(hub, request);
    if (channel == NULL)
        return;
    if (is_counted(request->verb) && !limit_take(channel, request, &error))
        refuse(hub, request, &error);
    else
        begin(channel, request);
}

void home_resume(struct hub *hub, const struct request *request)
{
    struct channel *channel = find_asked(hub, request);
    if (channel != NULL)
        verbs[request->verb](channel, request);
}

void home_reopen(struct hub *hub, const struct request *request)
{
    struct error unused;
    struct channel *channel = find_asked(hub, request);
    if (channel == NULL)
        return;
    /* The new channel is told, but cannot refuse what the old one has let through. */
    if (is_counted(request->verb))
        (void)!limit_take(channel, request, &unused);
    begin(channel, request);
}
