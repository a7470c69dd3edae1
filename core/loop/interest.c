#include "loop/interest.h"

#include <stdlib.h>
#include <uv.h>

#include "base/memory.h"

struct interest {
    uv_poll_t uv;
    int fd;
    void (*fn)(void *context, int fd, bool is_readable, bool is_writable);
    void *context;
};

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct interest *interest = handle->data;
    bool is_broken = status < 0;
    interest->fn(interest->context, interest->fd, is_broken || (events & UV_READABLE) != 0,
                 is_broken || (events & UV_WRITABLE) != 0);
}

struct interest *interest_create(struct loop *loop, int fd,
                                 void (*fn)(void *context, int fd, bool is_readable,
                                            bool is_writable),
                                 void *context)
{
    struct interest *interest = xcalloc(1, sizeof *interest);
    interest->fd = fd;
    interest->fn = fn;
    interest->context = context;
    ensure(uv_poll_init(loop_handle(loop), &interest->uv, fd) == 0);
    interest->uv.data = interest;
    return interest;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void interest_destroy(struct interest *interest)
{
    if (interest != NULL)
        uv_close((uv_handle_t *)&interest->uv, on_closed);
}

void interest_set(struct interest *interest, bool readable, bool writable)
{
    int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
    ensure(events != 0 ? uv_poll_start(&interest->uv, events, on_poll) == 0
                       : uv_poll_stop(&interest->uv) == 0);
}
