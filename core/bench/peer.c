#include "bench/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/memory.h"
#include "bench/frames.h"

enum {
    BUSY_BYTES = 256 * 1024,
    WRITE_MAX = 1 << 20,
    PEERS_PER_SOURCE = 16384,
    SCRATCH_BYTES = 1 << 20,
    TEXT_BYTES_MAX = 32 << 20, /* more than any message and what a protocol puts around it */
    RECORD_BYTES = 16384,      /* of TLS */
};
static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==", accepted[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

void peer_init(struct peer *peer, struct hall *hall, unsigned number)
{
    peer->hall = hall;
    peer->number = number;
    peer->fd = -1;
}

static void hang_up(struct peer *peer)
{
    tls_link_destroy(peer->tls);
    peer->tls = NULL;
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
}

void peer_finish(struct peer *peer)
{
    hang_up(peer);
    buf_finish(&peer->out);
    buf_finish(&peer->rest);
    buf_finish(&peer->piece);
}

static void lose(struct peer *peer, const struct error *why)
{
    if (peer->state == PEER_LOST)
        return;
    peer->state = PEER_LOST;
    hang_up(peer);
    peer->hall->events->lost(peer, why);
}

static void lose_by_errno(struct peer *peer, const char *what, int reason)
{
    struct error err;
    if (reason == EPROTO && peer->tls != NULL)
        fail(&err, ERROR_SYSTEM, "%s", tls_link_why(peer->tls));
    else
        fail(&err, ERROR_SYSTEM, "%s: %s", what, strerror(reason));
    lose(peer, &err);
}

static void lose_by_close(struct peer *peer, struct slice payload)
{
    struct error err;
    if (payload.len < 2)
        fail(&err, ERROR_SYSTEM, "the server closed the connection");
    else
        fail(&err, ERROR_SYSTEM, "the server closed the connection: %d %.*s",
             ws_close_code(payload), (int)payload.len - 2, payload.at + 2);
    lose(peer, &err);
}

/* ---- out ---- */

static void watch_write(struct peer *peer, bool is_wanted)
{
    struct epoll_event event = {.events = EPOLLIN | (is_wanted ? EPOLLOUT : 0), .data.ptr = peer};
    if (peer->is_watching_write != is_wanted)
        epoll_ctl(peer->hall->epoll, EPOLL_CTL_MOD, peer->fd, &event);
    peer->is_watching_write = is_wanted;
}

static ssize_t write_some(struct peer *peer)
{
    const char *from = peer->out.at + peer->sent;
    size_t len = peer->out.len - peer->sent;
    if (len > WRITE_MAX)
        len = WRITE_MAX;
    return peer->tls ? tls_link_write(peer->tls, from, len)
                     : send(peer->fd, from, len, MSG_NOSIGNAL);
}

void peer_flush(struct peer *peer)
{
    if (peer->state != PEER_ASKING && peer->state != PEER_OPEN)
        return;
    while (peer->sent < peer->out.len) {
        ssize_t sent = write_some(peer);
        if (sent > 0)
            peer->sent += (size_t)sent;
        else if (sent == 0) {
            lose_by_close(peer, (struct slice){0});
            return;
        } else if (errno == EAGAIN) {
            watch_write(peer, peer->tls == NULL || tls_link_wants_write(peer->tls));
            return;
        } else if (errno != EINTR) {
            lose_by_errno(peer, "writing failed", errno);
            return;
        }
    }
    buf_clear(&peer->out);
    peer->sent = 0;
    watch_write(peer, false);
}

bool peer_is_busy(const struct peer *peer)
{
    return peer->state != PEER_OPEN || peer->is_asked || peer->out.len - peer->sent > BUSY_BYTES;
}

void peer_say(struct peer *peer, struct slice text)
{
    if (peer->hall->carrier == CARRIER_WEBSOCKET)
        frames_put(&peer->out, peer->hall->opcode, text, 0x5eed0001u * (peer->number + 1));
    else
        buf_add_slice(&peer->out, text);
}

static void put_host(struct peer *peer)
{
    const struct address *to = &peer->hall->target->address;
    buf_printf(&peer->out, to->is_ipv6 ? "Host: [%s]:%u\r\n" : "Host: %s:%u\r\n", to->host,
               to->port);
    buf_add_slice(&peer->out, peer->hall->fields);
}

