/* How a client is shown to others: {"user":…,"client":…,"conn_info":…}. */
#ifndef DIALECT_INFO_H
#define DIALECT_INFO_H

#include "base/buf.h"
#include "hub/identity.h"

/* Appends it; conn_info is left out when there is none. */
void info_put(struct buf *out, const struct identity *who);

#endif
