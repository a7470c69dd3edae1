#include "main/http_client.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/dial.h"

enum { READ_BYTES = 16 * 1024, PORT_TEXT = 8, TARGET_TEXT = ADDRESS_HOST_MAX + 16 };

struct target {
    char text[TARGET_TEXT]; /* "127.0.0.1:8000", "[::1]:8000" */
};

/* A conversation under way. */
struct talk_state {
    int fd;
    struct dial *dial; /* NULL: plain */
    uint64_t deadline_ns;
    struct target target;
};

static struct target name_of(const struct address *address)
{
    struct target target;
    snprintf(target.text, sizeof target.text, address->is_ipv6 ? "[%s]:%u" : "%s:%u", address->host,
             address->port);
    return target;
}

static bool fail_errno(const struct talk_state *t, const char *what, int reason, struct error *err)
{
    return fail(err, ERROR_SYSTEM, "cannot %s %s: %s", what, t->target.text, strerror(reason));
}

static bool wait_for(const struct talk_state *t, short events, struct error *err)
{
    struct pollfd poller = {.fd = t->fd, .events = events};
    for (;;) {
        uint64_t now = clock_monotonic_ns();
        uint64_t left_ms = now < t->deadline_ns ? (t->deadline_ns - now) / 1000000 : 0;
        int ready = poll(&poller, 1, (int)left_ms);
        if (ready > 0)
            return true;
        if (ready == 0)
            return fail(err, ERROR_SYSTEM, "%s did not answer in time", t->target.text);
        if (errno != EINTR)
            return fail_errno(t, "wait for", errno, err);
    }
}

static bool finish_connect(struct talk_state *t, struct error *err)
{
    int reason = 0;
    socklen_t len = sizeof reason;
    if (!wait_for(t, POLLOUT, err))
        return false;
    getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &reason, &len);
    return reason == 0 || fail_errno(t, "connect to", reason, err);
}

static bool connect_one(struct talk_state *t, const struct addrinfo *info, struct error *err)
{
    t->fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (t->fd < 0)
        return fail_errno(t, "connect to", errno, err);
    if (connect(t->fd, info->ai_addr, info->ai_addrlen) == 0)
        return true;
    if (errno == EINPROGRESS ? finish_connect(t, err) : fail_errno(t, "connect to", errno, err))
        return true;
    close(t->fd);
    t->fd = -1;
    return false;
}

static bool connect_any(struct talk_state *t, const struct address *to, struct error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char port[PORT_TEXT];
    snprintf(port, sizeof port, "%u", to->port);
    int code = getaddrinfo(to->host, port, &hints, &found);
    if (code != 0)
        return fail(err, ERROR_SYSTEM, "cannot find %s: %s", to->host, gai_strerror(code));
    bool is_connected = false;
    for (struct addrinfo *at = found; at != NULL && !is_connected; at = at->ai_next)
        is_connected = connect_one(t, at, err);
    freeaddrinfo(found);
    return is_connected;
}

/* ---- bytes, plain or by TLS ---- */

static enum dial_step step_of(const struct talk_state *t, ssize_t result, short events,
                              const char *what, size_t *moved, struct error *err)
{
    *moved = result > 0 ? (size_t)result : 0;
    if (result > 0)
        return DIAL_DONE;
    if (result == 0)
        return DIAL_END;
    if (errno == EAGAIN || errno == EINTR)
        return events == POLLIN ? DIAL_READ : DIAL_WRITE;
    fail_errno(t, what, errno, err);
    return DIAL_FAILED;
}

static enum dial_step send_some(const struct talk_state *t, struct slice bytes, size_t *moved,
                                struct error *err)
{
    if (t->dial != NULL)
        return dial_send(t->dial, bytes.at, bytes.len, moved, err);
    return step_of(t, send(t->fd, bytes.at, bytes.len, MSG_NOSIGNAL), POLLOUT, "write to", moved,
                   err);
}

static enum dial_step receive_some(const struct talk_state *t, struct buf *in, size_t *moved,
                                   struct error *err)
{
    char *room = buf_reserve(in, READ_BYTES);
    if (t->dial != NULL)
        return dial_receive(t->dial, room, READ_BYTES, moved, err);
    return step_of(t, recv(t->fd, room, READ_BYTES, 0), POLLIN, "read from", moved, err);
}

/* After a step that is not done: false when there is no next one. */
static bool wait_after(const struct talk_state *t, enum dial_step step, struct error *err)
{
    if (step == DIAL_END)
        return fail(err, ERROR_SYSTEM, "%s hung up", t->target.text);
    return step != DIAL_FAILED && wait_for(t, step == DIAL_READ ? POLLIN : POLLOUT, err);
}

