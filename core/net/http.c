#include "net/http.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "net/inside.h"
#include "net/route.h"

enum { HELD_MAX = 64 * 1024 };

enum http_phase {
    PHASE_HEAD,   /* waiting for a request's head, or for its first byte */
    PHASE_BODY,
    PHASE_ANSWER, /* the request is being handled */
    PHASE_OVER    /* another protocol has taken over, or the end is near */
};

/* Owned by its stream as `state`. */
struct http_conn {
    enum http_phase phase;
    struct buf in;          /* what has come and is not used yet */
    size_t looked;          /* bytes of it that a parse has already found incomplete */
    struct buf head_bytes;  /* of the request being handled: its head's slices point here */
    struct http_head *head; /* NULL between requests */
    struct http_body decoder;
    struct buf body;
    bool keeps_alive, wants_no_body;
    bool is_running;       /* the loop below is at work: an answer made meanwhile needs no second one */
    void (*abandon)(void *context);
    void *abandon_context;
};

static void run(struct stream *stream);

static struct http_conn *http_of(struct stream *stream)
{
    return stream->state;
}

static const struct net_options *options_of(const struct stream *stream)
{
    return stream->net->options;
}

/* ---- answers ---- */

static void put_head(struct buf *out, const struct http_conn *http, const struct response *response)
{
    buf_printf(out, "HTTP/1.1 %d %s\r\n", response->status, http_status_text(response->status));
    if (response->type != NULL)
        buf_printf(out, "Content-Type: %s\r\n", response->type);
    if (response->status != 204)
        buf_printf(out, "Content-Length: %zu\r\n", response->body.len);
    buf_add_text(out, "X-Content-Type-Options: nosniff\r\n");
    if (response->headers != NULL)
        buf_add_text(out, response->headers);
    else
        buf_add_text(out, "Cache-Control: no-store\r\n");
    buf_add_text(out, http->keeps_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n");
}

static void next_request(struct stream *stream)
{
    struct http_conn *http = http_of(stream);
    if (http->in.len == 0)
        buf_finish(&http->in);
    http->looked = 0;
    buf_finish(&http->head_bytes);
    buf_finish(&http->body);
    free(http->head);
    http->head = NULL;
    http->phase = PHASE_HEAD;
    stream_throttle(stream, THROTTLE_HTTP, false);
    stream_start_timer(stream, http->in.len > 0 ? options_of(stream)->head_ms : options_of(stream)->idle_ms);
    if (!http->is_running)
        run(stream);
}

void http_respond(struct stream *stream, const struct response *response)
{
    struct http_conn *http = http_of(stream);
    struct buf out = {0};
    ensure(http->phase == PHASE_ANSWER);
    http->abandon = NULL;
    /* Who asks and asks and does not read gets no more answers after this one. */
    if (stream->conn.out.bytes > stream->conn.out.byte_limit)
        http->keeps_alive = false;
    put_head(&out, http, response);
    if (!http->wants_no_body)
        buf_add_slice(&out, response->body);
    struct frame *frame = frame_create(buf_slice(&out));
    buf_finish(&out);
    frame->is_last = !http->keeps_alive;
    stream_put(stream, frame);
    stats_add(&stream->net->hub->stats, STAT_HTTP_REQUESTS, 1);
    if (response->status >= 400)
        stats_add(&stream->net->hub->stats, STAT_HTTP_REFUSED, 1);
    if (http->keeps_alive) {
        next_request(stream);
    } else {
        http->phase = PHASE_OVER;
        stream_end(stream);
    }
}

void http_refuse(struct stream *stream, int status, const char *why, const char *headers)
{
    struct buf text = {0};
    buf_printf(&text, "%d %s: %s\n", status, http_status_text(status), why);
    http_respond(stream, &(struct response){status, "text/plain; charset=utf-8", buf_slice(&text), headers});
    buf_finish(&text);
}

/* A request that cannot be understood: nothing behind it can be either. */
static void refuse_and_end(struct stream *stream, const struct http_refusal *refusal)
{
    struct http_conn *http = http_of(stream);
    http->phase = PHASE_ANSWER;
    http->keeps_alive = false;
    http->wants_no_body = false;
    http_refuse(stream, refusal->status, refusal->why, NULL);
}

void http_defer(struct stream *stream, void (*abandon)(void *context), void *context)
{
    struct http_conn *http = http_of(stream);
    http->abandon = abandon;
    http->abandon_context = context;
}

void http_upgrade(struct stream *stream, struct slice head, const struct protocol *protocol, void *state)
{
    struct http_conn *http = http_of(stream);
    size_t len;
    char *rest = buf_take(&http->in, &len);
    stream_put(stream, frame_create(head));
    stream_stop_timer(stream);
    stream_throttle(stream, THROTTLE_HTTP, false);
    stream_speak(stream, protocol, state);
    if (len > 0)
        protocol->received(stream, rest, len);
    free(rest);
}

/* ---- requests ---- */

/* Worth parsing again? Only a new line end, or much more of it, can change the answer: so a head that comes byte by
 * byte costs no more than a few passes over it. */
static bool is_worth_a_look(const struct http_conn *http)
{
    const char *fresh = http->in.at + http->looked;
    size_t len = http->in.len - http->looked;
    return memchr(fresh, '\n', len) != NULL || http->in.len >= http->looked * 2 ||
           http->in.len > HTTP_HEAD_BYTES_MAX;
}

static void ask_for_body(struct stream *stream)
{
    struct http_conn *http = http_of(stream);
    if (http->head->expects_continue && http->in.len == 0)
        stream_put(stream, frame_create(SLICE("HTTP/1.1 100 Continue\r\n\r\n")));
    stream_start_timer(stream, options_of(stream)->body_ms);
    http->phase = PHASE_BODY;
}

/* What came behind the head moves to a buffer of its own: the head's slices stay good however much more comes. */
static void part_from_head(struct http_conn *http, size_t head_len)
{
    struct buf rest = {0};
    buf_add(&rest, http->in.at + head_len, http->in.len - head_len);
    buf_finish(&http->head_bytes);
    http->head_bytes = http->in;
    http->in = rest;
}

/* True: something was done, look again. */
static bool read_head(struct stream *stream)
{
    struct http_conn *http = http_of(stream);
    struct http_refusal refusal;
    size_t head_len;
    if (http->in.len == 0 || !is_worth_a_look(http))
        return false;
    if (http->head == NULL)
        http->head = xmalloc(sizeof *http->head);
    switch (http_parse(buf_slice(&http->in), http->head, &head_len, &refusal)) {
    case HTTP_MORE:
        http->looked = http->in.len;
        return false;
    case HTTP_BAD:
        refuse_and_end(stream, &refusal);
        return true;
    case HTTP_DONE:
        break;
    }
    part_from_head(http, head_len);
    http->keeps_alive = http->head->keep_alive && !stream->conn.closing;
    http->wants_no_body = slice_is(http->head->method, "HEAD");
    if (http_body_init(&http->decoder, http->head, route_body_max(stream, http->head), &refusal))
        ask_for_body(stream);
    else
        refuse_and_end(stream, &refusal);
    return true;
}

static void handle(struct stream *stream)
{
    struct http_conn *http = http_of(stream);
    struct exchange exchange = {stream, http->head, buf_slice(&http->body)};
    http->phase = PHASE_ANSWER;
    stream_stop_timer(stream);
    route(&exchange);
}

static bool read_body(struct stream *stream)
{
    struct http_conn *http = http_of(stream);
    struct http_refusal refusal;
    size_t used;
    enum http_step step = http_body_read(&http->decoder, buf_slice(&http->in), &used, &http->body, &refusal);
    if (step == HTTP_BAD) {
        refuse_and_end(stream, &refusal);
        return true;
    }
    buf_shift(&http->in, used);
    if (used > 0)
        stream_start_timer(stream, options_of(stream)->body_ms);
    if (step == HTTP_DONE)
        handle(stream);
    return step == HTTP_DONE;
}

/* Request after request, as long as there is one: no recursion, however many came at once. */
static void run(struct stream *stream)
{
    struct http_conn *http = http_of(stream);
    bool goes_on = true;
    http->is_running = true;
    while (goes_on) {
        if (http->phase == PHASE_HEAD)
            goes_on = read_head(stream);
        else if (http->phase == PHASE_BODY)
            goes_on = read_body(stream);
        else
            goes_on = false;
        if (stream->state != http) /* upgraded: this is freed */
            return;
    }
    http->is_running = false;
}

static void received(struct stream *stream, char *bytes, size_t len)
{
    struct http_conn *http = http_of(stream);
    if (http->phase == PHASE_HEAD && http->in.len == 0)
        stream_start_timer(stream, options_of(stream)->head_ms);
    buf_add(&http->in, bytes, len);
    if (http->phase == PHASE_ANSWER && http->in.len > HELD_MAX)
        stream_throttle(stream, THROTTLE_HTTP, true);
    run(stream);
}

static void timed_out(struct stream *stream)
{
    struct http_conn *http = http_of(stream);
    bool is_head = http->phase == PHASE_HEAD;
    stats_add(&stream->net->hub->stats, STAT_CUT_TIMEOUT, 1);
    if (is_head && http->in.len == 0) { /* nothing was asked, so there is nothing to answer */
        stream_kill(stream);
        return;
    }
    refuse_and_end(stream, &(struct http_refusal){408, is_head ? "the request's head took too long"
                                                               : "the request's body took too long"});
}

/* Draining: a connection between two requests just ends, another one after its answer. */
static void say_goodbye(struct stream *stream)
{
    struct http_conn *http = http_of(stream);
    http->keeps_alive = false;
    if (http->phase != PHASE_HEAD)
        return;
    stream->is_over = true; /* the answer that may still wait is the last */
    stream_end(stream);
    if (outbox_is_empty(&stream->conn.out))
        stream_kill(stream);
}

static void finish(struct stream *stream)
{
    struct http_conn *http = http_of(stream);
    if (http->abandon != NULL)
        http->abandon(http->abandon_context);
    buf_finish(&http->in);
    buf_finish(&http->head_bytes);
    buf_finish(&http->body);
    free(http->head);
    free(http);
    stream->state = NULL;
}

static const struct protocol http_protocol = {received, say_goodbye, timed_out, finish};

void http_begin(struct stream *stream)
{
    stream->protocol = &http_protocol;
    stream->state = xcalloc(1, sizeof(struct http_conn));
    stream_start_timer(stream, options_of(stream)->head_ms);
}