void peer_post(struct peer *peer, const char *path, struct slice body)
{
    buf_printf(&peer->out, "POST %s HTTP/1.1\r\n", path);
    put_host(peer);
    buf_printf(&peer->out, "Content-Length: %zu\r\n\r\n", body.len);
    buf_add_slice(&peer->out, body);
    peer->is_asked = true;
}

static void put_request(struct peer *peer, const char *path)
{
    buf_printf(&peer->out, "GET %s HTTP/1.1\r\n", path);
    put_host(peer);
    if (peer->hall->carrier == CARRIER_EVENTS)
        buf_add_text(&peer->out, "Accept: text/event-stream\r\n\r\n");
    else
        buf_printf(&peer->out,
                   "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: %s\r\n\r\n",
                   key);
}

/* ---- connecting ---- */

static void lose_connecting(struct peer *peer, int reason)
{
    const struct address *to = &peer->hall->target->address;
    struct error err;
    fail(&err, ERROR_SYSTEM,
         to->is_ipv6 ? "cannot connect to [%s]:%u: %s" : "cannot connect to %s:%u: %s", to->host,
         to->port, strerror(reason));
    lose(peer, &err);
}

/* One address has some 28,000 ports for one server: the peers of this machine come from several.
 * False: see errno. */
static bool spread_sources(const struct peer *peer)
{
    const struct sockaddr_in *to = (const struct sockaddr_in *)&peer->hall->address;
    unsigned place = peer->number / PEERS_PER_SOURCE;
    struct sockaddr_in from = {.sin_family = AF_INET};
    int one = 1;
    if (place == 0 || to->sin_family != AF_INET || ntohl(to->sin_addr.s_addr) >> 24 != 127)
        return true;
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + place);
    setsockopt(peer->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    return bind(peer->fd, (struct sockaddr *)&from, sizeof from) == 0;
}

void peer_connect(struct peer *peer, const char *path)
{
    struct hall *hall = peer->hall;
    int one = 1;
    peer->state = PEER_CONNECTING;
    peer->fd = socket(hall->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (peer->fd < 0) {
        lose_by_errno(peer, "cannot open a socket", errno);
        return;
    }
    setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!spread_sources(peer) ||
        (connect(peer->fd, (struct sockaddr *)&hall->address, hall->address_len) != 0 &&
         errno != EINPROGRESS)) {
        lose_connecting(peer, errno);
        return;
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = peer};
    peer->is_watching_write = true;
    if (epoll_ctl(hall->epoll, EPOLL_CTL_ADD, peer->fd, &event) != 0) {
        lose_by_errno(peer, "cannot watch a socket", errno);
        return;
    }
    if (hall->carrier == CARRIER_WEBSOCKET || hall->carrier == CARRIER_EVENTS)
        put_request(peer, path);
}

static void finish_connect(struct peer *peer)
{
    struct hall *hall = peer->hall;
    int reason = 0;
    socklen_t len = sizeof reason;
    getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &reason, &len);
    if (reason != 0) {
        lose_connecting(peer, reason);
        return;
    }
    if (hall->tls != NULL)
        peer->tls = tls_link_create(hall->tls, peer->fd, hall->target->address.host);
    bool asks = hall->carrier == CARRIER_WEBSOCKET || hall->carrier == CARRIER_EVENTS;
    peer->state = asks ? PEER_ASKING : PEER_OPEN;
    if (!asks)
        hall->events->opened(peer);
    peer_flush(peer);
}

/* ---- in: each takes what it can of the bytes and says how much that was ---- */

static void fail_by_status(struct slice bytes, int status, struct error *err)
{
    size_t line = bytes.len ? strcspn(bytes.at, "\r\n") : 0;
    if (status == 0)
        fail(err, ERROR_SYSTEM, "what answers does not speak HTTP");
    else
        fail(err, ERROR_SYSTEM, "the server answered %.*s", (int)(line < 120 ? line : 120),
             bytes.at);
}

