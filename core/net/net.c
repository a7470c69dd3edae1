#include "net/net.h"

#include <errno.h>
#include <libwebsockets.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/flush.h"
#include "net/inside.h"
#include "net/ring.h"

enum { MOVES_MANY = 256, ACCEPTS_A_TURN = 256, TLS_HANDSHAKE_S = 5, DRAIN_STEP_MS = 50, PAUSE_MS = 100, CLOSE_TURNS_MIN = 8, CLOSE_TURNS = 10000 };

/* ---- libwebsockets: sockets, TLS and the loop, nothing else ---- */

static struct net *net_of(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi));
}

static void count_move(const struct net_options *options)
{
    if (atomic_fetch_add(&options->shared->moves, 1) % MOVES_MANY == MOVES_MANY - 1)
        options->moved_many(options->server);
}

/* libwebsockets has sockets of its own as well: only those that were counted are counted off. */
static void forget_connection(struct lws *wsi)
{
    struct net *net = net_of(wsi);
    if (net->adopted == 0)
        return;
    net->adopted--;
    atomic_fetch_sub(&net->options->shared->connections, 1);
    count_move(net->options);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct stream *stream = lws_get_opaque_user_data(wsi);
    (void)user;
    switch (reason) {
    case LWS_CALLBACK_RAW_ADOPT:
        lws_set_opaque_user_data(wsi, stream_create(net_of(wsi), wsi));
        break;
    case LWS_CALLBACK_RAW_RX:
        if (stream != NULL)
            stream_receive(stream, in, len);
        break;
    case LWS_CALLBACK_RAW_WRITEABLE:
        if (stream != NULL)
            stream_writable(stream);
        break;
    case LWS_CALLBACK_WSI_DESTROY: /* also of those whose handshake failed, which are never adopted and closed */
        forget_connection(wsi);
        break;
    case LWS_CALLBACK_RAW_CLOSE:
        lws_set_opaque_user_data(wsi, NULL);
        if (stream != NULL)
            stream_destroy(stream);
        break;
    default:
        break;
    }
    return 0;
}

static const struct lws_protocols protocols[] = {{"raw", on_event, 0, 0, 0, NULL, 0}, {NULL, NULL, 0, 0, 0, NULL, 0}};
static const lws_retry_bo_t no_retry = {0};

static struct lws_context *create_context(struct net *net)
{
    void *loops[1] = {loop_handle(net->hub->loop)};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
        .foreign_loops = loops,
        .protocols = protocols,
        .user = net,
        .pt_serv_buf_size = 32768,
        .retry_and_idle_policy = &no_retry,
        .timeout_secs = TLS_HANDSHAKE_S,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
    };
    if (net->options->tls_cert != NULL)
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    lws_set_log_level(0, NULL);
    return lws_create_context(&info);
}

static struct lws_vhost *create_vhost(struct net *net)
{
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .vhost_name = "weir",
        .protocols = protocols,
        .retry_and_idle_policy = &no_retry,
        .timeout_secs = TLS_HANDSHAKE_S,
        .alpn = "http/1.1",
    };
    if (net->options->tls_cert != NULL) {
        info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
        /* We are no client; left to itself libwebsockets makes a context for one and never frees it. */
        net->no_client = SSL_CTX_new(TLS_client_method());
        info.provided_client_ssl_ctx = net->no_client;
        info.ssl_cert_filepath = net->options->tls_cert;
        info.ssl_private_key_filepath = net->options->tls_key;
    }
    return lws_create_vhost(net->context, &info);
}

static void on_turn_end(void *context)
{
    flush_all(context);
}

/* Nothing depends on it but the cost: without a ring there is one send() a connection. */
static void open_ring(struct net *net)
{
    if (net->options->way == NET_SEND)
        return;
    net->ring = ring_create();
    if (net->ring != NULL)
        net->writes = xcalloc(RING_WRITES_MAX, sizeof *net->writes);
}

bool net_has_ring(const struct net *net)
{
    return net->ring != NULL;
}

struct net *net_create(struct hub *hub, const struct net_options *options, struct error *err)
{
    struct net *net = xcalloc(1, sizeof *net);
    net->hub = hub;
    net->options = options;
    net->listen_fd = -1;
    if (hub->options->deflates)
        net->inflater = inflater_create();
    net->context = create_context(net);
    if (net->context == NULL) {
        fail(err, ERROR_SYSTEM, "libwebsockets does not start; is the package libwebsockets-evlib-uv installed?");
        net_destroy(net);
        return NULL;
    }
    net->vhost = create_vhost(net);
    if (net->vhost == NULL) {
        fail(err, ERROR_CONFIG, "TLS does not start: %s or %s cannot be used; do they belong together?",
             options->tls_cert ? options->tls_cert : "the certificate", options->tls_key ? options->tls_key : "the key");
        net_destroy(net);
        return NULL;
    }
    open_ring(net);
    loop_at_turn_end(hub->loop, on_turn_end, net);
    return net;
}

