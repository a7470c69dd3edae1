#include "net/stream.h"

#include <errno.h>
#include <libwebsockets.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "net/flush.h"
#include "net/http.h"
#include "net/inside.h"

static void wake(struct conn *conn)
{
    flush_add((struct stream *)conn);
}

static void relieve(struct conn *conn)
{
    struct stream *stream = (struct stream *)conn;
    if (!stream->is_writing)
        stream_send(stream);
}

static void throttle(struct conn *conn, bool is_on)
{
    stream_throttle((struct stream *)conn, THROTTLE_HUB, is_on);
}

const struct transport stream_transport = {.wake = wake, .relieve = relieve, .throttle = throttle};

/* ---- birth and death ---- */

static void find_ip(struct stream *stream)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    if (getpeername(stream->fd, (struct sockaddr *)&peer, &len) != 0 ||
        getnameinfo((struct sockaddr *)&peer, len, stream->ip, sizeof stream->ip, NULL, 0, NI_NUMERICHOST) != 0)
        strcpy(stream->ip, "unknown");
}

struct stream *stream_create(struct net *net, struct lws *wsi)
{
    struct stream *stream = xcalloc(1, sizeof *stream);
    conn_init(&stream->conn, net->hub, &stream_transport);
    stream->net = net;
    stream->wsi = wsi;
    stream->fd = (int)lws_get_socket_fd(wsi);
    stream->ssl = lws_get_ssl(wsi);
    if (stream->ssl != NULL)
        SSL_set_mode(stream->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    find_ip(stream);
    stream->next = net->streams;
    if (net->streams != NULL)
        net->streams->prev = stream;
    net->streams = stream;
    stats_add(&net->hub->stats, STAT_CONNECTIONS, 1);
    http_begin(stream);
    return stream;
}

static void unlink_stream(struct stream *stream)
{
    if (stream->prev != NULL)
        stream->prev->next = stream->next;
    else
        stream->net->streams = stream->next;
    if (stream->next != NULL)
        stream->next->prev = stream->prev;
}

void stream_destroy(struct stream *stream)
{
    struct net *net = stream->net;
    stream->conn.closing = CLOSE_GOING; /* what its own end makes others say is not for it */
    unlink_stream(stream);
    timer_stop(net->hub->timers, &stream->timer);
    timer_stop(net->hub->timers, &stream->patience);
    if (stream->protocol != NULL)
        stream->protocol->finish(stream);
    flush_remove(stream);
    stats_add(&net->hub->stats, STAT_CONNECTIONS, -1);
    conn_finish(&stream->conn);
    free(stream);
}

void stream_kill(struct stream *stream)
{
    if (stream->is_dead)
        return;
    stream->is_dead = stream->is_ending = true;
    flush_add(stream);
}

/* libwebsockets' own "kill soon" waits for its next socket event, which on a quiet server never comes. */
void stream_bury(struct stream *stream)
{
    lws_set_timeout(stream->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

/* ---- time ---- */

static void on_timeout(struct timer *timer)
{
    struct stream *stream = CONTAINER(timer, struct stream, timer);
    if (stream->is_ending)
        stream_kill(stream);
    else
        stream->protocol->timed_out(stream);
}

void stream_start_timer(struct stream *stream, unsigned ms)
{
    timer_start(stream->net->hub->timers, &stream->timer, ms, on_timeout);
}

void stream_stop_timer(struct stream *stream)
{
    timer_stop(stream->net->hub->timers, &stream->timer);
}

/* ---- in ---- */

void stream_receive(struct stream *stream, char *bytes, size_t len)
{
    stats_add(&stream->net->hub->stats, STAT_BYTES_IN, (int64_t)len);
    if (!stream->is_heard) { /* libwebsockets leaves the handshake's timeout armed: it would end every connection */
        stream->is_heard = true;
        lws_set_timeout(stream->wsi, NO_PENDING_TIMEOUT, 0);
    }
    if (!stream->is_ending)
        stream->protocol->received(stream, bytes, len);
}

static void throttle_to(struct stream *stream, unsigned why)
{
    bool was_on = stream->throttled != 0;
    stream->throttled = why;
    if (was_on != (why != 0) && !stream->is_dead)
        lws_rx_flow_control(stream->wsi, why == 0);
}

void stream_throttle(struct stream *stream, enum throttle why, bool is_on)
{
    if (stream->is_ending) /* what still comes is read and thrown away */
        return;
    throttle_to(stream, is_on ? stream->throttled | why : stream->throttled & ~(unsigned)why);
}

void stream_speak(struct stream *stream, const struct protocol *protocol, void *state)
{
    stream->protocol->finish(stream);
    stream->protocol = protocol;
    stream->state = state;
}

/* ---- out ---- */

void stream_put(struct stream *stream, struct frame *frame)
{
    outbox_push_last(&stream->conn.out, frame, loop_now_ms(stream->net->hub->loop));
    frame_unref(frame);
    flush_add(stream);
}

void stream_end(struct stream *stream)
{
    if (stream->is_ending)
        return;
    stream->is_ending = true;
    throttle_to(stream, 0); /* what still comes is read and thrown away, so that no reset eats our words */
    stream_start_timer(stream, LINGER_MS);
    flush_add(stream);
}

/* Everything has gone: tell the peer so, and wait for its end of it. */
static void shut(struct stream *stream)
{
    stream->is_shut = true;
    if (stream->ssl != NULL) {
        ERR_clear_error();
        SSL_shutdown(stream->ssl);
    }
    shutdown(stream->fd, SHUT_WR);
}

size_t stream_gather(const struct outbox *out, char *scratch, size_t room, struct slice *bytes)
{
    struct slice frame = outbox_peek(out, 0);
    *bytes = frame;
    if (out->count == 1 || frame.len >= room)
        return frame.len;
    size_t len = 0;
    for (uint32_t n = 0; n < out->count; n++) {
        frame = outbox_peek(out, n);
        size_t take = frame.len < room - len ? frame.len : room - len;
        memcpy(scratch + len, frame.at, take);
        len += take;
        if (len == room)
            break;
    }
    *bytes = slice_make(scratch, len);
    return len;
}

/* Returns what was taken, 0 when the kernel is full, negative when the peer cannot be reached. */
static ssize_t write_some(struct stream *stream, struct slice bytes)
{
    if (stream->ssl == NULL) {
        ssize_t n = send(stream->fd, bytes.at, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    ERR_clear_error();
    int n = SSL_write(stream->ssl, bytes.at, (int)bytes.len);
    if (n > 0)
        return n;
    int why = SSL_get_error(stream->ssl, n);
    return why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? 0 : -1;
}

/* Nobody has to say anything more for a reader that takes nothing to be let go. */
static void on_out_of_patience(struct timer *timer)
{
    struct stream *stream = CONTAINER(timer, struct stream, patience);
    uint32_t left = stream->is_blocked ? conn_check_age(&stream->conn) : 0;
    if (left > 0)
        timer_start(stream->net->hub->timers, timer, left, on_out_of_patience);
    else if (stream->is_blocked && stream->conn.dialect == NULL)
        stream_kill(stream);
}

static void wait_until_writable(struct stream *stream)
{
    stream->is_blocked = true;
    if (!timer_is_set(&stream->patience))
        timer_start(stream->net->hub->timers, &stream->patience, stream->net->hub->options->queue_ms,
                    on_out_of_patience);
    lws_callback_on_writable(stream->wsi);
}

bool stream_can_send(const struct stream *stream)
{
    return !outbox_is_empty(&stream->conn.out) && !stream->is_blocked && !stream->is_dead;
}

void stream_sent(struct stream *stream, ssize_t sent, size_t len)
{
    struct outbox *out = &stream->conn.out;
    if (sent < 0) {
        stream_kill(stream);
        return;
    }
    if (sent > 0) {
        if (stream->is_ending) /* the peer still takes something: it may have as long again */
            stream_start_timer(stream, LINGER_MS);
        stats_add(&stream->net->hub->stats, STAT_BYTES_OUT, sent);
        stream->is_over = outbox_sent(out, (size_t)sent, loop_now_ms(stream->net->hub->loop)) || stream->is_over;
    }
    if (sent == 0 || ((size_t)sent < len && stream->ssl == NULL))
        wait_until_writable(stream);
    if (stream->is_over && outbox_is_empty(out) && !stream->is_shut) {
        stream_end(stream);
        shut(stream);
    }
}

void stream_send(struct stream *stream)
{
    size_t room = stream->ssl != NULL ? TLS_RECORD : SEND_AT_ONCE;
    while (stream_can_send(stream)) {
        struct slice bytes;
        size_t len = stream_gather(&stream->conn.out, stream->net->scratch, room, &bytes);
        ssize_t sent = write_some(stream, bytes);
        if (sent == 0 && stream->ssl != NULL) /* OpenSSL has taken these bytes for a record it could not send yet */
            outbox_promise(&stream->conn.out, len);
        stream_sent(stream, sent, len);
    }
}

void stream_writable(struct stream *stream)
{
    stream->is_blocked = false;
    flush_add(stream);
}
