#include "hub/home.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/hub.h"

/* What is being handled: who asks what of which channel. */
struct event {
    struct hub *hub;
    const struct request *request;
    struct channel *channel;
};

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
    if (is_for_clients(effect)) {
        hub_tell_clients(hub, effect);
        return;
    }
    struct request request = {
        .verb = effect->kind == EFFECT_KICK ? VERB_KICK : VERB_PUBLISH,
        .channel = effect->channel,
        .data = effect->data,
        .user = effect->user,
        .client = effect->client,
        .reason = effect->reason,
        .code = effect->code != 0 ? effect->code : UNSUBSCRIBED_BY_SERVER,
        .hops = hops,
    };
    hub_ask_later(hub, &request);
}

/* Once the client that asked has its answer: it may be the one that is sent to, or closed. */
static void apply_client_effects(struct channel *channel, struct call *call)
{
    for (struct effect *effect = call->effects.first; effect != NULL; effect = effect->next)
        if (is_for_clients(effect))
            hub_tell_clients(channel->hub, effect);
}

static void end_call(struct channel *channel, struct call *call)
{
    apply_client_effects(channel, call);
    call_finish(call);
}

/* A hook's wishes for its own channel happen before what the hook judged, as they stand in the script;
 * what on_published wishes comes later, so that nothing here calls itself without end. */
