#include "dialect/api_request.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "dialect/info.h"
#include "hub/server_hook.h"
#include "wire/json.h"

/* ---- parameters ---- */

/* Parameters that the protocol has and this version has not: better refused than silently ignored. */
static bool has_only_known(struct api_request *request)
{
    static const char *const later[] = {"b64data", "skip_history", "tags", "idempotency_key", "delta", "version",
                                        "version_epoch"};
    struct slice value;
    char why[96];
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (api_find_param(request, later[i], &value)) {
            snprintf(why, sizeof why, "not available: \"%s\" is not supported in this version", later[i]);
            api_refuse_text(request, ERROR_NOT_AVAILABLE, why);
            return false;
        }
    return true;
}

static bool get_data(struct api_request *request, const char *name, struct buf *clean)
{
    struct slice value;
    if (!json_find(buf_slice(&request->body), name, &value)) {
        api_refuse_text(request, ERROR_BAD_REQUEST, "bad request: \"data\" is missing");
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
        api_refuse(api_request_of(asker), answer->error);
        return;
    }
    put_published(&result, answer);
    api_answer(api_request_of(asker), buf_slice(&result));
    buf_finish(&result);
}

void api_publish(struct api_request *request)
{
    if (!has_only_known(request) || !api_get_text(request, "channel", true, &request->channel) ||
        !get_data(request, "data", &request->out))
        return;
    hub_ask(request->hub, &(struct request){.verb = VERB_PUBLISH,
                                            .asker = api_asker(request, 0, on_published),
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
    struct api_request *request = api_request_of(asker);
    struct buf *response = &request->responses[asker->tag];
    (void)hub;
    if (answer->error != NULL) {
        api_put_error(response, answer->error, (struct slice){0});
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
    if (!api_find_param(request, "channels", channels) || json_kind(*channels) != JSON_ARRAY) {
        api_refuse_text(request, ERROR_BAD_REQUEST, "bad request: \"channels\" must be a list of names");
        return false;
    }
    json_walk_init(&walk, *channels);
    for (; json_walk_item(&walk, &value); count++)
        if (json_kind(value) != JSON_STRING) {
            api_refuse_text(request, ERROR_BAD_REQUEST, "bad request: \"channels\" must be a list of names");
            return false;
        }
    request->responses = xcalloc(count + 1, sizeof *request->responses);
    request->response_count = count;
    return true;
}

void api_broadcast(struct api_request *request)
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
                                                .asker = api_asker(request, i, on_broadcast_one),
                                                .channel = buf_slice(&request->channel),
                                                .data = buf_slice(&request->out)});
    }
    if (--request->waiting == 0)
        put_responses(request);
}

/* ---- presence ---- */

static void on_presence(struct hub *hub, const struct asker *asker, const struct answer *answer)
{
    struct api_request *request = api_request_of(asker);
    (void)hub;
    if (answer->error != NULL) {
        api_refuse(request, answer->error);
        return;
    }
    buf_add_text(&request->out, "{\"presence\":{");
    for (unsigned i = 0; i < answer->member_count; i++) {
        buf_add_text(&request->out, i > 0 ? "," : "");
        json_quote(&request->out, answer->members[i]->facts.client);
        buf_add_byte(&request->out, ':');
        info_put(&request->out, answer->members[i]);
    }
    buf_add_text(&request->out, "}}");
    api_answer(request, buf_slice(&request->out));
}

static void on_presence_stats(struct hub *hub, const struct asker *asker, const struct answer *answer)
{
    struct api_request *request = api_request_of(asker);
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
    if (!api_get_text(request, "channel", true, &request->channel))
        return;
    hub_ask(request->hub, &(struct request){.verb = verb,
                                            .asker = api_asker(request, 0, answered),
                                            .channel = buf_slice(&request->channel)});
}

void api_presence(struct api_request *request)
{
    ask_presence(request, VERB_PRESENCE, on_presence);
}

void api_presence_stats(struct api_request *request)
{
    ask_presence(request, VERB_PRESENCE_STATS, on_presence_stats);
}

/* ---- rpc ---- */

static void on_called(struct hub *hub, const struct asker *asker, const struct answer *answer)
{
    struct api_request *request = api_request_of(asker);
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

void api_rpc(struct api_request *request)
{
    struct slice params = {0};
    if (!api_get_text(request, "method", true, &request->method) ||
        !api_get_text(request, "channel", false, &request->channel))
        return;
    api_find_param(request, "params", &params);
    struct request call = {.verb = VERB_CALL,
                           .asker = api_asker(request, 0, on_called),
                           .channel = buf_slice(&request->channel),
                           .method = buf_slice(&request->method),
                           .data = params};
    if (call.channel.len > 0)
        hub_ask(request->hub, &call);
    else if (server_has(request->hub, SERVER_CALL))
        server_call(request->hub, &call);
    else
        api_refuse_text(request, ERROR_METHOD_NOT_FOUND, error_code_text(ERROR_METHOD_NOT_FOUND));
}
