/* What the rooms of net/ know of each other's network; not for other floors. */
#ifndef NET_INSIDE_H
#define NET_INSIDE_H

#include "net/net.h"
#include "net/stream.h"

struct lws_context;
struct lws_vhost;

enum { SEND_AT_ONCE = 256 * 1024, TLS_RECORD = 16 * 1024, LINGER_MS = 5000 };

struct net {
    struct hub *hub;
    const struct net_options *options;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct ssl_ctx_st *no_client; /* with TLS: what libwebsockets wants for connections that we never make */
    struct poller *poller;
    struct inflater *inflater; /* lent to every connection that deflates; NULL unless the hub's options say so */
    int listen_fd;
    struct stream *streams; /* all that are open */
    struct stream *awake, *awake_last; /* those to flush */
    struct ring *ring;      /* NULL: one send() a connection */
    struct ring_write *writes; /* of this batch; RING_WRITES_MAX of them, with a ring only */
    unsigned write_count;
    size_t gathered;        /* bytes of scratch that this batch uses */
    unsigned adopted;       /* sockets that libwebsockets has of ours */
    struct timer pause;     /* no descriptors are left: accepting goes on after it */
    struct timer drain;
    unsigned drain_ms;
    char scratch[SEND_AT_ONCE]; /* frames gathered for one write */
};

extern const struct transport stream_transport;

/* The callbacks of a connection's life. */
struct stream *stream_create(struct net *net, struct lws *wsi);
void stream_destroy(struct stream *stream);
void stream_receive(struct stream *stream, char *bytes, size_t len);
void stream_writable(struct stream *stream);
/* The next bytes of an outbox, at most `room`: the first frame's own, or several frames' copied to scratch. */
size_t stream_gather(const struct outbox *out, char *scratch, size_t room, struct slice *bytes);

#endif