static size_t take_head(struct peer *peer, struct slice bytes)
{
    struct reply_head head;
    struct error err;
    bool is_events = peer->hall->carrier == CARRIER_EVENTS;
    reply_read_head(bytes, &head);
    if (head.len == 0)
        return 0;
    struct slice accept = reply_find(slice_make(bytes.at, head.len), "sec-websocket-accept");
    if (head.status != (is_events ? 200 : 101) || (!is_events && !slice_is(accept, accepted))) {
        fail_by_status(bytes, head.status, &err);
        lose(peer, &err);
        return 0;
    }
    peer->is_chunked = head.is_chunked;
    peer->state = PEER_OPEN;
    peer->hall->events->opened(peer);
    return head.len;
}

static size_t take_cuts(struct peer *peer, struct slice bytes)
{
    size_t used = 0, len;
    while (peer->state == PEER_OPEN && used < bytes.len &&
           (len = peer->hall->cut(slice_make(bytes.at + used, bytes.len - used))) > 0) {
        peer->hall->events->heard(peer, slice_make(bytes.at + used, len));
        used += len;
    }
    return used;
}

/* What a frame brought, where the protocol cuts its messages itself. */
static void take_stream_piece(struct peer *peer, struct slice bytes)
{
    if (peer->piece.len == 0) {
        size_t used = take_cuts(peer, bytes);
        buf_add(&peer->piece, bytes.at + used, bytes.len - used);
        return;
    }
    buf_add_slice(&peer->piece, bytes);
    buf_shift(&peer->piece, take_cuts(peer, buf_slice(&peer->piece)));
}

static void take_data(struct peer *peer, const struct server_frame *frame)
{
    if (peer->hall->cut != NULL) {
        take_stream_piece(peer, frame->payload);
        return;
    }
    if (frame->is_last && peer->piece.len == 0) {
        peer->hall->events->heard(peer, frame->payload);
        return;
    }
    buf_add_slice(&peer->piece, frame->payload);
    if (!frame->is_last)
        return;
    peer->hall->events->heard(peer, buf_slice(&peer->piece));
    buf_clear(&peer->piece);
}

static void take_frame(struct peer *peer, const struct server_frame *frame)
{
    if (frame->opcode == WS_CLOSE)
        lose_by_close(peer, frame->payload);
    else if (frame->opcode < WS_CLOSE)
        take_data(peer, frame);
    else if (frame->opcode == WS_PING) {
        frames_put(&peer->out, WS_PONG, frame->payload, peer->number);
        peer_flush(peer);
    }
}

static size_t take_frames(struct peer *peer, struct slice bytes)
{
    struct server_frame frame;
    struct error err;
    size_t used = 0, len;
    while (peer->state == PEER_OPEN) {
        if (!frames_take(slice_make(bytes.at + used, bytes.len - used), &len, &frame, &err)) {
            lose(peer, &err);
            break;
        }
        if (len == 0)
            break;
        take_frame(peer, &frame);
        used += len;
    }
    return used;
}

static size_t take_events(struct peer *peer, struct slice bytes)
{
    struct slice left = bytes, data;
    while (peer->state == PEER_OPEN && events_take(&left, &data))
        peer->hall->events->heard(peer, data);
    return bytes.len - left.len;
}

static void take_answer(struct peer *peer, struct slice bytes, const struct reply_head *head,
                        struct slice body)
{
    struct error err;
    peer->is_asked = head->is_closing; /* then nothing more can be asked */
    if (head->status / 100 == 2) {
        peer->hall->events->heard(peer, body);
    } else {
        fail_by_status(bytes, head->status, &err);
        if (head->status == 0)
            lose(peer, &err);
        else
            peer->hall->events->refused(peer, &err);
    }
    if (head->is_closing)
        lose_by_close(peer, (struct slice){0});
}

/* The answers to a POST are short: until one is all there, its chunks are read from its beginning.
 */
static size_t take_answers(struct peer *peer, struct slice bytes)
{
    struct reply_head head;
    struct chunks chunks = {0};
    reply_read_head(bytes, &head);
    if (head.len == 0)
        return 0;
    size_t have = bytes.len - head.len, used = head.content_length, len = used;
    if (head.is_chunked) {
        char *copy = xmalloc(have + 1);
        memcpy(copy, bytes.at + head.len, have);
        len = chunks_strip(&chunks, copy, have, &used);
        if (chunks.step == CHUNK_OVER)
            take_answer(peer, bytes, &head, slice_make(copy, len));
        free(copy);
        return chunks.step == CHUNK_OVER ? head.len + used : 0;
    }
    if (have < used)
        return 0;
    take_answer(peer, bytes, &head, slice_make(bytes.at + head.len, len));
    return head.len + used;
}

