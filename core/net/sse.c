#include "net/sse.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/secret.h"
#include "base/clock.h"
#include "base/memory.h"
#include "dialect/centrifuge.h"
#include "dialect/event_stream.h"
#include "hub/session.h"
#include "net/inside.h"
#include "net/visit.h"

/* TURN_NS: how long one stream's commands are heard before others have their turn. */
enum { TURN_NS = 5000000, NEXT_TURN_MS = 1, LOOK_AGAIN_MS = 20 };

/* Owned by its stream as `state`. */
struct sse_conn {
    struct pass pass;
    struct parcel *first, **last; /* whose commands wait to be heard */
    size_t bytes;                 /* of them all */
    bool is_hearing; /* the loop below is at work: what is taken meanwhile is heard by it */
};

static struct sse_conn *sse_of(struct stream *stream)
{
    return stream->state;
}

/* ---- parcels ---- */

struct parcel *sse_create_parcel(struct slice session, struct slice commands)
{
    struct parcel *parcel = xcalloc(1, sizeof *parcel + session.len + commands.len);
    char *at = parcel->bytes;
    parcel->session = slice_pack(&at, session);
    parcel->commands = slice_pack(&at, commands);
    return parcel;
}

static void end_parcel(struct hub *hub, struct parcel *parcel, int status)
{
    parcel->status = status;
    parcel->done(hub, parcel);
}

static size_t cost_of(const struct parcel *parcel)
{
    return sizeof *parcel + parcel->commands.len;
}

static void add_parcel(struct sse_conn *sse, struct parcel *parcel)
{
    *sse->last = parcel;
    sse->last = &parcel->next;
    sse->bytes += cost_of(parcel);
}

static void give_back_first(struct stream *stream, int status)
{
    struct sse_conn *sse = sse_of(stream);
    struct parcel *parcel = sse->first;
    sse->first = parcel->next;
    if (sse->first == NULL)
        sse->last = &sse->first;
    sse->bytes -= cost_of(parcel);
    end_parcel(stream->net->hub, parcel, status);
}

/* The end of the stream says what has become of them; a refusal might reach the client first, and
 * have it take its being sent away for an accident. */
static void give_back_all(struct stream *stream)
{
    while (sse_of(stream)->first != NULL)
        give_back_first(stream, 204);
}

/* ---- in ---- */

/* Its own answers wait for it, or other workers' for us: what it asks for more waits here. */
static bool is_full(const struct stream *stream)
{
    return stream->throttled & THROTTLE_HUB || session_is_pausing(stream->conn.session);
}

static void hear(struct stream *stream)
{
    struct sse_conn *sse = sse_of(stream);
    uint64_t until_ns = clock_monotonic_ns() + TURN_NS;
    sse->is_hearing = true;
    while (sse->first != NULL && !stream->conn.closing && !is_full(stream) &&
           clock_monotonic_ns() < until_ns) {
        struct parcel *parcel = sse->first;
        struct slice rest = {parcel->commands.at + parcel->heard,
                             parcel->commands.len - parcel->heard};
        parcel->heard += centrifuge_receive(stream->conn.session, rest, until_ns);
        if (parcel->heard == parcel->commands.len)
            give_back_first(stream, 204);
    }
    sse->is_hearing = false;
    if (sse->first != NULL && !stream->conn.closing)
        stream_start_timer(stream, is_full(stream) ? LOOK_AGAIN_MS : NEXT_TURN_MS);
}

static void take(struct stream *stream, struct parcel *parcel)
{
    struct sse_conn *sse = sse_of(stream);
    add_parcel(sse, parcel);
    if (!sse->is_hearing && !timer_is_set(&stream->timer))
        hear(stream);
}

/* The number only finds the session; all of the text must be right. */
static struct stream *find_stream(struct hub *hub, struct slice shown)
{
    char number[sizeof((struct pass *)NULL)->session] = "";
    if (shown.len >= sizeof number)
        return NULL;
    memcpy(number, shown.at, shown.len);
    struct session *session = session_find(hub, strtoull(number, NULL, 16));
    bool is_right = session != NULL && session->pass != NULL &&
                    secret_is_equal(shown, slice_of(session->pass->session));
    return is_right ? (struct stream *)session->conn : NULL;
}