void net_destroy(struct net *net)
{
    if (net == NULL)
        return;
    net_stop_listening(net);
    timer_stop(net->hub->timers, &net->drain);
    if (net->context != NULL) {
        /* On a loop that is not its own, libwebsockets closes its handles first and asks to be called again. */
        lws_context_destroy(net->context);
        for (int turns = 0; turns < CLOSE_TURNS && (net->streams != NULL || turns < CLOSE_TURNS_MIN); turns++)
            loop_turn(net->hub->loop);
        lws_context_destroy(net->context);
    }
    ring_destroy(net->ring);
    free(net->writes);
    inflater_destroy(net->inflater);
    SSL_CTX_free(net->no_client);
    loop_at_turn_end(net->hub->loop, NULL, NULL);
    free(net);
}

/* ---- accepting ---- */

/* One too many: told so in the plainest words, not left hanging. */
static void turn_away(struct net *net, int fd)
{
    static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
                               "Connection: close\r\n\r\n";
    stats_add(&net->hub->stats, STAT_REFUSED_CONNECTIONS, 1);
    if (net->options->tls_cert == NULL && send(fd, busy, sizeof busy - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        stats_add(&net->hub->stats, STAT_CUT_OTHER, 1);
    close(fd);
}

static void adopt(struct net *net, int fd)
{
    int one = 1;
    lws_sock_file_fd_type descriptor = {.sockfd = fd};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    stats_add(&net->hub->stats, STAT_ACCEPTED, 1);
    lws_adoption_type type = LWS_ADOPT_SOCKET;
    if (net->options->tls_cert != NULL)
        type = (lws_adoption_type)(type | LWS_ADOPT_ALLOW_SSL);
    count_move(net->options);
    unsigned before = net->adopted++;
    if (lws_adopt_descriptor_vhost(net->vhost, type, descriptor, NULL, NULL) != NULL)
        return;
    stats_add(&net->hub->stats, STAT_CUT_OTHER, 1); /* libwebsockets has closed it ... */
    if (net->adopted > before) {                    /* ... perhaps without a word */
        net->adopted--;
        atomic_fetch_sub(&net->options->shared->connections, 1);
    }
}

static void on_acceptable(void *context);

static void on_pause_over(struct timer *timer)
{
    struct net *net = CONTAINER(timer, struct net, pause);
    if (net->listen_fd >= 0)
        net->poller = poller_create(net->hub->loop, net->listen_fd, on_acceptable, net);
}

/* Without descriptors the listener stays readable: to be told so again and again would take the whole core. */
static void pause_accepting(struct net *net)
{
    stats_add(&net->hub->stats, STAT_REFUSED_DESCRIPTORS, 1);
    log_event(net->hub->options->log, LOG_WARN, "descriptors", "hint",
              "out of file descriptors: new connections wait; raise ulimit -n", NULL);
    poller_destroy(net->poller);
    net->poller = NULL;
    timer_start(net->hub->timers, &net->pause, PAUSE_MS, on_pause_over);
}

static void on_acceptable(void *context)
{
    struct net *net = context;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = accept4(net->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE)
                pause_accepting(net);
            return;
        }
        if (atomic_fetch_add(&net->options->shared->connections, 1) < net->options->max_connections) {
            adopt(net, fd);
        } else {
            atomic_fetch_sub(&net->options->shared->connections, 1);
            turn_away(net, fd);
        }
    }
}

void net_listen(struct net *net, int fd)
{
    net->listen_fd = fd;
    net->poller = poller_create(net->hub->loop, fd, on_acceptable, net);
}

void net_stop_listening(struct net *net)
{
    if (net->listen_fd < 0)
        return;
    timer_stop(net->hub->timers, &net->pause);
    poller_destroy(net->poller);
    close(net->listen_fd);
    net->poller = NULL;
    net->listen_fd = -1;
}

/* ---- draining ---- */

static unsigned count_streams(const struct net *net)
{
    unsigned count = 0;
    for (const struct stream *stream = net->streams; stream != NULL; stream = stream->next)
        count++;
    return count;
}

/* A share of those who are left, so that they do not all come back at the same moment. */
static void drain_some(struct timer *timer)
{
    struct net *net = CONTAINER(timer, struct net, drain);
    unsigned steps = net->drain_ms / DRAIN_STEP_MS + 1;
    unsigned share = count_streams(net) / steps + 1;
    for (struct stream *stream = net->streams; stream != NULL && share > 0; stream = stream->next)
        if (!stream->conn.closing) {
            conn_close(&stream->conn, CLOSE_SHUTDOWN, NULL);
            share--;
        }
    net->drain_ms = net->drain_ms > DRAIN_STEP_MS ? net->drain_ms - DRAIN_STEP_MS : 0;
    if (net->streams != NULL)
        timer_start(net->hub->timers, &net->drain, DRAIN_STEP_MS, drain_some);
}

void net_drain(struct net *net, unsigned spread_ms)
{
    net->drain_ms = spread_ms;
    drain_some(&net->drain);
}

bool net_is_empty(const struct net *net)
{
    return net->streams == NULL;
}
