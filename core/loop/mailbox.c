#include "loop/mailbox.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <uv.h>

#include "base/memory.h"

struct mailbox {
    uv_async_t uv;
    _Atomic(struct mail *) newest; /* a stack: writers push, the reader takes all and turns it round */
    void *context;
};

static struct mail *oldest_first(struct mail *newest)
{
    struct mail *oldest = NULL;
    while (newest != NULL) {
        struct mail *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

bool mailbox_open_all(struct mailbox *box)
{
    bool is_any = false;
    struct mail *mail = oldest_first(atomic_exchange_explicit(&box->newest, NULL, memory_order_acquire));
    while (mail != NULL) {
        struct mail *next = mail->next;
        mail->open(box->context, mail);
        mail = next;
        is_any = true;
    }
    return is_any;
}

static void on_wake(uv_async_t *handle)
{
    mailbox_open_all(handle->data);
}

struct mailbox *mailbox_create(struct loop *loop, void *context)
{
    struct mailbox *box = xcalloc(1, sizeof *box);
    box->context = context;
    ensure(uv_async_init(loop_handle(loop), &box->uv, on_wake) == 0);
    box->uv.data = box;
    return box;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void mailbox_destroy(struct mailbox *box)
{
    if (box == NULL)
        return;
    while (mailbox_open_all(box))
        continue;
    uv_close((uv_handle_t *)&box->uv, on_closed);
}

void mailbox_post(struct mailbox *box, struct mail *mail)
{
    struct mail *newest = atomic_load_explicit(&box->newest, memory_order_relaxed);
    do
        mail->next = newest;
    while (!atomic_compare_exchange_weak_explicit(&box->newest, &newest, mail, memory_order_release,
                                                  memory_order_relaxed));
    /* Whoever finds the box empty wakes the reader; the others know that somebody has. */
    if (newest == NULL)
        uv_async_send(&box->uv);
}
