/* TLS as a client, with a server of ours: it is known by its certificate, not by who signed that.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "base/error.h"

#include <stddef.h>

/* Over a connected non-blocking socket, which stays the caller's and must outlive it. Owned by
 * whoever made it. */
struct dial;

/* The server has to show the first certificate of that PEM file. NULL and err: there is none in it.
 */
struct dial *dial_create(int fd, const char *cert_path, struct error *err);
void dial_destroy(struct dial *dial); /* NULL is fine */

enum dial_step {
    DIAL_DONE,
    DIAL_READ,  /* wait until the socket is readable, then call it again */
    DIAL_WRITE, /* ... writable */
    DIAL_END,   /* the server has nothing more to say */
    DIAL_FAILED /* err says why */
};
/* The handshake, before all else. */
enum dial_step dial_shake(struct dial *dial, struct error *err);
/* *moved is how many bytes went, when it is done. */
enum dial_step dial_send(struct dial *dial, const char *bytes, size_t len, size_t *moved,
                         struct error *err);
enum dial_step dial_receive(struct dial *dial, char *room, size_t len, size_t *moved,
                            struct error *err);

#endif
