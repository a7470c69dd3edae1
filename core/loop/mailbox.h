/* The only way threads talk: many writers, one reader, one wake-up however many posts. */
#ifndef LOOP_MAILBOX_H
#define LOOP_MAILBOX_H

#include "loop/loop.h"

/* Embedded as the first member of what is posted. Whoever posts gives it away; `open` is called on the
 * reader's thread with the mailbox's context and disposes of it. */
struct mail {
    struct mail *next;
    void (*open)(void *context, struct mail *mail);
};

struct mailbox; /* owned by the reader's thread */
struct mailbox *mailbox_create(struct loop *loop, void *context);
/* Opens what is there now, outside of the loop: for the end, when no thread runs. False: there was nothing. */
bool mailbox_open_all(struct mailbox *box);
/* NULL is fine. No other thread may post any more; mail that was not opened is opened now, and what it posts here. */
void mailbox_destroy(struct mailbox *box);
/* Any thread. Mail of one writer is opened in the order posted. */
void mailbox_post(struct mailbox *box, struct mail *mail);

#endif
