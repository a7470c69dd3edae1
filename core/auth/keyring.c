#include "auth/keyring.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/jwk.h"
#include "auth/key.h"
#include "base/buf.h"
#include "base/memory.h"

enum { FILE_BYTES_MAX = 1 << 20, TRIES_MAX = 8 };

struct keyring {
    struct key *keys;
    unsigned algs;
};

/* ---- files ---- */

static bool read_file(const char *path, struct buf *text, struct error *err)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return fail(err, ERROR_CONFIG, "%s: %s", path, strerror(errno));
    buf_reserve(text, FILE_BYTES_MAX + 1);
    size_t len = fread(text->at, 1, FILE_BYTES_MAX + 1, file);
    bool is_read = ferror(file) == 0;
    fclose(file);
    text->len = len;
    if (!is_read)
        return fail(err, ERROR_CONFIG, "%s: it cannot be read", path);
    return len <= FILE_BYTES_MAX ||
           fail(err, ERROR_CONFIG, "%s: more than %d bytes are no file of keys", path,
                FILE_BYTES_MAX);
}

/* The public key of one PEM block; NULL: it is none. */
static EVP_PKEY *read_block(const char *name, const unsigned char *bytes, long len)
{
    if (strcmp(name, PEM_STRING_PUBLIC) == 0)
        return d2i_PUBKEY(NULL, &bytes, len);
    if (strcmp(name, PEM_STRING_RSA_PUBLIC) == 0)
        return d2i_PublicKey(EVP_PKEY_RSA, NULL, &bytes, len);
    if (strcmp(name, PEM_STRING_X509) != 0)
        return NULL;
    X509 *cert = d2i_X509(NULL, &bytes, len);
    EVP_PKEY *public = cert != NULL ? X509_get_pubkey(cert) : NULL;
    X509_free(cert);
    return public;
}

static bool add_block(struct key **all, const char *name, const unsigned char *bytes, long len,
                      struct error *err)
{
    if (strstr(name, "PRIVATE KEY") != NULL)
        return fail(err, ERROR_CONFIG,
                    "it holds a private key, which belongs to who signs; take its public key: "
                    "openssl pkey -in FILE -pubout");
    EVP_PKEY *public = read_block(name, bytes, len);
    if (public == NULL)
        return fail(err, ERROR_CONFIG, "a %.60s is no public key that can be read", name);
    struct key *key = key_create_public(public, err);
    if (key == NULL)
        return false;
    key->next = *all;
    *all = key;
    return true;
}

static bool read_pem(struct key **all, struct slice text, struct error *err)
{
    char *name, *header;
    unsigned char *bytes;
    long len;
    bool is_good = true;
    BIO *bio = BIO_new_mem_buf(text.at, (int)text.len);
    ensure(bio != NULL);
    while (is_good && PEM_read_bio(bio, &name, &header, &bytes, &len) == 1) {
        is_good = add_block(all, name, bytes, len, err);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(bytes);
    }
    BIO_free(bio);
    ERR_clear_error();
    return is_good && (*all != NULL || fail(err, ERROR_CONFIG,
                                            "it holds no key: a public key or a certificate in "
                                            "PEM, or a JWK or a set of them"));
}

static bool read_keys(struct key **all, struct slice text, struct error *err)
{
    size_t at = 0;
    while (at < text.len && strchr(" \t\r\n", text.at[at]) != NULL)
        at++;
    if (at == text.len || text.at[at] != '{')
        return read_pem(all, text, err);
    *all = jwk_read(text, err);
    return *all != NULL;
}

static void take(struct keyring *ring, struct key *keys)
{
    for (struct key *key = keys, *next; key != NULL; key = next) {
        next = key->next;
        key->next = ring->keys;
        ring->keys = key;
        ring->algs |= key->algs;
    }
}

static bool add_file(struct keyring *ring, const char *path, struct error *err)
{
    struct buf text = {0};
    struct key *keys = NULL;
    struct error why;
    bool is_good = read_file(path, &text, err);
    if (is_good && !read_keys(&keys, buf_slice(&text), &why))
        is_good = fail(err, ERROR_CONFIG, "%s: %s", path, why.text);
    buf_finish(&text);
    take(ring, keys);
    return is_good;
}

/* ---- birth and death ---- */

struct keyring *keyring_load(const char *files, struct error *err)
{
    char *save, *list = xslicedup(slice_of(files));
    struct keyring *ring = xcalloc(1, sizeof *ring);
    bool is_good = true;
    for (char *path = strtok_r(list, ",", &save); path && is_good;
         path = strtok_r(NULL, ",", &save))
        is_good = add_file(ring, path, err);
    free(list);
    if (is_good)
        return ring;
    keyring_destroy(ring);
    return NULL;
}

void keyring_destroy(struct keyring *ring)
{
    if (ring == NULL)
        return;
    for (struct key *key = ring->keys, *next; key != NULL; key = next) {
        next = key->next;
        key_destroy(key);
    }
    free(ring);
}

/* ---- use ---- */

unsigned keyring_algs(const struct keyring *ring)
{
    return ring != NULL ? ring->algs : 0;
}

static bool is_meant(const struct key *key, enum alg alg, struct slice kid)
{
    return key->algs >> alg & 1 && (kid.at == NULL || key->kid == NULL || slice_is(kid, key->kid));
}

enum keyring_verdict keyring_verify(const struct keyring *ring, enum alg alg, struct slice kid,
                                    struct slice text, struct slice signature)
{
    unsigned tries = 0;
    for (const struct key *key = ring->keys; key != NULL && tries < TRIES_MAX; key = key->next) {
        if (!is_meant(key, alg, kid))
            continue;
        tries++;
        if (key_verify(key, alg, text, signature)) {
            return KEYRING_FITS;
        }
    }
    ERR_clear_error();
    return tries > 0 ? KEYRING_WRONG : KEYRING_NO_KEY;
}
