#include "dialect/api.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/memory.h"
#include "hub/channel.h"
#include "hub/channel.h"
#include "hub/home.h"
#include "hub/session.h"
#include "wire/json.h"

/* One posted request, until it is answered. Owned by nobody but itself: answers find it by its address, which
 * stays good until the one answer that frees it. */
struct api_request {
    struct hub *hub;
    const struct api_host *host;
    void (*done)(void *context, int status, struct slice body); /* NULL: abandoned */
    void *context;
    struct api_request **slot;
    struct buf body;        /* the params; slices below point into it */
    struct buf channel, method, user, client;
    struct round round;
    struct buf out;         /* what a round or a broadcast gathers */
    struct map users;       /* info: names seen, owned copies */
    unsigned counts[3];     /* info: clients, channels, subscriptions */
    struct buf *responses;  /* broadcast: one per channel */
    unsigned response_count, waiting;
    int code;               /* disconnect */
};

static void destroy(struct api_request *request)
{
    char *name;
    for (size_t at = 0; (name = map_next(&request->users, &at)) != NULL;)
        free(name);
    map_finish(&request->users);
    for (unsigned i = 0; i < request->response_count; i++)
        buf_finish(&request->responses[i]);
    free(request->responses);
    buf_finish(&request->body);
    buf_finish(&request->channel);
    buf_finish(&request->method);
    buf_finish(&request->user);
    buf_finish(&request->client);
    buf_finish(&request->out);
    free(request);
}

void api_abandon(struct api_request *request)
{
    request->done = NULL;
    request->slot = NULL;
}

/* ---- answers ---- */

static void finish(struct api_request *request, int status, struct slice body)
{
    if (request->slot != NULL)
        *request->slot = NULL;
    if (request->done != NULL)
        request->done(request->context, status, body);
    destroy(request);
}

static void put_error(struct buf *out, const struct error *error, struct slice details)
{
    buf_printf(out, "{\"error\":{\"code\":%d,\"message\":", error->code);
    json_quote(out, slice_of(error->text));
    if (error->incident[0] != '\0') {
        buf_add_text(out, ",\"incident\":");
        json_quote(out, slice_of(error->incident));
    }
    buf_add_slice(out, details);
    buf_add_text(out, "}}");
}

static void put_result(struct buf *out, struct slice result)
{
    buf_add_text(out, "{\"result\":");
    buf_add_slice(out, result);
    buf_add_byte(out, '}');
}

void api_answer(struct api_request *request, struct slice result)
{
    struct buf out = {0};
    put_result(&out, result);
    finish(request, 200, buf_slice(&out));
    buf_finish(&out);
}

void api_refuse_with(struct api_request *request, const struct error *error, struct slice details)
{
    struct buf out = {0};
    put_error(&out, error, details);
    finish(request, 200, buf_slice(&out));
    buf_finish(&out);
}

void api_refuse(struct api_request *request, const struct error *error)
{
    api_refuse_with(request, error, (struct slice){0});
}

static void refuse_text(struct api_request *request, int code, const char *text)
{
    struct error error;
    fail(&error, code, "%s", text);
    api_refuse(request, &error);
}

static struct api_request *request_of(const struct asker *asker)
{
    return (struct api_request *)(uintptr_t)asker->id;
}

static struct asker asker_for(struct api_request *request, uint64_t tag,
                              void (*answered)(struct hub *, const struct asker *, const struct answer *))
{
    return (struct asker){request->hub->index, (uint64_t)(uintptr_t)request, tag, answered};
}

/* ---- parameters ---- */

static bool find_param(const struct api_request *request, const char *name, struct slice *value)
{
    return json_find(buf_slice(&request->body), name, value) && json_kind(*value) != JSON_NULL;
}

/* Appends the text of a string parameter; refuses the request when it is missing or no string. */
static bool get_text(struct api_request *request, const char *name, bool is_needed, struct buf *text)
{
    struct slice value;
    char why[96];
    if (!find_param(request, name, &value)) {
        if (!is_needed)
            return true;
        snprintf(why, sizeof why, "bad request: \"%s\" is missing", name);
    } else if (json_kind(value) != JSON_STRING) {
        snprintf(why, sizeof why, "bad request: \"%s\" must be a string", name);
    } else {
        json_unquote(text, value);
        return true;
    }
    refuse_text(request, ERROR_BAD_REQUEST, why);
    return false;
}