static void apply_effects(struct channel *channel, struct call *call)
{
    bool is_inline = call->hook != HOOK_PUBLISHED && call->hook != HOOK_CLOSE;
    for (struct effect *effect = call->effects.first; effect != NULL; effect = effect->next) {
        if (is_for_clients(effect))
            continue;
        bool is_own = effect->kind == EFFECT_PUBLISH && slice_is_equal(effect->channel, channel->name);
        if (is_inline && is_own)
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

static void run_hook(struct channel *channel, struct call *call)
{
    struct behaviour *behaviour = &channel->hub->behaviour;
    behaviour->channel(behaviour->runtime, channel, call);
}

void home_run_plain_hook(struct channel *channel, enum hook hook, unsigned hops)
{
    if (!has_hook(channel, hook))
        return;
    struct call call = {.hook = hook, .hops = hops};
    run_hook(channel, &call);
    apply_effects(channel, &call);
    end_call(channel, &call);
}

/* ---- rules ---- */

static const char *verb_name(enum verb verb)
{
    return verb == VERB_PUBLISH ? "publish" : verb == VERB_CALL ? "call" : "subscribe";
}

static const struct rule *rule_of(const struct channel_type *type, enum verb verb)
{
    return verb == VERB_PUBLISH ? type->publish : verb == VERB_CALL ? type->call : type->subscribe;
}

/* The house may do everything. In dev mode a refusal carries its evaluation. */
static bool is_allowed(struct hub *hub, const struct request *request, const struct channel_type *type,
                       const struct slice *params, struct error *err)
{
    if (request->who == NULL)
        return true;
    const struct identity_facts *who = &request->who->facts;
    struct rule_facts facts = {.user = who->user, .roles = who->roles, .claims = who->claims, .ip = who->ip,
                               .param_values = params};
    facts.param_count = pattern_params(type->pattern, &facts.param_names);
    if (rule_allows(rule_of(type, request->verb), &facts, NULL))
        return true;
    stats_add(&hub->stats, STAT_REFUSED_RULE, 1);
    if (!hub->options->is_dev)
        return fail_code(err, ERROR_PERMISSION_DENIED);
    struct buf why = {0};
    rule_allows(rule_of(type, request->verb), &facts, &why);
    fail(err, ERROR_PERMISSION_DENIED, "permission denied by the %s rule: %s (%s:%d)",
         verb_name(request->verb), buf_text(&why), type->file, type->line);
    buf_finish(&why);
    return false;
}

/* ---- schema ---- */

/* What a client publishes; the house may say what it likes. */
static bool fits_schema(struct hub *hub, const struct request *request, const struct channel_type *type,
                        struct error *err)
{
    struct schema_fault fault;
    if (request->verb != VERB_PUBLISH || request->who == NULL || type->schema == NULL ||
        schema_check(type->schema, request->data, &fault))
        return true;
    struct buf why = {0};
    stats_add(&hub->stats, STAT_REFUSED_SCHEMA, 1);
    schema_explain(&fault, &why);
    fail(err, ERROR_REJECTED, "rejected by the schema: %s", buf_text(&why));
    buf_finish(&why);
    return false;
}

static bool is_question(enum verb verb)
{
    return verb == VERB_PRESENCE || verb == VERB_PRESENCE_STATS;
}

/* Finds the type and asks its rule before there is a channel: strangers make nothing live. */
static bool admit(struct hub *hub, const struct request *request, struct error *err)
{
    struct slice params[PATTERN_PARAMS_MAX];
    if (!channel_is_name(request->channel)) {
        stats_add(&hub->stats, STAT_REFUSED_LIMIT, 1);
        return fail(err, ERROR_BAD_REQUEST, "bad request: a channel's name is 1 to %d printable ASCII characters",
                    CHANNEL_NAME_MAX);
    }
    const struct channel_type *type = generation_find(hub->generation, request->channel, params);
    if (type == NULL) {
        stats_add(&hub->stats, STAT_DROPS_UNKNOWN, request->verb == VERB_PUBLISH);
        return fail_code(err, ERROR_UNKNOWN_CHANNEL);
    }
    if (!is_allowed(hub, request, type, params, err))
        return false;
    if (request->data.len > type->max_size) {
        stats_add(&hub->stats, STAT_REFUSED_SIZE, 1);
        return fail(err, ERROR_TOO_LARGE, "message too large: %zu bytes, max_size of this channel is %zu",
                    request->data.len, type->max_size);
    }
    if (!fits_schema(hub, request, type, err))
        return false;
    if (request->verb == VERB_CALL && !(type->hooks >> HOOK_CALL & 1))
        return fail_code(err, ERROR_METHOD_NOT_FOUND);
    if (is_question(request->verb) && !type->presence)
        return fail_code(err, ERROR_NOT_AVAILABLE);
    return true;
}

/* ---- publish ---- */

/* From here on the message exists: it has its place in the order, and everybody gets it. */
static void deliver(struct channel *channel, struct slice data, const struct identity *who)
{
    uint64_t now = loop_now_ms(channel->hub->loop);
    struct publication publication = {.channel = channel->name, .data = data, .who = who};
    if (channel->type->history_size > 0) {
        publication.offset = ++channel->offset;
        history_expire(&channel->history, now);
        history_add(&channel->history, publication.offset, data, who, now);
    }
    stats_add(&channel->hub->stats, STAT_MESSAGES_IN, 1);
    delivery_publish(channel, &publication);
    if (channel->seats.count == 0)
        channel_reconsider(channel);
}

static void tell_published(struct channel *channel, struct slice data, const struct identity *who,
                           unsigned hops)
{
    if (!has_hook(channel, HOOK_PUBLISHED))
        return;
    struct call call = {
        .hook = HOOK_PUBLISHED, .who = who, .data = data, .offset = channel->offset, .hops = hops};
    run_hook(channel, &call);
    apply_effects(channel, &call);
    end_call(channel, &call);
}

static void house_publish(struct channel *channel, struct slice data, unsigned hops)
{
    deliver(channel, data, NULL);
    tell_published(channel, data, NULL, hops);
}

static void answer_published(struct event *event)
{
    struct answer answer = answer_to(event->request);
    if (event->channel->type->history_size > 0) {
        answer.offset = event->channel->offset;
        answer.epoch = slice_of(event->channel->epoch);
    }
    hub_answer(event->hub, &event->request->asker, &answer);
}

static void publish_judged(struct event *event, struct call *call)
{
    const struct request *request = event->request;
    struct slice data = call->verdict == VERDICT_REPLACE ? buf_slice(&call->out) : request->data;
    apply_effects(event->channel, call);
    if (call->verdict == VERDICT_REFUSE) {
        stats_add(&event->hub->stats, STAT_REFUSED_SCRIPT, 1);
        refuse(event->hub, request, &call->error);
        return;
    }
    if (call->verdict == VERDICT_DROP) {
        stats_add(&event->hub->stats, STAT_DROPS_SCRIPT, 1);
    } else {
        deliver(event->channel, data, request->who);
        tell_published(event->channel, data, request->who, 0);
    }
    answer_published(event);
}

static void publish(struct event *event)
{
    const struct request *request = event->request;
    if (request->who == NULL) {
        house_publish(event->channel, request->data, request->hops);
        answer_published(event);
        return;
    }
    struct call call = {.hook = HOOK_PUBLISH, .who = request->who, .data = request->data};
    if (has_hook(event->channel, HOOK_PUBLISH))
        run_hook(event->channel, &call);
    publish_judged(event, &call);
    end_call(event->channel, &call);
}

/* ---- subscribe and unsubscribe ---- */

static void subscribe(struct event *event)
{
    const struct request *request = event->request;
    struct channel *channel = event->channel;
    struct call call = {.hook = HOOK_SUBSCRIBE, .who = request->who, .data = request->data};
    if (has_hook(channel, HOOK_SUBSCRIBE))
        run_hook(channel, &call);
    if (call.verdict == VERDICT_REFUSE) {
        stats_add(&event->hub->stats, STAT_REFUSED_SCRIPT, 1);
        refuse(event->hub, request, &call.error);
    } else {
        struct seat_key key = {request->asker.id, request->asker.worker};
        ensure(channel_find_seat(channel, key) == NULL);
        delivery_flush(channel); /* who comes gets what is published from now on */
        channel_add_seat(channel, &(struct seat){.key = key,
                                                 .number = request->seat,
                                                 .identity = (struct identity *)request->who,
                                                 .dialect = request->dialect});
        struct answer answer = answer_to(request);
        if (call.verdict == VERDICT_REPLACE)
            answer.data = buf_slice(&call.out);
        hub_answer(event->hub, &request->asker, &answer);
    }
    apply_effects(channel, &call);
    channel_reconsider(channel);
    end_call(channel, &call);
}

/* Takes the seat away, then tells the script: whoever has left is no member when on_unsubscribe runs. */
static void leave(struct channel *channel, struct seat *seat, const struct request *request)
{
    struct identity *who = identity_ref(seat->identity);
    channel_remove_seat(channel, seat);
    if (channel->type != NULL && has_hook(channel, HOOK_UNSUBSCRIBE)) {
        struct call call = {.hook = HOOK_UNSUBSCRIBE,
                            .who = who,
                            .code = request->code,
                            .reason = request->reason,
                            .hops = request->hops};
        run_hook(channel, &call);
        apply_effects(channel, &call);
        end_call(channel, &call);
    }
    identity_unref(who);
    channel_reconsider(channel);
}

static void unsubscribe(struct hub *hub, const struct request *request)
{
    struct channel *channel = channel_find(hub, request->channel);
    if (channel == NULL)
        return;
    struct seat_key key = {request->asker.id, request->asker.worker};
    struct seat *seat = channel_find_seat(channel, key);
    if (seat != NULL && seat->number == request->seat)
        leave(channel, seat, request);
}

/* ---- kick ---- */

static bool is_meant(const struct seat *seat, const struct request *request)
{
    const struct identity_facts *who = &seat->identity->facts;
    return (request->user.at == NULL || slice_is_equal(who->user, request->user)) &&
           (request->client.at == NULL || slice_is_equal(who->client, request->client));
}

static void kick(struct hub *hub, const struct request *request)
{
    struct channel *channel = channel_find(hub, request->channel);
    if (channel == NULL)
        return;
    struct seat **meant = xcalloc(channel->seats.count + 1, sizeof *meant), *seat;
    size_t count = 0;
    for (size_t at = 0; (seat = map_next(&channel->seats, &at)) != NULL;)
        if (is_meant(seat, request))
            meant[count++] = seat;
    for (size_t i = 0; i < count; i++) {
        hub_evict(hub, channel->name, meant[i], request->code, request->reason);
        leave(channel, meant[i], request);
    }
    stats_add(&hub->stats, STAT_KICKED, (int64_t)count);
    free(meant);
}

/* ---- call and presence ---- */

static void call_method(struct event *event)
{
    const struct request *request = event->request;
    struct call call = {
        .hook = HOOK_CALL, .who = request->who, .data = request->data, .method = request->method};
    run_hook(event->channel, &call);
    apply_effects(event->channel, &call);
    if (call.verdict == VERDICT_REFUSE) {
        stats_add(&event->hub->stats, STAT_REFUSED_SCRIPT, 1);
        refuse(event->hub, request, &call.error);
    } else {
        struct answer answer = answer_to(request);
        answer.data = call.out.len > 0 ? buf_slice(&call.out) : SLICE("null");
        hub_answer(event->hub, &request->asker, &answer);
    }
    end_call(event->channel, &call);
}

static void presence(struct hub *hub, const struct request *request, const struct map *seats)
{
    const struct identity **members = xcalloc(seats->count + 1, sizeof *members);
    struct answer answer = answer_to(request);
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
    struct answer answer = answer_to(request);
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

/* Asking makes no channel live: nobody is in one that is not. */
static void answer_question(struct hub *hub, const struct request *request)
{
    static const struct map nobody;
    const struct channel *channel = channel_find(hub, request->channel);
    const struct map *seats = channel != NULL ? &channel->seats : &nobody;
    if (request->verb == VERB_PRESENCE)
        presence(hub, request, seats);
    else
        presence_stats(hub, request, seats);
}

/* ---- the door ---- */

static void (*const verbs[VERB_COUNT])(struct event *event) = {
    [VERB_SUBSCRIBE] = subscribe,
    [VERB_PUBLISH] = publish,
    [VERB_CALL] = call_method,
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

void home_handle(struct hub *hub, const struct request *request)
{
    if (is_circle(hub, request)) {
        refuse_code(hub, request, ERROR_LIMIT_EXCEEDED);
        return;
    }
    if (request->verb == VERB_UNSUBSCRIBE) {
        unsubscribe(hub, request);
        return;
    }
    if (request->verb == VERB_KICK) {
        kick(hub, request);
        return;
    }
    struct error error;
    if (!admit(hub, request, &error)) {
        refuse(hub, request, &error);
        return;
    }
    if (is_question(request->verb)) {
        answer_question(hub, request);
        return;
    }
    struct event event = {hub, request, channel_open(hub, request->channel, request->hops)};
    if (event.channel == NULL) /* on_open's own wishes cannot take the type away, a reload can */
        refuse_code(hub, request, ERROR_UNKNOWN_CHANNEL);
    else if (request->verb != VERB_SUBSCRIBE && !limit_take(event.channel, request, &error))
        refuse(hub, request, &error);
    else
        verbs[request->verb](&event);
}
