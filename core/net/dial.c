#include "net/dial.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct dial {
    SSL_CTX *context;
    SSL *ssl;
    X509 *wanted;
    const char *cert_path; /* borrowed */
};

static X509 *read_certificate(const char *path, struct error *err)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fail(err, ERROR_SYSTEM, "cannot read %s: %s", path, strerror(errno));
        return NULL;
    }
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    if (certificate == NULL)
        fail(err, ERROR_SYSTEM, "%s holds no certificate in PEM", path);
    return certificate;
}

struct dial *dial_create(int fd, const char *cert_path, struct error *err)
{
    struct dial *dial = xcalloc(1, sizeof *dial);
    dial->cert_path = cert_path;
    dial->wanted = read_certificate(cert_path, err);
    if (dial->wanted == NULL) {
        dial_destroy(dial);
        return NULL;
    }
    /* Whoever signed: that it is the certificate we know, and that the server has its key, says
     * more. */
    dial->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(dial->context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_min_proto_version(dial->context, TLS1_2_VERSION);
    SSL_CTX_set_options(dial->context,
                        SSL_OP_IGNORE_UNEXPECTED_EOF); /* Content-Length tells what is missing */
    dial->ssl = SSL_new(dial->context);
    ensure(dial->ssl != NULL && SSL_set_fd(dial->ssl, fd) == 1);
    return dial;
}

void dial_destroy(struct dial *dial)
{
    if (dial == NULL)
        return;
    SSL_free(dial->ssl);
    SSL_CTX_free(dial->context);
    X509_free(dial->wanted);
    ERR_clear_error();
    free(dial);
}

static void explain(const char *what, struct error *err)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(code);
    if (ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER) /* what came begins no TLS */
        fail(err, ERROR_SYSTEM, "the server does not speak TLS: leave out --tls-cert");
    else
        fail(err, ERROR_SYSTEM, "TLS failed while %s: %s", what,
             reason ? reason : "the server hung up");
}

static enum dial_step step_of(struct dial *dial, int result, const char *what, struct error *err)
{
    switch (SSL_get_error(dial->ssl, result)) {
    case SSL_ERROR_NONE:
        return DIAL_DONE;
    case SSL_ERROR_WANT_READ:
        return DIAL_READ;
    case SSL_ERROR_WANT_WRITE:
        return DIAL_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return DIAL_END;
    default:
        explain(what, err);
        return DIAL_FAILED;
    }
}

static bool is_known(struct dial *dial, struct error *err)
{
    X509 *shown = SSL_get_peer_certificate(dial->ssl);
    bool is_it = shown != NULL && X509_cmp(shown, dial->wanted) == 0;
    X509_free(shown);
    return is_it || fail(err, ERROR_SYSTEM,
                         "the server shows another certificate than the first of %s; was that "
                         "renewed since the server "
                         "started?",
                         dial->cert_path);
}

enum dial_step dial_shake(struct dial *dial, struct error *err)
{
    ERR_clear_error();
    enum dial_step step = step_of(dial, SSL_connect(dial->ssl), "greeting", err);
    return step == DIAL_DONE && !is_known(dial, err) ? DIAL_FAILED : step;
}

enum dial_step dial_send(struct dial *dial, const char *bytes, size_t len, size_t *moved,
                         struct error *err)
{
    ERR_clear_error();
    return step_of(dial, SSL_write_ex(dial->ssl, bytes, len, moved), "sending", err);
}

enum dial_step dial_receive(struct dial *dial, char *room, size_t len, size_t *moved,
                            struct error *err)
{
    ERR_clear_error();
    return step_of(dial, SSL_read_ex(dial->ssl, room, len, moved), "receiving", err);
}