/* Parameters that the protocol has and this version has not: better refused than silently ignored. */
static bool has_only_known(struct api_request *request)
{
    static const char *const later[] = {"b64data", "skip_history", "tags", "idempotency_key", "delta", "version",
                                        "version_epoch"};
    struct slice value;
    char why[96];
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (find_param(request, later[i], &value)) {
            snprintf(why, sizeof why, "not available: \"%s\" is not supported in this version", later[i]);
            refuse_text(request, ERROR_NOT_AVAILABLE, why);
            return false;
        }
    return true;
}

static bool get_data(struct api_request *request, const char *name, struct buf *clean)
{
    struct slice value;
    if (!json_find(buf_slice(&request->body), name, &value)) {
        refuse_text(request, ERROR_BAD_REQUEST, "bad request: \"data\" is missing");
        return false;
    }
    json_put_line(clean, value);
    return true;
}

/* ---- publish and broadcast ---- */

static void put_published(struct buf *out, const struct answer *answer)
{
    buf_add_text(out, "{\"durable\":false");
    if (answer->offset > 0) {
        buf_add_text(out, ",\"offset\":");
        buf_add_unsigned(out, answer->offset);
        buf_add_text(out, ",\"epoch\":");
        json_quote(out, answer->epoch);
    }
    buf_add_byte(out, '}');
}

static void on_published(struct hub *hub, const struct asker *asker, const struct answer *answer)
{
    struct buf result = {0};
    (void)hub;
    if (answer->error != NULL) {
        api_refuse(request_of(asker), answer->error);
        return;
    }
    put_published(&result, answer);
    api_answer(request_of(asker), buf_slice(&result));
    buf_finish(&result);
}

static void publish(struct api_request *request)
{
    if (!has_only_known(request) || !get_text(request, "channel", true, &request->channel) ||
        !get_data(request, "data", &request->out))
        return;
    hub_ask(request->hub, &(struct request){.verb = VERB_PUBLISH,
                                            .asker = asker_for(request, 0, on_published),
                                            .channel = buf_slice(&request->channel),
                                            .data = buf_slice(&request->out)});
}

static void put_responses(struct api_request *request)
{
    struct buf result = {0};
    buf_add_text(&result, "{\"responses\":[");
    for (unsigned i = 0; i < request->response_count; i++) {
        buf_add_text(&result, i > 0 ? "," : "");
        buf_add_slice(&result, buf_slice(&request->responses[i]));
    }
    buf_add_text(&result, "]}");
    api_answer(request, buf_slice(&result));
    buf_finish(&result);
}

static void on_broadcast_one(struct hub *hub, const struct asker *asker, const struct answer *answer)
{
    struct api_request *request = request_of(asker);
    struct buf *response = &request->responses[asker->tag];
    (void)hub;
    if (answer->error != NULL) {
        put_error(response, answer->error, (struct slice){0});
    } else {
        buf_add_text(response, "{\"result\":");
        put_published(response, answer);
        buf_add_byte(response, '}');
    }
    if (--request->waiting == 0)
        put_responses(request);
}

static bool count_channels(struct api_request *request, struct slice *channels)
{
    struct json_walk walk;
    struct slice value;
    unsigned count = 0;
    if (!find_param(request, "channels", channels) || json_kind(*channels) != JSON_ARRAY) {
        refuse_text(request, ERROR_BAD_REQUEST, "bad request: \"channels\" must be a list of names");
        return false;
    }
    json_walk_init(&walk, *channels);
    for (; json_walk_item(&walk, &value); count++)
        if (json_kind(value) != JSON_STRING) {
            refuse_text(request, ERROR_BAD_REQUEST, "bad request: \"channels\" must be a list of names");
            return false;
        }
    request->responses = xcalloc(count + 1, sizeof *request->responses);
    request->response_count = count;
    return true;
}

