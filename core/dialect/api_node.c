#include "dialect/api_request.h"

#include <fnmatch.h>
#include <sys/resource.h>

#include "base/memory.h"
#include "hub/channel.h"
#include "hub/session.h"
#include "wire/json.h"

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

void api_channels(struct api_request *request)
{
    if (api_get_text(request, "pattern", false, &request->channel))
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
    if (hub->generation->made_from != 0)
        buf_printf(out, "\"made_from\":%u,", hub->generation->made_from);
    put_process(out);
    buf_add_text(out, "}]}");
    api_answer(request, buf_slice(out));
}

void api_info(struct api_request *request)
{
    go_round(request, visit_info, done_info);
}

static bool refuse_shape(struct api_request *request, const char *why)
{
    api_refuse_text(request, ERROR_BAD_REQUEST, why);
    return false;
}

/* A misspelt list of those to spare must not disconnect them. */
static bool has_right_whitelist(struct api_request *request)
{
    static const char why[] = "bad request: \"whitelist\" must be a list of client ids";
    struct slice list, value;
    struct json_walk walk;
    if (!api_find_param(request, "whitelist", &list))
        return true;
    if (json_kind(list) != JSON_ARRAY)
        return refuse_shape(request, why);
    json_walk_init(&walk, list);
    while (json_walk_item(&walk, &value))
        if (json_kind(value) != JSON_STRING)
            return refuse_shape(request, why);
    return true;
}

static bool is_spared(const struct api_request *request, struct slice client)
{
    struct slice list, value;
    struct json_walk walk;
    if (!api_find_param(request, "whitelist", &list))
        return false;
    json_walk_init(&walk, list);
    while (json_walk_item(&walk, &value)) {
        struct slice id;
        if (json_plain(value, &id) && slice_is_equal(id, client))
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
    if (api_find_param(request, "disconnect", &farewell)) {
        if (json_kind(farewell) != JSON_OBJECT)
            return refuse_shape(request, "bad request: \"disconnect\" must be an object of code and reason");
        if (json_find(farewell, "code", &value) && (!json_integer(value, &code) || code < 3000 || code > 4999))
            return refuse_shape(request, "bad request: \"disconnect.code\" must be 3000 to 4999");
        if (json_find(farewell, "reason", &value)) {
            if (json_kind(value) != JSON_STRING)
                return refuse_shape(request, "bad request: \"disconnect.reason\" must be a string");
            json_unquote(&request->out, value);
        }
    }
    if (request->out.len == 0)
        buf_add_text(&request->out, close_code_text((int)code));
    request->code = (int)code;
    return true;
}

void api_disconnect(struct api_request *request)
{
    if (api_get_text(request, "user", true, &request->user) && api_get_text(request, "client", false, &request->client) &&
        has_right_whitelist(request) && get_farewell(request))
        go_round(request, visit_disconnect, done_round);
}
