#include "main/link.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

enum { READ_BYTES = 16 * 1024, PORT_TEXT = 8 };

bool link_find_server(const struct config *config, struct address *address, struct error *err)
{
    ensure(address_parse(slice_of(config->listen), address, NULL));
    if (address->port == 0)
        return fail(err, ERROR_CONFIG, "--listen is %s: which port did the server take?",
                    config->listen);
    if (address_is_any(address))
        strcpy(address->host, address->is_ipv6 ? "::1" : "127.0.0.1");
    return true;
}

/* ---- waiting and connecting ---- */

static bool fail_errno(const struct link *link, const char *what, int reason, struct error *err)
{
    return fail(err, ERROR_SYSTEM, "cannot %s %s: %s", what, link->name, strerror(reason));
}

/* For poll(): -1 is for ever. */
static int left_ms(const struct link *link)
{
    uint64_t now = clock_monotonic_ns();
    if (link->deadline_ns == 0)
        return -1;
    return now < link->deadline_ns ? (int)((link->deadline_ns - now) / 1000000) : 0;
}

static bool wait_for(const struct link *link, short events, struct error *err)
{
    struct pollfd poller = {.fd = link->fd, .events = events};
    for (;;) {
        int ready = poll(&poller, 1, left_ms(link));
        if (ready > 0)
            return true;
        if (ready == 0)
            return fail(err, ERROR_SYSTEM, "%s did not answer in time", link->name);
        if (errno != EINTR)
            return fail_errno(link, "wait for", errno, err);
    }
}

static bool finish_connect(struct link *link, struct error *err)
{
    int reason = 0;
    socklen_t len = sizeof reason;
    if (!wait_for(link, POLLOUT, err))
        return false;
    getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &reason, &len);
    return reason == 0 || fail_errno(link, "connect to", reason, err);
}

static bool connect_one(struct link *link, const struct addrinfo *info, struct error *err)
{
    link->fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd < 0)
        return fail_errno(link, "connect to", errno, err);
    if (connect(link->fd, info->ai_addr, info->ai_addrlen) == 0)
        return true;
    if (errno == EINPROGRESS ? finish_connect(link, err)
                             : fail_errno(link, "connect to", errno, err))
        return true;
    close(link->fd);
    link->fd = -1;
    return false;
}

static bool connect_any(struct link *link, const struct address *to, struct error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char port[PORT_TEXT];
    snprintf(port, sizeof port, "%u", to->port);
    int code = getaddrinfo(to->host, port, &hints, &found);
    if (code != 0)
        return fail(err, ERROR_SYSTEM, "cannot find %s: %s", to->host, gai_strerror(code));
    bool is_connected = false;
    for (struct addrinfo *at = found; at != NULL && !is_connected; at = at->ai_next)
        is_connected = connect_one(link, at, err);
    freeaddrinfo(found);
    if (is_connected)
        return true;
    struct error why = *err;
    return fail(err, why.code, "%s; is the server running? --listen HOST:PORT says where",
                why.text);
}

/* ---- bytes, plain or by TLS ---- */

static enum dial_step step_of(const struct link *link, ssize_t result, short events,
                              const char *what, size_t *moved, struct error *err)
{
    *moved = result > 0 ? (size_t)result : 0;
    if (result > 0)
        return DIAL_DONE;
    if (result == 0)
        return DIAL_END;
    if (errno == EAGAIN || errno == EINTR)
        return events == POLLIN ? DIAL_READ : DIAL_WRITE;
    fail_errno(link, what, errno, err);
    return DIAL_FAILED;
}

static enum dial_step send_some(const struct link *link, struct slice bytes, size_t *moved,
                                struct error *err)
{
    if (link->dial != NULL)
        return dial_send(link->dial, bytes.at, bytes.len, moved, err);
    return step_of(link, send(link->fd, bytes.at, bytes.len, MSG_NOSIGNAL), POLLOUT, "write to",
                   moved, err);
}

static enum dial_step receive_some(const struct link *link, struct buf *in, size_t *moved,
                                   struct error *err)
{
    char *room = buf_reserve(in, READ_BYTES);
    if (link->dial != NULL)
        return dial_receive(link->dial, room, READ_BYTES, moved, err);
    return step_of(link, recv(link->fd, room, READ_BYTES, 0), POLLIN, "read from", moved, err);
}

/* After a step that is not done: false when there is no next one. */
static bool wait_after(const struct link *link, enum dial_step step, struct error *err)
{
    if (step == DIAL_END)
        return fail(err, ERROR_SYSTEM, "%s hung up", link->name);
    return step != DIAL_FAILED && wait_for(link, step == DIAL_READ ? POLLIN : POLLOUT, err);
}

static bool begin_tls(struct link *link, const char *tls_cert, struct error *err)
{
    enum dial_step step;
    if (*tls_cert == '\0')
        return true;
    link->dial = dial_create(link->fd, tls_cert, err);
    if (link->dial == NULL)
        return false;
    while ((step = dial_shake(link->dial, err)) != DIAL_DONE)
        if (!wait_after(link, step, err))
            return false;
    return true;
}

bool link_send(struct link *link, struct slice bytes, struct error *err)
{
    while (bytes.len > 0) {
        size_t moved;
        enum dial_step step = send_some(link, bytes, &moved, err);
        if (step == DIAL_DONE)
            bytes = slice_make(bytes.at + moved, bytes.len - moved);
        else if (!wait_after(link, step, err))
            return false;
    }
    return true;
}

bool link_receive(struct link *link, struct buf *in, bool *is_over, struct error *err)
{
    for (;;) {
        size_t moved;
        enum dial_step step = receive_some(link, in, &moved, err);
        *is_over = step == DIAL_END;
        in->len += step == DIAL_DONE ? moved : 0;
        if (step == DIAL_DONE || step == DIAL_END)
            return true;
        if (!wait_after(link, step, err))
            return false;
    }
}

/* ---- life ---- */

void link_allow(struct link *link, unsigned timeout_ms)
{
    link->deadline_ns = timeout_ms > 0 ? clock_monotonic_ns() + timeout_ms * UINT64_C(1000000) : 0;
}

bool link_open(struct link *link, const struct address *to, const char *tls_cert,
               unsigned timeout_ms, struct error *err)
{
    *link = (struct link){.fd = -1};
    snprintf(link->name, sizeof link->name, to->is_ipv6 ? "[%s]:%u" : "%s:%u", to->host, to->port);
    link_allow(link, timeout_ms);
    return connect_any(link, to, err) && begin_tls(link, tls_cert, err);
}

void link_close(struct link *link)
{
    dial_destroy(link->dial);
    if (link->fd >= 0)
        close(link->fd);
    *link = (struct link){.fd = -1};
}