static void broadcast(struct api_request *request)
{
    struct slice channels, value;
    struct json_walk walk;
    if (!has_only_known(request) || !count_channels(request, &channels) ||
        !get_data(request, "data", &request->out))
        return;
    request->waiting = request->response_count + 1; /* one for ourselves: nothing ends while we still ask */
    json_walk_init(&walk, channels);
    for (unsigned i = 0; json_walk_item(&walk, &value); i++) {
        buf_clear(&request->channel);
        json_unquote(&request->channel, value);
        hub_ask(request->hub, &(struct request){.verb = VERB_PUBLISH,
                                                .asker = asker_for(request, i, on_broadcast_one),
                                                .channel = buf_slice(&request->channel),
                                                .data = buf_slice(&request->out)});
    }
    if (--request->waiting == 0)
        put_responses(request);
}

/* ---- presence ---- */

static void put_member(struct buf *out, const struct identity_facts *who)
{
    json_quote(out, who->client);
    buf_add_text(out, ":{\"user\":");
    json_quote(out, who->user);
    buf_add_text(out, ",\"client\":");
    json_quote(out, who->client);
    if (who->info.at != NULL) {
        buf_add_text(out, ",\"conn_info\":");
        buf_add_slice(out, who->info);
    }
    buf_add_byte(out, '}');
}

static void on_presence(struct hub *hub, const struct asker *asker, const struct answer *answer)
{
    struct api_request *request = request_of(asker);
    (void)hub;
    if (answer->error != NULL) {
        api_refuse(request, answer->error);
        return;
    }
    buf_add_text(&request->out, "{\"presence\":{");
    for (unsigned i = 0; i < answer->member_count; i++) {
        buf_add_text(&request->out, i > 0 ? "," : "");
        put_member(&request->out, &answer->members[i]->facts);
    }
    buf_add_text(&request->out, "}}");
    api_answer(request, buf_slice(&request->out));
}

static void on_presence_stats(struct hub *hub, const struct asker *asker, const struct answer *answer)
{
    struct api_request *request = request_of(asker);
    (void)hub;
    if (answer->error != NULL) {
        api_refuse(request, answer->error);
        return;
    }
    buf_printf(&request->out, "{\"num_clients\":%u,\"num_users\":%u}", answer->clients, answer->users);
    api_answer(request, buf_slice(&request->out));
}

static void ask_presence(struct api_request *request, enum verb verb,
                         void (*answered)(struct hub *, const struct asker *, const struct answer *))
{
    if (!get_text(request, "channel", true, &request->channel))
        return;
    hub_ask(request->hub, &(struct request){.verb = verb,
                                            .asker = asker_for(request, 0, answered),
                                            .channel = buf_slice(&request->channel)});
}

static void presence(struct api_request *request)
{
    ask_presence(request, VERB_PRESENCE, on_presence);
}

static void presence_stats(struct api_request *request)
{
    ask_presence(request, VERB_PRESENCE_STATS, on_presence_stats);
}

/* ---- rpc ---- */

static void on_called(struct hub *hub, const struct asker *asker, const struct answer *answer)
{
    struct api_request *request = request_of(asker);
    (void)hub;
    if (answer->error != NULL) {
        api_refuse(request, answer->error);
        return;
    }
    buf_add_text(&request->out, "{\"data\":");
    buf_add_slice(&request->out, answer->data);
    buf_add_byte(&request->out, '}');
    api_answer(request, buf_slice(&request->out));
}

static void call_server(struct api_request *request, struct slice params)
{
    struct hub *hub = request->hub;
    struct call call = {.hook = HOOK_CALL, .method = buf_slice(&request->method), .data = params};
    struct asker asker = asker_for(request, 0, NULL);
    if (!(hub->generation->server_hooks >> SERVER_CALL & 1)) {
        refuse_text(request, ERROR_METHOD_NOT_FOUND, error_code_text(ERROR_METHOD_NOT_FOUND));
        return;
    }
    hub->behaviour.server(hub->behaviour.runtime, SERVER_CALL, &call);
    stats_add(&hub->stats, STAT_REFUSED_SCRIPT, call.verdict == VERDICT_REFUSE);
    for (struct effect *effect = call.effects.first; effect != NULL; effect = effect->next)
        home_wish(hub, effect, 1);
    struct answer answer = {.error = call.verdict == VERDICT_REFUSE ? &call.error : NULL,
                            .data = call.out.len > 0 ? buf_slice(&call.out) : SLICE("null")};
    on_called(hub, &asker, &answer);
    call_finish(&call);
}

