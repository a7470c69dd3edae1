#include "net/flush.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/memory.h"
#include "hub/audience.h"
#include "hub/hub.h"
#include "net/inside.h"
#include "net/ring.h"

static bool is_listed(const struct stream *stream)
{
    return stream->prev_awake != NULL || stream->net->awake == stream;
}

/* First come, first served: who is left over for the next turn does not lose its place. */
void flush_add(struct stream *stream)
{
    struct net *net = stream->net;
    if (is_listed(stream))
        return;
    stream->prev_awake = net->awake_last;
    if (net->awake_last != NULL)
        net->awake_last->next_awake = stream;
    else
        net->awake = stream;
    net->awake_last = stream;
}

void flush_remove(struct stream *stream)
{
    struct net *net = stream->net;
    if (!is_listed(stream))
        return;
    if (stream->prev_awake != NULL)
        stream->prev_awake->next_awake = stream->next_awake;
    else
        net->awake = stream->next_awake;
    if (stream->next_awake != NULL)
        stream->next_awake->prev_awake = stream->prev_awake;
    else
        net->awake_last = stream->prev_awake;
    stream->next_awake = stream->prev_awake = NULL;
}

/* ---- many writes, one system call ---- */

/* Fewer than this go faster one by one. */
enum { BATCH_MIN = 4 };

static void send_one_by_one(struct net *net)
{
    for (unsigned i = 0; i < net->write_count; i++) {
        struct ring_write *write = &net->writes[i];
        ssize_t sent =
            send(write->fd, write->bytes.at, write->bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        write->result = sent >= 0 ? sent : -errno;
    }
}

/* False: there was nothing to write. */
static bool send_batch(struct net *net)
{
    unsigned count = net->write_count;
    if (count < BATCH_MIN)
        send_one_by_one(net);
    else
        ring_send(net->ring, net->writes, count);
    net->write_count = 0;
    net->gathered = 0;
    for (unsigned i = 0; i < count; i++) {
        struct stream *stream = net->writes[i].owner;
        ssize_t result = net->writes[i].result;
        stream->is_writing = false;
        outbox_promise(&stream->conn.out, 0);
        stream_sent(stream, result == -EAGAIN || result == -EINTR ? 0 : result,
                    net->writes[i].bytes.len);
        if (stream->is_dead || stream_can_send(stream))
            flush_add(stream);
    }
    return count > 0;
}

/* Takes what the stream has to send into the batch; sends the batch first where it is full. */
static void add_to_batch(struct stream *stream)
{
    struct net *net = stream->net;
    if (net->write_count == RING_WRITES_MAX || SEND_AT_ONCE - net->gathered < SEND_AT_ONCE / 4)
        send_batch(net);
    struct slice bytes;
    char *scratch = net->scratch + net->gathered;
    size_t len = stream_gather(&stream->conn.out, scratch, SEND_AT_ONCE - net->gathered, &bytes);
    if (bytes.at == scratch)
        net->gathered += len;
    net->writes[net->write_count++] = (struct ring_write){stream->fd, bytes, stream, 0};
    stream->is_writing = true;
    outbox_promise(&stream->conn.out,
                   len); /* a reader that is given up meanwhile keeps what is being written */
}

/* ---- one stream after the other ---- */

static void flush_one(struct stream *stream)
{
    if (stream->is_writing) /* looked at again when its write is done */
        return;
    if (stream->is_dead) {
        stream_bury(stream);
        return;
    }
    conn_seal(&stream->conn);
    if (stream->conn.closing && !stream->is_ending)
        stream->protocol->say_goodbye(stream);
    if (stream->net->ring == NULL || stream->ssl != NULL)
        stream_send(stream);
    else if (stream_can_send(stream))
        add_to_batch(stream);
}

/* ---- a turn's share ---- */

/* A publish to very many, or readers that keep up with everything, must not hold up who wants to be
 * heard: past these the rest waits for the next turn, in its order. Each of the two has its share
 * in every turn. */
enum { HAND_NS = 3000000, SEND_NS = 5000000, STREAMS_A_LOOK = 64 };

/* False: out of time. */
static bool flush_awake(struct net *net, uint64_t hand_until, uint64_t send_until)
{
    unsigned streams = 0;
    bool is_handed = true;
    for (;;) {
        is_handed = is_handed && audience_flush_some(net->hub, hand_until);
        if (net->awake == NULL)
            return is_handed;
        if (++streams % STREAMS_A_LOOK == 0 && clock_monotonic_ns() > send_until)
            return false;
        struct stream *stream = net->awake;
        flush_remove(stream);
        flush_one(stream);
    }
}

static void open_again(void *context, struct mail *mail)
{
    (void)context;
    free(mail);
}

/* The loop does not wait for a socket before it ends another turn. */
static void go_on_next_turn(struct net *net)
{
    struct mail *again = xmalloc(sizeof *again);
    again->open = open_again;
    mailbox_post(net->hub->mailbox, again);
}

/* What is said while goodbyes are said (a script's farewell to a channel) goes out in the same
 * turn, and so does the rest of what was too much for one write. */
void flush_all(struct net *net)
{
    uint64_t now = clock_monotonic_ns(), hand_until = now + HAND_NS,
             send_until = hand_until + SEND_NS;
    bool is_done;
    do
        is_done = flush_awake(net, hand_until, send_until);
    while (send_batch(net) && is_done);
    if (!is_done || net->awake != NULL)
        go_on_next_turn(net);
}
