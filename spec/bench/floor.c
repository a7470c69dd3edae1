/* The floor under every fan-out: the least that a C program can do and still deliver. One thread; a turn reads all
 * that has come, gathers a channel's messages into one run of frames, and gives each subscriber one send() of it.
 * No limits, no checks, no names, no memory to be proud of: a yardstick, not a server.
 *
 *   floor PORT       GET /CHANNEL upgrades and subscribes; the text "CHANNEL MESSAGE" publishes. Loopback only. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOMS = 4096, NAME_MAX_LEN = 64, SCRATCH = 1 << 20, EVENTS = 512, TEXT = 0x81, BACKLOG = 4096 };

struct bytes {
    char *at;
    size_t len, room;
};

struct peer {
    int fd;
    bool is_upgraded;
    struct room *room;        /* NULL: it only publishes */
    unsigned place;           /* in room->peers */
    struct bytes in, backlog; /* an unfinished frame; what the socket did not take */
};

struct room { /* found by its name, open addressing */
    char name[NAME_MAX_LEN];
    struct peer **peers;
    unsigned count, room;
    struct bytes turn; /* the frames of this turn */
};

struct floor {
    int epoll, listener;
    struct room rooms[ROOMS];
    struct room *touched[ROOMS];
    unsigned touched_count;
    char scratch[SCRATCH];
};

static void add(struct bytes *b, const void *from, size_t len)
{
    if (b->len + len > b->room) {
        b->room = (b->len + len) * 2;
        b->at = realloc(b->at, b->room);
        if (b->at == NULL)
            abort();
    }
    memcpy(b->at + b->len, from, len);
    b->len += len;
}

static void drop(struct bytes *b)
{
    free(b->at);
    *b = (struct bytes){0};
}

static struct room *find_room(struct floor *f, const char *name, size_t len)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    for (unsigned i = 0; i < ROOMS; i++) {
        struct room *room = &f->rooms[(hash + i) % ROOMS];
        if (room->name[0] == '\0')
            memcpy(room->name, name, len < NAME_MAX_LEN ? len : NAME_MAX_LEN - 1);
        if (strlen(room->name) == len && memcmp(room->name, name, len) == 0)
            return room;
    }
    abort();
}

static void enter(struct room *room, struct peer *peer)
{
    if (room->count == room->room) {
        room->room = room->room ? room->room * 2 : 8;
        room->peers = realloc(room->peers, room->room * sizeof *room->peers);
        if (room->peers == NULL)
            abort();
    }
    peer->room = room;
    peer->place = room->count;
    room->peers[room->count++] = peer;
}

static void leave(struct peer *peer)
{
    struct room *room = peer->room;
    if (room != NULL) {
        room->peers[peer->place] = room->peers[--room->count];
        room->peers[peer->place]->place = peer->place;
    }
    close(peer->fd);
    drop(&peer->in);
    drop(&peer->backlog);
    free(peer);
}

static void watch(struct floor *f, struct peer *peer, int how, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = peer};
    epoll_ctl(f->epoll, how, peer->fd, &event);
}

