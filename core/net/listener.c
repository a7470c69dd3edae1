#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Splits at the last colon; brackets of an IPv6 address come off. */
static bool split(const char *address, char *host, size_t host_size, char *port, size_t port_size)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon[1] == '\0' || strlen(colon + 1) >= port_size)
        return false;
    size_t len = (size_t)(colon - address);
    if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
        address++;
        len -= 2;
    }
    if (len >= host_size)
        return false;
    memcpy(host, address, len);
    host[len] = '\0';
    strcpy(port, colon + 1);
    return true;
}

static int open_one(const struct addrinfo *at, const char *address, struct error *err)
{
    int one = 1;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0 ||
        bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, LISTEN_BACKLOG) != 0) {
        fail(err, ERROR_SYSTEM, "cannot listen on %s: %s%s", address, strerror(errno),
             errno == EADDRINUSE ? "; is another server running? choose another address with --listen" : "");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

/* SO_REUSEPORT would let a second server steal half of the connections in silence. */
static bool is_in_use(const struct addrinfo *at)
{
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bool is_taken = fd >= 0 && bind(fd, at->ai_addr, at->ai_addrlen) != 0 && errno == EADDRINUSE;
    if (fd >= 0)
        close(fd);
    return is_taken;
}

static void put_bound(int fd, struct sockaddr_storage *at, socklen_t *len, struct buf *bound)
{
    char host[INET6_ADDRSTRLEN];
    char port[8];
    *len = sizeof *at;
    getsockname(fd, (struct sockaddr *)at, len);
    getnameinfo((struct sockaddr *)at, *len, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    buf_printf(bound, at->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static bool open_all(const struct addrinfo *first, const char *address, unsigned count, int *fds,
                     struct buf *bound, struct error *err)
{
    struct sockaddr_storage at;
    struct addrinfo rest = *first;
    if (is_in_use(first))
        return fail(err, ERROR_SYSTEM,
                    "cannot listen on %s: address already in use; is another server running? choose another "
                    "address with --listen",
                    address);
    fds[0] = open_one(first, address, err);
    if (fds[0] < 0)
        return false;
    put_bound(fds[0], &at, &rest.ai_addrlen, bound);
    rest.ai_addr = (struct sockaddr *)&at;
    for (unsigned i = 1; i < count; i++) {
        fds[i] = open_one(&rest, address, err);
        if (fds[i] >= 0)
            continue;
        while (i-- > 0)
            close(fds[i]);
        return false;
    }
    return true;
}

bool listener_open(const char *address, unsigned count, int *fds, struct buf *bound, struct error *err)
{
    char host[256], port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found;
    if (!split(address, host, sizeof host, port, sizeof port))
        return fail(err, ERROR_CONFIG, "cannot listen on \"%s\": an address looks like 127.0.0.1:8000", address);
    int status = getaddrinfo(host[0] ? host : NULL, port, &hints, &found);
    if (status != 0)
        return fail(err, ERROR_CONFIG, "cannot listen on %s: %s", address, gai_strerror(status));
    bool is_open = open_all(found, address, count, fds, bound, err);
    freeaddrinfo(found);
    return is_open;
}
