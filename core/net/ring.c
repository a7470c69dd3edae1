#include "net/ring.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

#include "base/memory.h"

struct ring {
    struct io_uring uring;
};

/* A ring that exists may still not send: some sandboxes allow the one and forbid the other. */
static bool can_send(struct io_uring *uring)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring(uring);
    bool can = probe != NULL && io_uring_opcode_supported(probe, IORING_OP_SEND);
    io_uring_free_probe(probe);
    return can;
}

struct ring *ring_create(void)
{
    struct ring *ring = xcalloc(1, sizeof *ring);
    if (io_uring_queue_init(RING_WRITES_MAX, &ring->uring, 0) != 0) {
        free(ring);
        return NULL;
    }
    if (can_send(&ring->uring))
        return ring;
    ring_destroy(ring);
    return NULL;
}

void ring_destroy(struct ring *ring)
{
    if (ring == NULL)
        return;
    io_uring_queue_exit(&ring->uring);
    free(ring);
}

static void prepare(struct io_uring *uring, struct ring_write *write)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(uring);
    ensure(entry != NULL); /* the queue has room for RING_WRITES_MAX, and is empty between two calls */
    io_uring_prep_send(entry, write->fd, write->bytes.at, write->bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    io_uring_sqe_set_data(entry, write);
    write->result = -EAGAIN;
}

/* Takes what is complete; returns how many. */
static unsigned reap(struct io_uring *uring)
{
    struct io_uring_cqe *done;
    unsigned head, count = 0;
    io_uring_for_each_cqe(uring, head, done)
    {
        struct ring_write *write = io_uring_cqe_get_data(done);
        write->result = done->res;
        count++;
    }
    io_uring_cq_advance(uring, count);
    return count;
}

void ring_send(struct ring *ring, struct ring_write *writes, unsigned count)
{
    ensure(count <= RING_WRITES_MAX);
    for (unsigned i = 0; i < count; i++)
        prepare(&ring->uring, &writes[i]);
    /* A signal may end the wait early; what was submitted still completes, and is waited for. */
    for (unsigned done = 0; done < count; done += reap(&ring->uring)) {
        int status = io_uring_submit_and_wait(&ring->uring, count - done);
        ensure(status >= 0 || status == -EINTR || status == -EAGAIN || status == -EBUSY);
    }
}