static void give(struct floor *f, struct peer *peer, const char *bytes, size_t len)
{
    ssize_t sent = peer->backlog.len > 0 ? 0 : send(peer->fd, bytes, len, MSG_NOSIGNAL);
    if (sent < 0)
        sent = 0;
    if ((size_t)sent == len)
        return;
    if (peer->backlog.len == 0)
        watch(f, peer, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    add(&peer->backlog, bytes + sent, len - (size_t)sent);
}

static void give_backlog(struct floor *f, struct peer *peer)
{
    struct bytes *b = &peer->backlog;
    ssize_t sent = b->len > 0 ? send(peer->fd, b->at, b->len, MSG_NOSIGNAL) : 0;
    if (sent <= 0)
        return;
    memmove(b->at, b->at + sent, b->len - (size_t)sent);
    b->len -= (size_t)sent;
    if (b->len > 0)
        return;
    drop(b);
    watch(f, peer, EPOLL_CTL_MOD, EPOLLIN);
}

static void publish(struct floor *f, struct room *room, const char *text, size_t len)
{
    unsigned char head[4] = {TEXT, (unsigned char)len};
    if (len > 65535)
        abort();
    if (len > 125) {
        head[1] = 126;
        head[2] = (unsigned char)(len >> 8);
        head[3] = (unsigned char)len;
    }
    if (room->turn.len == 0)
        f->touched[f->touched_count++] = room;
    add(&room->turn, head, len > 125 ? 4 : 2);
    add(&room->turn, text, len);
}

/* Answers with the key's pair that our load tool sends: no SHA-1 here. */
static size_t upgrade(struct floor *f, struct peer *peer, char *bytes, size_t len)
{
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    char *end = memmem(bytes, len, "\r\n\r\n", 4), *path = memchr(bytes, '/', len);
    if (end == NULL || path == NULL)
        return 0;
    path++;
    size_t path_len = strcspn(path, " ");
    if (path_len != 3 || memcmp(path, "say", 3) != 0)
        enter(find_room(f, path, path_len), peer);
    peer->is_upgraded = true;
    give(f, peer, answer, sizeof answer - 1);
    return (size_t)(end + 4 - bytes);
}

/* One masked frame; how long it was, 0: not all there, or -1: the peer leaves. */
static ssize_t take_frame(struct floor *f, unsigned char *frame, size_t len)
{
    if (len < 6)
        return 0;
    size_t size = frame[1] & 127, head = 2;
    if (size == 126) {
        size = (size_t)frame[2] << 8 | frame[3];
        head = 4;
    }
    if ((frame[0] & 15) == 8 || (frame[1] & 127) == 127)
        return -1;
    if (len < head + 4 + size)
        return 0;
    unsigned char *mask = frame + head, *text = mask + 4;
    for (size_t i = 0; i < size; i++)
        text[i] ^= mask[i & 3];
    const char *space = memchr(text, ' ', size);
    if ((frame[0] & 15) == 1 && space != NULL) {
        size_t name = (size_t)(space - (char *)text);
        publish(f, find_room(f, (char *)text, name), space + 1, size - name - 1);
    }
    return (ssize_t)(head + 4 + size);
}

static void take(struct floor *f, struct peer *peer)
{
    size_t old = peer->in.len, used = 0;
    if (old > 0)
        memcpy(f->scratch, peer->in.at, old);
    ssize_t got = recv(peer->fd, f->scratch + old, SCRATCH - old, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            leave(peer);
        return;
    }
    size_t len = old + (size_t)got;
    if (!peer->is_upgraded)
        used = upgrade(f, peer, f->scratch, len);
    while (peer->is_upgraded) {
        ssize_t frame = take_frame(f, (unsigned char *)f->scratch + used, len - used);
        if (frame < 0) {
            leave(peer);
            return;
        }
        if (frame == 0)
            break;
        used += (size_t)frame;
    }
    drop(&peer->in);
    if (used < len)
        add(&peer->in, f->scratch + used, len - used);
}

static void welcome(struct floor *f)
{
    int fd, one = 1;
    while ((fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct peer *peer = calloc(1, sizeof *peer);
        if (peer == NULL)
            abort();
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        peer->fd = fd;
        watch(f, peer, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static void end_turn(struct floor *f)
{
    for (unsigned i = 0; i < f->touched_count; i++) {
        struct room *room = f->touched[i];
        for (unsigned k = 0; k < room->count; k++)
            give(f, room->peers[k], room->turn.at, room->turn.len);
        room->turn.len = 0;
    }
    f->touched_count = 0;
}

static void turn(struct floor *f)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(f->epoll, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
        struct peer *peer = events[i].data.ptr;
        if (peer == NULL)
            welcome(f);
        if (peer != NULL && events[i].events & EPOLLOUT)
            give_backlog(f, peer);
        if (peer != NULL && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            take(f, peer);
    }
    end_turn(f);
}

int main(int argc, char **argv)
{
    struct floor *f = calloc(1, sizeof *f);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN};
    int one = 1;
    if (f == NULL || argc != 2) {
        fprintf(stderr, "floor PORT\n");
        return 2;
    }
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(f->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(f->listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(f->listener, BACKLOG) != 0) {
        perror("floor");
        return 1;
    }
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->listener, &event);
    for (;;)
        turn(f);
}