static size_t take(struct peer *peer, struct slice bytes)
{
    switch (peer->hall->carrier) {
    case CARRIER_WEBSOCKET:
        return take_frames(peer, bytes);
    case CARRIER_EVENTS:
        return take_events(peer, bytes);
    case CARRIER_POST:
        return take_answers(peer, bytes);
    case CARRIER_TCP:
        break;
    }
    return take_cuts(peer, bytes);
}

/* The scratch holds `old` bytes that were looked at already and `more` behind them. */
static void take_all(struct peer *peer, size_t old, size_t more)
{
    char *bytes = peer->hall->scratch.at;
    size_t used = 0, rest;
    if (peer->state == PEER_ASKING) {
        used = take_head(peer, slice_make(bytes, old + more));
        if (peer->state != PEER_OPEN)
            used = 0;
        else
            more = old + more - used, old = 0;
    }
    if (peer->state == PEER_OPEN && peer->is_chunked)
        more = chunks_strip(&peer->chunks, bytes + used + old, more, &rest);
    size_t len = used + old + more;
    if (peer->state == PEER_OPEN)
        used += take(peer, slice_make(bytes + used, len - used));
    if (peer->state == PEER_OPEN && peer->chunks.step == CHUNK_OVER)
        lose_by_close(peer, (struct slice){0});
    if (peer->state == PEER_LOST)
        return;
    buf_clear(&peer->rest);
    if (used < len)
        buf_add(&peer->rest, bytes + used, len - used);
}

static ssize_t read_some(struct peer *peer, char *into, size_t room)
{
    return peer->tls ? tls_link_read(peer->tls, into, room) : recv(peer->fd, into, room, 0);
}

/* As much as is there and fits: TLS hands out a record a call. What ended it comes again. */
static ssize_t read_much(struct peer *peer, char *into, size_t room)
{
    ssize_t got = read_some(peer, into, room);
    if (peer->tls == NULL || got <= 0)
        return got;
    size_t len = (size_t)got;
    while (room - len >= RECORD_BYTES && (got = read_some(peer, into + len, room - len)) > 0)
        len += (size_t)got;
    return (ssize_t)len;
}

/* The scratch with what is left of before in front, and room behind it; how much. */
static size_t fill_scratch(struct peer *peer, char **room)
{
    struct buf *scratch = &peer->hall->scratch;
    size_t old = peer->rest.len;
    buf_clear(scratch);
    *room = buf_reserve(scratch, old + SCRATCH_BYTES);
    if (old > 0)
        memcpy(*room, peer->rest.at, old);
    *room += old;
    return SCRATCH_BYTES;
}

/* Epoll does not see what TLS holds back: all of it is read. */
static void read_in(struct peer *peer)
{
    for (;;) {
        size_t old = peer->rest.len;
        struct error err;
        char *room;
        if (old >= TEXT_BYTES_MAX) {
            fail(&err, ERROR_SYSTEM, "the server sent a text of more than %d bytes",
                 TEXT_BYTES_MAX);
            lose(peer, &err);
            return;
        }
        size_t room_len = fill_scratch(peer, &room);
        ssize_t got = read_much(peer, room, room_len);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got < 0) {
            lose_by_errno(peer, "reading failed", errno);
            return;
        }
        if (got == 0) {
            lose_by_close(peer, (struct slice){0});
            return;
        }
        peer->bytes_in += (uint64_t)got;
        take_all(peer, old, (size_t)got);
        if (peer->tls == NULL || peer->state == PEER_LOST)
            return;
    }
}

void peer_handle(struct peer *peer, uint32_t events)
{
    if (peer->state == PEER_CONNECTING && events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
        finish_connect(peer);
    else if (events & EPOLLOUT)
        peer_flush(peer);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && peer->fd >= 0 && peer->state != PEER_CONNECTING)
        read_in(peer);
    if (peer->tls != NULL && peer->sent < peer->out.len)
        peer_flush(peer);
}