void sse_take(struct hub *hub, struct parcel *parcel)
{
    struct stream *stream = find_stream(hub, parcel->session);
    if (stream == NULL)
        end_parcel(hub, parcel, 404);
    else if (stream->conn.closing)
        end_parcel(hub, parcel, 204);
    else if (sse_of(stream)->first != NULL &&
             sse_of(stream)->bytes + cost_of(parcel) > stream->conn.out.byte_limit)
        end_parcel(hub, parcel, 503);
    else
        take(stream, parcel);
}

/* ---- the protocol ---- */

/* Nothing belongs behind the request: the response ends with the connection. */
static void received(struct stream *stream, char *bytes, size_t len)
{
    (void)stream;
    (void)bytes;
    (void)len;
}

static void say_goodbye(struct stream *stream)
{
    struct conn *conn = &stream->conn;
    session_close(conn->session, conn->closing, slice_of(conn_reason(conn)));
    stream_stop_timer(stream);
    give_back_all(stream);
    stream_put(stream, conn->dialect->goodbye(conn->closing, conn_reason(conn)));
    stream_end(stream);
}

/* Not too late: time to go on. */
static void timed_out(struct stream *stream)
{
    hear(stream);
}

static void finish(struct stream *stream)
{
    session_close(stream->conn.session, CLOSE_GOING, SLICE("connection closed"));
    give_back_all(stream);
    stats_add(&stream->net->hub->stats, STAT_EVENT_STREAMS, -1);
    free(stream->state);
    stream->state = NULL;
}

static const struct protocol sse_protocol = {received, say_goodbye, timed_out, finish};

/* ---- the response's beginning ---- */

static void make_pass(struct pass *pass, const struct stream *stream)
{
    char secret[UUID_LEN + 1];
    uuid_make(secret);
    snprintf(pass->session, sizeof pass->session, "%llx.%s",
             (unsigned long long)stream->conn.session->number, secret);
    snprintf(pass->node, sizeof pass->node, "%s.%u", stream->net->options->api->node,
             stream->net->hub->index);
}

static struct sse_conn *create(const struct stream *stream)
{
    struct sse_conn *sse = xcalloc(1, sizeof *sse);
    sse->last = &sse->first;
    make_pass(&sse->pass, stream);
    stats_add(&stream->net->hub->stats, STAT_EVENT_STREAMS, 1);
    return sse;
}

/* Neither a length nor chunks: the end of the connection is the end of the response, so every frame
 * is what everybody else gets as well. The first bytes of the body have proxies pass it on at once;
 * other servers say CR LF there, over which the npm package `eventsource` 2 loses the end of an
 * event that comes in the same read. */
static void put_head(const struct exchange *exchange, struct buf *out)
{
    buf_add_text(out, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                      "X-Accel-Buffering: no\r\nX-Content-Type-Options: nosniff\r\n");
    visit_put_headers(exchange, out);
    buf_add_text(out, "Connection: close\r\n\r\n\n");
}

static void done_first(struct hub *hub, struct parcel *parcel)
{
    (void)hub;
    free(parcel);
}

static void begin(const struct exchange *exchange, struct slice commands)
{
    struct stream *stream = exchange->stream;
    struct parcel *first =
        sse_create_parcel(SLICE(""), commands); /* the request's bytes go with the request */
    struct buf head = {0};
    first->done = done_first;
    put_head(exchange, &head);
    struct session *session = visit_open(exchange, &event_stream);
    struct sse_conn *sse = create(stream);
    session->pass = &sse->pass;
    http_upgrade(stream, buf_slice(&head), &sse_protocol, sse);
    take(stream, first);
    buf_finish(&head);
}

void sse_open(const struct exchange *exchange)
{
    struct buf query = {0};
    bool is_post = slice_is(exchange->head->method, "POST");
    if (!visit_is_welcome(exchange))
        return;
    if (slice_is(exchange->head->method, "OPTIONS")) {
        visit_answer_preflight(exchange);
        return;
    }
    if (!is_post)
        http_query(exchange->head->query, "cf_connect", &query);
    struct slice commands = is_post ? exchange->body : buf_slice(&query);
    if (commands.len == 0)
        http_refuse(exchange->stream, 400,
                    "the first commands are missing (GET: ?cf_connect=, POST: the body)", NULL);
    else if (commands.len > exchange->stream->net->options->max_message)
        http_refuse(exchange->stream, 413, "the first commands are too much", NULL);
    else
        begin(exchange, commands);
    buf_finish(&query);
}
