#include "net/route.h"

#include "auth/secret.h"
#include "base/memory.h"
#include "net/emulation.h"
#include "net/files.h"
#include "net/inside.h"
#include "net/origin.h"
#include "net/sse.h"
#include "net/ws.h"

#include <stdlib.h>

enum { BODY_MAX = 64 * 1024, BODY_MAX_API = 1024 * 1024 };

static const struct net_options *options_of(const struct exchange *exchange)
{
    return exchange->stream->net->options;
}

/* ---- health and metrics ---- */

static void say(const struct exchange *exchange, int status, const char *type, struct slice body)
{
    http_respond(exchange->stream, &(struct response){status, type, body, NULL});
}

static void serve_health(const struct exchange *exchange)
{
    say(exchange, 200, "application/json", SLICE("{}"));
}

static void serve_ready(const struct exchange *exchange)
{
    bool is_ready = atomic_load(&options_of(exchange)->shared->is_ready);
    if (is_ready)
        say(exchange, 200, "application/json", SLICE("{\"ready\":true}"));
    else
        say(exchange, 503, "application/json", SLICE("{\"ready\":false}"));
}

static void serve_metrics(const struct exchange *exchange)
{
    struct buf out = {0};
    options_of(exchange)->put_metrics(options_of(exchange)->server, &out);
    say(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", buf_slice(&out));
    buf_finish(&out);
}

/* ---- server API ---- */

/* From the API's answer back to the connection that asked. Freed when answered or abandoned. */
struct api_call {
    struct stream *stream;
    struct api_request *request; /* NULL when it is done */
};

static void on_api_done(void *context, int status, struct slice body)
{
    struct api_call *call = context;
    struct stream *stream = call->stream;
    free(call);
    http_respond(stream, &(struct response){status, "application/json", body, NULL});
}

static void abandon_api(void *context)
{
    struct api_call *call = context;
    api_abandon(call->request);
    free(call);
}

static bool is_local(const struct exchange *exchange)
{
    const char *ip = exchange->stream->ip;
    return strncmp(ip, "127.", 4) == 0 || strcmp(ip, "::1") == 0 || strncmp(ip, "::ffff:127.", 11) == 0;
}

static bool has_key(const struct exchange *exchange, struct slice key)
{
    const struct slice *given = http_find(exchange->head, "x-api-key");
    if (given != NULL)
        return secret_is_equal(*given, key);
    given = http_find(exchange->head, "authorization");
    if (given != NULL && given->len > 7 && strncasecmp(given->at, "apikey ", 7) == 0)
        return secret_is_equal(slice_make(given->at + 7, given->len - 7), key);
    struct buf query = {0};
    bool is_right = http_query(exchange->head->query, "api_key", &query) && secret_is_equal(buf_slice(&query), key);
    buf_finish(&query);
    return is_right;
}

/* In dev mode without a key, tools on this machine may use the API; pages of strangers may not, which is why an Origin
 * must be a known one. */
static bool may_use_api(const struct exchange *exchange, const char **why)
{
    const struct net_options *options = options_of(exchange);
    const struct slice *origin = http_find(exchange->head, "origin");
    if (options->api_key[0] != '\0') {
        *why = "the API key is missing or wrong (header X-API-Key)";
        return has_key(exchange, slice_of(options->api_key));
    }
    *why = "the server API is off: start the server with --api-key";
    return options->is_dev && is_local(exchange) &&
           (origin == NULL || origin_is_allowed(*origin, options->origins, true, SLICE("")));
}

/* In the API's own form, for those who read no other. */
static void refuse_api(const struct exchange *exchange, int status, enum error_code code, const char *why,
                       const char *headers)
{
    struct buf out = {0};
    struct error error;
    fail(&error, code, "%s: %s", error_code_text(code), why);
    api_put_error(&out, &error, (struct slice){0});
    http_respond(exchange->stream, &(struct response){status, "application/json", buf_slice(&out), headers});
    buf_finish(&out);
}

static void serve_api(const struct exchange *exchange)
{
    const char *why;
    if (!may_use_api(exchange, &why)) {
        refuse_api(exchange, 401, ERROR_UNAUTHORIZED, why, NULL);
        return;
    }
    struct slice method = exchange->head->path;
    method.at += strlen("/api/");
    method.len -= strlen("/api/");
    struct api_call *call = xcalloc(1, sizeof *call);
    call->stream = exchange->stream;
    /* Deferred first: the answer may come before api_handle returns, and then takes it back. */
    http_defer(exchange->stream, abandon_api, call);
    api_handle(exchange->stream->net->hub, options_of(exchange)->api, method, exchange->body, on_api_done, call,
               &call->request);
}

/* ---- the table ---- */

enum { GET = 1, HEAD = 2, POST = 4, OPTIONS = 8, READ = GET | HEAD, PREFIX = 16, DEV = 32 };

static const struct {
    const char *name;
    unsigned flag;
} methods[] = {{"GET", GET}, {"HEAD", HEAD}, {"POST", POST}, {"OPTIONS", OPTIONS}};

enum { METHOD_COUNT = sizeof methods / sizeof *methods };

static const struct {
    const char *path;
    unsigned flags;
    void (*serve)(const struct exchange *exchange);
} routes[] = {
    {"/connection/websocket", READ, ws_upgrade_centrifuge},
    {"/connection/sse", GET | POST | OPTIONS, sse_open},
    {"/emulation", POST | OPTIONS, emulation_serve},
    {"/weir.js", READ, files_serve_client},
    {"/healthz", READ, serve_health},
    {"/health", READ, serve_health},
    {"/readyz", READ, serve_ready},
    {"/metrics", READ, serve_metrics},
    {"/api/", POST | PREFIX, serve_api},
    {"/", READ | PREFIX | DEV, files_serve_page},
};

static bool is_path(struct slice path, const char *wanted, bool is_prefix)
{
    size_t len = strlen(wanted);
    return path.len >= len && memcmp(path.at, wanted, len) == 0 && (is_prefix || path.len == len);
}

static bool is_method(struct slice method, unsigned flags)
{
    for (unsigned i = 0; i < METHOD_COUNT; i++)
        if (slice_is(method, methods[i].name))
            return flags & methods[i].flag;
    return false;
}

static void refuse_method(const struct exchange *exchange, unsigned flags)
{
    struct buf allow = {0};
    for (unsigned i = 0; i < METHOD_COUNT; i++)
        if (flags & methods[i].flag)
            buf_printf(&allow, "%s%s", allow.len == 0 ? "Allow: " : ", ", methods[i].name);
    buf_add_text(&allow, "\r\n");
    http_refuse(exchange->stream, 405, "this path wants another method", buf_text(&allow));
    buf_finish(&allow);
}

static bool is_echo(const struct exchange *exchange)
{
    const char *path = options_of(exchange)->test_echo;
    return path[0] != '\0' && slice_is(exchange->head->path, path);
}

void route(const struct exchange *exchange)
{
    const struct http_head *head = exchange->head;
    if (is_echo(exchange)) {
        ws_upgrade_echo(exchange);
        return;
    }
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        unsigned flags = routes[i].flags;
        if (!is_path(head->path, routes[i].path, flags & PREFIX) ||
            (flags & DEV && options_of(exchange)->folder == NULL))
            continue;
        if (is_method(head->method, flags))
            routes[i].serve(exchange);
        else if (routes[i].serve == serve_api)
            refuse_api(exchange, 405, ERROR_BAD_REQUEST, "the server API is asked by POST", "Allow: POST\r\n");
        else
            refuse_method(exchange, flags);
        return;
    }
    http_refuse(exchange->stream, 404, "there is nothing at this path", NULL);
}

/* Commands that travel as a text inside JSON may need twice their bytes. */
static uint64_t emulation_max(const struct net_options *options)
{
    uint64_t max = (uint64_t)options->max_message * 2 + 1024;
    return max > BODY_MAX ? max : BODY_MAX;
}

uint64_t route_body_max(struct stream *stream, const struct http_head *head)
{
    struct exchange exchange = {.stream = stream, .head = head};
    const struct net_options *options = stream->net->options;
    const char *why;
    if (is_path(head->path, "/emulation", false))
        return emulation_max(options);
    if (is_path(head->path, "/connection/sse", false))
        return options->max_message;
    return is_path(head->path, "/api/", true) && may_use_api(&exchange, &why) ? BODY_MAX_API : BODY_MAX;
}
