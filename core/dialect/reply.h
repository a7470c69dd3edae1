/* What the server says to a client, a line of JSON each: the same in every dialect that is JSON. */
#ifndef DIALECT_REPLY_H
#define DIALECT_REPLY_H

#include "hub/dialect.h"

/* Appends them, a newline between two. No line has a newline inside. */
void reply_put_publications(struct buf *out, const struct publication *first, unsigned count);

void reply_put_skipped(struct buf *out, struct slice channel, uint32_t messages);

/* Where no close frame tells it. */
void reply_put_goodbye(struct buf *out, int code, const char *reason);

/* Rows of struct dialect: they append a line to conn->replies, a newline before all but the first.
 */
void reply_answer(struct conn *conn, uint64_t tag, const struct answer *answer);
void reply_unsubscribed(struct conn *conn, struct slice channel, int code, struct slice reason);
void reply_message(struct conn *conn, struct slice data);
void reply_ping(struct conn *conn);

#endif
