#include "dialect/api.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "dialect/api_request.h"
#include "wire/json.h"

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

void api_finish(struct api_request *request, int status, struct slice body)
{
    if (request->slot != NULL)
        *request->slot = NULL;
    if (request->done != NULL)
        request->done(request->context, status, body);
    api_abandon(request);
    request->is_answered = true;
    if (!request->is_asked)
        destroy(request);
}

void api_put_error(struct buf *out, const struct error *error, struct slice details)
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
    api_finish(request, 200, buf_slice(&out));
    buf_finish(&out);
}

void api_refuse_with(struct api_request *request, const struct error *error, struct slice details)
{
    struct buf out = {0};
    api_put_error(&out, error, details);
    api_finish(request, 200, buf_slice(&out));
    buf_finish(&out);
}

void api_refuse(struct api_request *request, const struct error *error)
{
    api_refuse_with(request, error, (struct slice){0});
}

void api_refuse_text(struct api_request *request, int code, const char *text)
{
    struct error error;
    fail(&error, code, "%s", text);
    api_refuse(request, &error);
}

struct api_request *api_request_of(const struct asker *asker)
{
    return (struct api_request *)(uintptr_t)asker->id;
}

struct asker api_asker(struct api_request *request, uint64_t tag,
                              void (*answered)(struct hub *, const struct asker *, const struct answer *))
{
    return (struct asker){request->hub->index, (uint64_t)(uintptr_t)request, tag, answered};
}

/* ---- parameters ---- */

bool api_find_param(const struct api_request *request, const char *name, struct slice *value)
{
    return json_find(buf_slice(&request->body), name, value) && json_kind(*value) != JSON_NULL;
}

/* Appends the text of a string parameter; refuses the request when it is missing or no string. */
bool api_get_text(struct api_request *request, const char *name, bool is_needed, struct buf *text)
{
    struct slice value;
    char why[96];
    if (!api_find_param(request, name, &value)) {
        if (!is_needed)
            return true;
        snprintf(why, sizeof why, "bad request: \"%s\" is missing", name);
    } else if (json_kind(value) != JSON_STRING) {
        snprintf(why, sizeof why, "bad request: \"%s\" must be a string", name);
    } else {
        json_unquote(text, value);
        return true;
    }
    api_refuse_text(request, ERROR_BAD_REQUEST, why);
    return false;
}

/* ---- reload ---- */

static void reload(struct api_request *request)
{
    request->host->reload(request->host->context, request->hub, request);
}

static void rollback(struct api_request *request)
{
    struct slice value;
    uint64_t to = 0;
    if (api_find_param(request, "generation", &value) && (!json_unsigned(value, &to) || to == 0 || to > UINT32_MAX))
        api_refuse_text(request, ERROR_BAD_REQUEST, "bad request: \"generation\" must be a whole number from 1");
    else
        request->host->rollback(request->host->context, request->hub, request, (unsigned)to);
}

/* ---- the door ---- */

static const struct {
    const char *name;
    void (*handle)(struct api_request *request);
} methods[] = {
    {"publish", api_publish},   {"broadcast", api_broadcast}, {"presence", api_presence}, {"presence_stats", api_presence_stats},
    {"channels", api_channels}, {"info", api_info},           {"disconnect", api_disconnect}, {"rpc", api_rpc},
    {"reload", reload},         {"rollback", rollback},
};

static void dispatch(struct api_request *request, struct slice method)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (slice_is(method, methods[i].name)) {
            methods[i].handle(request);
            return;
        }
    api_finish(request, 404, SLICE("{\"error\":{\"code\":104,\"message\":\"method not found\"}}"));
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
    api_put_error(&out, &error, (struct slice){0});
    api_finish(request, 400, buf_slice(&out));
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
    request->is_asked = true;
    if (read_body(request, body, &why))
        dispatch(request, method);
    else
        refuse_body(request, &why);
    request->is_asked = false;
    if (request->is_answered)
        destroy(request);
    buf_finish(&why);
}