static bool begin_tls(struct talk_state *t, const struct http_call *call, struct error *err)
{
    enum dial_step step;
    if (*call->tls_cert == '\0')
        return true;
    t->dial = dial_create(t->fd, call->tls_cert, err);
    if (t->dial == NULL)
        return false;
    while ((step = dial_shake(t->dial, err)) != DIAL_DONE)
        if (!wait_after(t, step, err))
            return false;
    return true;
}

static bool send_all(const struct talk_state *t, struct slice bytes, struct error *err)
{
    while (bytes.len > 0) {
        size_t moved;
        enum dial_step step = send_some(t, bytes, &moved, err);
        if (step == DIAL_DONE)
            bytes = slice_make(bytes.at + moved, bytes.len - moved);
        else if (!wait_after(t, step, err))
            return false;
    }
    return true;
}

static void put_request(struct buf *out, const struct talk_state *t, const struct http_call *call)
{
    buf_printf(out, "POST %s HTTP/1.1\r\nHost: %s\r\n", call->path, t->target.text);
    if (*call->api_key != '\0')
        buf_printf(out, "X-API-Key: %s\r\n", call->api_key);
    buf_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", call->body.len);
    buf_add_text(out, "Connection: close\r\n\r\n");
    buf_add_slice(out, call->body);
}

/* Until the server closes, as it was asked to. */
static bool read_all(const struct talk_state *t, struct buf *in, struct error *err)
{
    while (in->len <= HTTP_REPLY_BYTES_MAX) {
        size_t moved;
        enum dial_step step = receive_some(t, in, &moved, err);
        if (step == DIAL_END)
            return true;
        if (step == DIAL_DONE)
            in->len += moved;
        else if (!wait_after(t, step, err))
            return false;
    }
    return fail(err, ERROR_SYSTEM, "%s answers without end", t->target.text);
}

/* "HTTP/1.1 200 ..."; 0 when it is nothing of that kind. */
static int parse_status(struct slice head)
{
    int status;
    char line[16] = {0};
    memcpy(line, head.at, head.len < sizeof line - 1 ? head.len : sizeof line - 1);
    return sscanf(line, "HTTP/1.%*1d %3d", &status) == 1 && status >= 200 ? status : 0;
}

/* The announced length of the body, or `otherwise`. */
static size_t find_length(struct slice head, size_t otherwise)
{
    static const char name[] = "\r\nContent-Length:";
    size_t len = sizeof name - 1;
    for (size_t at = 0; at + len < head.len; at++)
        if (strncasecmp(head.at + at, name, len) == 0)
            return strtoul(head.at + at + len, NULL, 10);
    return otherwise;
}

static bool parse_reply(const struct talk_state *t, struct buf *in, struct http_reply *reply,
                        struct error *err)
{
    const char *end = in->len ? memmem(in->at, in->len, "\r\n\r\n", 4) : NULL;
    struct slice head = slice_make(in->at, end ? (size_t)(end + 2 - in->at) : 0);
    reply->status = end ? parse_status(head) : 0;
    if (reply->status == 0)
        return fail(err, ERROR_SYSTEM, "what answers at %s does not speak HTTP", t->target.text);
    struct slice body = slice_make(end + 4, in->len - head.len - 2);
    if (body.len < find_length(head, body.len))
        return fail(err, ERROR_SYSTEM, "%s broke off in the middle of its answer", t->target.text);
    buf_add(&reply->body, body.at, find_length(head, body.len));
    return true;
}

static bool converse(struct talk_state *t, const struct http_call *call, struct http_reply *reply,
                     struct error *err)
{
    struct buf out = {0}, in = {0};
    put_request(&out, t, call);
    bool is_answered = connect_any(t, &call->to, err) && begin_tls(t, call, err) &&
                       send_all(t, buf_slice(&out), err) && read_all(t, &in, err) &&
                       parse_reply(t, &in, reply, err);
    buf_finish(&out);
    buf_finish(&in);
    return is_answered;
}

bool http_post(const struct http_call *call, struct http_reply *reply, struct error *err)
{
    struct talk_state t = {
        .fd = -1,
        .deadline_ns = clock_monotonic_ns() + call->timeout_ms * UINT64_C(1000000),
        .target = name_of(&call->to),
    };
    *reply = (struct http_reply){0};
    bool is_answered = converse(&t, call, reply, err);
    dial_destroy(t.dial);
    if (t.fd >= 0)
        close(t.fd);
    return is_answered;
}

void http_reply_finish(struct http_reply *reply)
{
    buf_finish(&reply->body);
}