static void rpc(struct api_request *request)
{
    struct slice params = {0};
    if (!get_text(request, "method", true, &request->method) ||
        !get_text(request, "channel", false, &request->channel))
        return;
    find_param(request, "params", &params);
    if (request->channel.len == 0) {
        call_server(request, params);
        return;
    }
    hub_ask(request->hub, &(struct request){.verb = VERB_CALL,
                                            .asker = asker_for(request, 0, on_called),
                                            .channel = buf_slice(&request->channel),
                                            .method = buf_slice(&request->method),
                                            .data = params});
}

/* ---- over all workers: channels, info, disconnect ---- */

static struct api_request *request_of_round(struct round *round)
{
    return CONTAINER(round, struct api_request, round);
}

static void go_round(struct api_request *request, void (*visit)(struct hub *, struct round *),
                     void (*done)(struct hub *, struct round *))
{
    request->round.visit = visit;
    request->round.done = done;
    hub_go_round(request->hub, &request->round);
}

static void visit_channels(struct hub *hub, struct round *round)
{
    struct api_request *request = request_of_round(round);
    struct channel *channel;
    for (size_t at = 0; (channel = map_next(&hub->channels, &at)) != NULL;) {
        if (request->channel.len > 0 && fnmatch(buf_text(&request->channel), channel->name.at, 0) != 0)
            continue;
        buf_add_text(&request->out, request->out.len > 0 ? "," : "");
        json_quote(&request->out, channel->name);
        buf_printf(&request->out, ":{\"num_clients\":%zu}", channel->seats.count);
    }
}

static void done_channels(struct hub *hub, struct round *round)
{
    struct api_request *request = request_of_round(round);
    struct buf result = {0};
    (void)hub;
    buf_add_text(&result, "{\"channels\":{");
    buf_add_slice(&result, buf_slice(&request->out));
    buf_add_text(&result, "}}");
    api_answer(request, buf_slice(&result));
    buf_finish(&result);
}

static void channels(struct api_request *request)
{
    if (get_text(request, "pattern", false, &request->channel))
        go_round(request, visit_channels, done_channels);
}

static void visit_info(struct hub *hub, struct round *round)
{
    struct api_request *request = request_of_round(round);
    struct session *session;
    for (size_t at = 0; (session = map_next(&hub->clients, &at)) != NULL;) {
        struct slice user = session->identity->facts.user;
        if (map_find(&request->users, user) != NULL)
            continue;
        char *name = xslicedup(user);
        map_add(&request->users, slice_make(name, user.len), name);
    }
    request->counts[0] += (unsigned)hub->clients.count;
    request->counts[1] += (unsigned)hub->channels.count;
    request->counts[2] += (unsigned)stats_get(&hub->stats, STAT_SUBSCRIPTIONS);
}

static void put_process(struct buf *out)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    buf_printf(out, "\"process\":{\"cpu\":%.3f,\"rss\":%ld}",
               (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
               usage.ru_maxrss * 1024);
}

static void done_info(struct hub *hub, struct round *round)
{
    struct api_request *request = request_of_round(round);
    struct buf *out = &request->out;
    buf_add_text(out, "{\"nodes\":[{\"uid\":");
    json_quote(out, slice_of(request->host->node));
    buf_add_text(out, ",\"name\":\"weir\",\"version\":\"" WEIR_VERSION "\"");
    buf_printf(out, ",\"num_clients\":%u,\"num_users\":%zu,\"num_channels\":%u,\"num_subs\":%u",
               request->counts[0], request->users.count, request->counts[1], request->counts[2]);
    buf_printf(out, ",\"uptime\":%llu,\"workers\":%u,\"generation\":%u,",
               (unsigned long long)(loop_now_ms(hub->loop) - request->host->started_ms) / 1000, hub->count,
               hub->generation->number);
    put_process(out);
    buf_add_text(out, "}]}");
    api_answer(request, buf_slice(out));
}

static void info(struct api_request *request)
{
    go_round(request, visit_info, done_info);
}

static bool is_spared(const struct api_request *request, struct slice client)
{
    struct slice list, value;
    struct json_walk walk;
    if (!find_param(request, "whitelist", &list) || json_kind(list) != JSON_ARRAY)
        return false;
    json_walk_init(&walk, list);
    while (json_walk_item(&walk, &value)) {
        struct slice id;
        if (json_kind(value) == JSON_STRING && json_plain(value, &id) && slice_is_equal(id, client))
            return true;
    }
    return false;
}

