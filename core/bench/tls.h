/* TLS as a client, over sockets that do not block. */
#ifndef BENCH_TLS_H
#define BENCH_TLS_H

#include "base/error.h"

#include <sys/types.h>

struct tls_client; /* what the connections of a run share; owned by the run */
struct tls_link;   /* one connection's; owned by its peer */

/* Trusts `ca_file` (PEM) only, or the system's authorities when NULL; nobody is asked for a
 * certificate when `is_trusting`. NULL and err: the file cannot be used. */
struct tls_client *tls_client_create(const char *ca_file, bool is_trusting, struct error *err);
void tls_client_destroy(struct tls_client *client);

/* Over a connected socket, which stays the caller's. The name is what the certificate has to be
 * for. */
struct tls_link *tls_link_create(struct tls_client *client, int fd, const char *host);
void tls_link_destroy(struct tls_link *link); /* NULL is fine */

/* Like send and recv: how many bytes; 0: the peer has closed; -1: errno, EAGAIN for later, EPROTO
 * for what only tls_link_why() can tell. The handshake happens inside. */
ssize_t tls_link_read(struct tls_link *link, char *bytes, size_t len);
ssize_t tls_link_write(struct tls_link *link, const char *bytes, size_t len);
bool tls_link_wants_write(
    const struct tls_link *link); /* after EAGAIN: it is writing it waits for */
const char *tls_link_why(const struct tls_link *link);

#endif
