#include "bench/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"

enum { WHY_MAX = 256 };

struct tls_client {
    SSL_CTX *context;
    bool is_trusting;
};

struct tls_link {
    SSL *ssl;
    bool wants_write;
    char why[WHY_MAX];
};

static bool load_authorities(SSL_CTX *context, const char *ca_file, struct error *err)
{
    if (ca_file == NULL)
        return SSL_CTX_set_default_verify_paths(context) == 1 ||
               fail(err, ERROR_SYSTEM, "the system has no list of certificate authorities");
    return SSL_CTX_load_verify_locations(context, ca_file, NULL) == 1 ||
           fail(err, ERROR_USAGE, "--ca: \"%s\" holds no certificate in PEM: %s", ca_file,
                ERR_reason_error_string(ERR_peek_last_error()));
}

struct tls_client *tls_client_create(const char *ca_file, bool is_trusting, struct error *err)
{
    struct tls_client *client = xcalloc(1, sizeof *client);
    client->context = SSL_CTX_new(TLS_client_method());
    ensure(client->context != NULL);
    client->is_trusting = is_trusting;
    SSL_CTX_set_mode(client->context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                          SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                          SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(client->context, is_trusting ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (!is_trusting && !load_authorities(client->context, ca_file, err)) {
        tls_client_destroy(client);
        return NULL;
    }
    return client;
}

void tls_client_destroy(struct tls_client *client)
{
    if (client == NULL)
        return;
    SSL_CTX_free(client->context);
    free(client);
}

/* An address is asked for as an address, a name as a name. */
static void expect_host(SSL *ssl, const char *host)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
        return;
    SSL_set1_host(ssl, host);
}

/* A server with several names has to know which, whatever we think of its certificate. */
static void ask_for_host(SSL *ssl, const char *host)
{
    struct in6_addr ignored;
    if (inet_pton(AF_INET, host, &ignored) != 1 && inet_pton(AF_INET6, host, &ignored) != 1)
        SSL_set_tlsext_host_name(ssl, host);
}

struct tls_link *tls_link_create(struct tls_client *client, int fd, const char *host)
{
    struct tls_link *link = xcalloc(1, sizeof *link);
    link->ssl = SSL_new(client->context);
    ensure(link->ssl != NULL && SSL_set_fd(link->ssl, fd) == 1);
    SSL_set_connect_state(link->ssl);
    if (!client->is_trusting)
        expect_host(link->ssl, host);
    ask_for_host(link->ssl, host);
    return link;
}

void tls_link_destroy(struct tls_link *link)
{
    if (link == NULL)
        return;
    SSL_free(link->ssl);
    free(link);
}

static void explain(struct tls_link *link)
{
    long verified = SSL_get_verify_result(link->ssl);
    unsigned long code = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(code);
    if (verified != X509_V_OK)
        snprintf(link->why, sizeof link->why, "its certificate is not trusted: %s",
                 X509_verify_cert_error_string(verified));
    else if (ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER) /* what came begins no TLS */
        snprintf(link->why, sizeof link->why,
                 "it does not speak TLS: write ws:// for wss://, http:// for https://");
    else
        snprintf(link->why, sizeof link->why, "TLS: %s", reason ? reason : "broken off");
}

static ssize_t finish_step(struct tls_link *link, int done)
{
    int reason = SSL_get_error(link->ssl, done);
    link->wants_write = reason == SSL_ERROR_WANT_WRITE;
    if (done > 0)
        return done;
    if (reason == SSL_ERROR_ZERO_RETURN || (reason == SSL_ERROR_SYSCALL && errno == 0))
        return 0;
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) {
        errno = EAGAIN;
    } else if (reason != SSL_ERROR_SYSCALL) {
        explain(link);
        errno = EPROTO;
    }
    return -1;
}

ssize_t tls_link_read(struct tls_link *link, char *bytes, size_t len)
{
    ERR_clear_error();
    errno = 0;
    return finish_step(link, SSL_read(link->ssl, bytes, (int)len));
}

ssize_t tls_link_write(struct tls_link *link, const char *bytes, size_t len)
{
    ERR_clear_error();
    errno = 0;
    return finish_step(link, SSL_write(link->ssl, bytes, (int)len));
}

bool tls_link_wants_write(const struct tls_link *link)
{
    return link->wants_write;
}

const char *tls_link_why(const struct tls_link *link)
{
    return link->why;
}
