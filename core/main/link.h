/* A connection to a server, as a client: plain or by TLS, blocking, bounded in time. */
#ifndef MAIN_LINK_H
#define MAIN_LINK_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "config/address.h"
#include "config/config.h"
#include "net/dial.h"

enum { LINK_NAME_MAX = ADDRESS_HOST_MAX + 16 };

/* On its user's stack. */
struct link {
    int fd;
    struct dial *dial;        /* NULL: plain */
    uint64_t deadline_ns;     /* of everything below; 0: none */
    char name[LINK_NAME_MAX]; /* "127.0.0.1:8000", "[::1]:8000" */
};

/* Where the server listens that has this --listen. False and err: which port did it take? */
bool link_find_server(const struct config *config, struct address *address, struct error *err);

/* Connects. `tls_cert`: "" is plain, else TLS with a server that shows this file's certificate.
 * link_close is right in both cases. False and err, as below: nobody listens there, it took too
 * long. */
bool link_open(struct link *link, const struct address *to, const char *tls_cert,
               unsigned timeout_ms, struct error *err);
void link_close(struct link *link);

/* From now on so much time is left; 0: any. */
void link_allow(struct link *link, unsigned timeout_ms);
bool link_send(struct link *link, struct slice bytes, struct error *err);
/* Waits until there is something, and appends it; *is_over: the server has nothing more to say. */
bool link_receive(struct link *link, struct buf *in, bool *is_over, struct error *err);

#endif