static void visit_disconnect(struct hub *hub, struct round *round)
{
    struct api_request *request = request_of_round(round);
    struct session *session;
    for (size_t at = 0; (session = map_next(&hub->clients, &at)) != NULL;) {
        const struct identity_facts *who = &session->identity->facts;
        if (slice_is_equal(who->user, buf_slice(&request->user)) &&
            (request->client.len == 0 || slice_is_equal(who->client, buf_slice(&request->client))) &&
            !session->conn->closing && !is_spared(request, who->client)) {
            stats_add(&hub->stats, STAT_CUT_OTHER, 1);
            conn_close(session->conn, request->code, buf_text(&request->out));
        }
    }
}

static void done_round(struct hub *hub, struct round *round)
{
    (void)hub;
    api_answer(request_of_round(round), SLICE("{}"));
}

/* The close frame's own code and reason; a code must be one that a client may see. */
static bool get_farewell(struct api_request *request)
{
    struct slice farewell, value;
    int64_t code = CLOSE_FORCED;
    if (find_param(request, "disconnect", &farewell)) {
        if (json_find(farewell, "code", &value) &&
            (!json_integer(value, &code) || code < 3000 || code > 4999)) {
            refuse_text(request, ERROR_BAD_REQUEST, "bad request: \"disconnect.code\" must be 3000 to 4999");
            return false;
        }
        if (json_find(farewell, "reason", &value) && json_kind(value) == JSON_STRING)
            json_unquote(&request->out, value);
    }
    if (request->out.len == 0)
        buf_add_text(&request->out, close_code_text((int)code));
    request->code = (int)code;
    return true;
}

static void disconnect(struct api_request *request)
{
    if (get_text(request, "user", true, &request->user) && get_text(request, "client", false, &request->client) &&
        get_farewell(request))
        go_round(request, visit_disconnect, done_round);
}

/* ---- reload ---- */

static void reload(struct api_request *request)
{
    request->host->reload(request->host->context, request->hub, request);
}

/* ---- the door ---- */

static const struct {
    const char *name;
    void (*handle)(struct api_request *request);
} methods[] = {
    {"publish", publish},   {"broadcast", broadcast}, {"presence", presence}, {"presence_stats", presence_stats},
    {"channels", channels}, {"info", info},           {"disconnect", disconnect}, {"rpc", rpc},
    {"reload", reload},
};

static void dispatch(struct api_request *request, struct slice method)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (slice_is(method, methods[i].name)) {
            methods[i].handle(request);
            return;
        }
    finish(request, 404, SLICE("{\"error\":{\"code\":104,\"message\":\"method not found\"}}"));
}

static bool read_body(struct api_request *request, struct slice body, struct buf *why)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct json_fault fault;
    buf_add_slice(&request->body, body.len > 0 ? body : SLICE("{}"));
    if (!json_check(buf_slice(&request->body), &limits, &fault)) {
        buf_printf(why, "bad request: the body is not JSON: %s (byte %zu)", fault.why, fault.at);
        return false;
    }
    if (json_kind(buf_slice(&request->body)) != JSON_OBJECT) {
        buf_add_text(why, "bad request: the body must be a JSON object");
        return false;
    }
    return true;
}

static void refuse_body(struct api_request *request, struct buf *why)
{
    struct buf out = {0};
    struct error error;
    fail(&error, ERROR_BAD_REQUEST, "%s", buf_text(why));
    put_error(&out, &error, (struct slice){0});
    finish(request, 400, buf_slice(&out));
    buf_finish(&out);
}

void api_handle(struct hub *hub, const struct api_host *host, struct slice method, struct slice body,
                void (*done)(void *context, int status, struct slice body), void *context,
                struct api_request **slot)
{
    struct api_request *request = xcalloc(1, sizeof *request);
    struct buf why = {0};
    request->hub = hub;
    request->host = host;
    request->done = done;
    request->context = context;
    request->slot = slot;
    *slot = request;
    if (read_body(request, body, &why))
        dispatch(request, method);
    else
        refuse_body(request, &why);
    buf_finish(&why);
}
