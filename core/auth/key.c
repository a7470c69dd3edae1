#include "auth/key.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "auth/secret.h"
#include "base/memory.h"

static const struct {
    const char *digest;
    enum key_kind kind;
} algs[ALG_COUNT] = {
#define X(name, digest, kind) {digest, KEY_##kind},
    ALGS(X)
#undef X
};

static unsigned algs_of(enum key_kind kind)
{
    unsigned bits = 0;
    for (unsigned i = 0; i < ALG_COUNT; i++)
        if (algs[i].kind == kind)
            bits |= 1u << i;
    return bits;
}

/* ---- birth and death ---- */

struct key *key_create_secret(struct slice secret)
{
    struct key *key = xcalloc(1, sizeof *key);
    key->kind = KEY_SECRET;
    key->algs = algs_of(KEY_SECRET);
    key->secret = xslicedup(secret);
    key->secret_len = secret.len;
    return key;
}

static bool find_curve(EVP_PKEY *public, enum key_kind *kind, struct error *err)
{
    static const struct {
        const char *name;
        enum key_kind kind;
    } curves[] = {{"prime256v1", KEY_P256}, {"secp384r1", KEY_P384}, {"secp521r1", KEY_P521}};
    char name[64] = "of a curve without a name";
    EVP_PKEY_get_group_name(public, name, sizeof name, NULL);
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
        if (strcmp(name, curves[i].name) == 0) {
            *kind = curves[i].kind;
            return true;
        }
    return fail(err, ERROR_CONFIG, "the curve %s is for no token; P-256, P-384 and P-521 are",
                name);
}

static bool find_kind(EVP_PKEY *public, enum key_kind *kind, struct error *err)
{
    int bits = EVP_PKEY_get_bits(public);
    *kind = KEY_EDWARDS;
    if (EVP_PKEY_is_a(public, "EC"))
        return find_curve(public, kind, err);
    if (EVP_PKEY_is_a(public, "ED25519") || EVP_PKEY_is_a(public, "ED448"))
        return true;
    if (!EVP_PKEY_is_a(public, "RSA"))
        return fail(err, ERROR_CONFIG, "a %s key is for no token; RSA, EC and Ed25519 are",
                    EVP_PKEY_get0_type_name(public));
    *kind = KEY_RSA;
    return (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX) ||
           fail(err, ERROR_CONFIG, "an RSA key of %d bits; it has to have %d to %d", bits,
                RSA_BITS_MIN, RSA_BITS_MAX);
}

struct key *key_create_public(EVP_PKEY *public, struct error *err)
{
    enum key_kind kind;
    if (!find_kind(public, &kind, err)) {
        EVP_PKEY_free(public);
        return NULL;
    }
    struct key *key = xcalloc(1, sizeof *key);
    key->kind = kind;
    key->algs = algs_of(kind);
    key->public = public;
    return key;
}

void key_destroy(struct key *key)
{
    if (key == NULL)
        return;
    if (key->secret != NULL)
        OPENSSL_cleanse(key->secret, key->secret_len);
    free(key->secret);
    EVP_PKEY_free(key->public);
    free(key->kid);
    free(key);
}

/* ---- secrets ---- */

static const EVP_MD *hmac_digest(enum alg alg)
{
    return alg == ALG_HS256 ? EVP_sha256() : alg == ALG_HS384 ? EVP_sha384() : EVP_sha512();
}

size_t hmac_make(enum alg alg, struct slice secret, struct slice text, char out[HMAC_MAX])
{
    unsigned len = 0;
    ensure(algs[alg].kind == KEY_SECRET && secret.len <= INT32_MAX);
    ensure(HMAC(hmac_digest(alg), secret.len > 0 ? secret.at : "", (int)secret.len,
                (const unsigned char *)text.at, text.len, (unsigned char *)out, &len) != NULL);
    return len;
}

static bool is_hmac(const struct key *key, enum alg alg, struct slice text, struct slice signature)
{
    char own[HMAC_MAX];
    size_t len = hmac_make(alg, slice_make(key->secret, key->secret_len), text, own);
    return secret_is_equal(signature, slice_make(own, len));
}

/* ---- elliptic curves: r and s side by side, where OpenSSL wants DER ---- */

static size_t half_of(enum key_kind kind)
{
    return kind == KEY_P256 ? 32 : kind == KEY_P384 ? 48 : 66;
}

/* Bytes to be freed by OPENSSL_free; NULL: it is no signature of that curve. */
static unsigned char *make_der(enum key_kind kind, struct slice signature, size_t *len)
{
    size_t half = half_of(kind);
    if (signature.len != 2 * half)
        return NULL;
    const unsigned char *at = (const unsigned char *)signature.at;
    unsigned char *der = NULL;
    BIGNUM *r = BN_bin2bn(at, (int)half, NULL), *s = BN_bin2bn(at + half, (int)half, NULL);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    ensure(r != NULL && s != NULL && sig != NULL && ECDSA_SIG_set0(sig, r, s));
    int written = i2d_ECDSA_SIG(sig, &der);
    ECDSA_SIG_free(sig);
    ensure(written > 0);
    *len = (size_t)written;
    return der;
}

/* ---- public keys ---- */

static bool set_padding(EVP_PKEY_CTX *context, enum alg alg)
{
    bool is_pss = alg == ALG_PS256 || alg == ALG_PS384 || alg == ALG_PS512;
    if (!is_pss)
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0;
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) > 0;
}

static bool is_signed(const struct key *key, enum alg alg, struct slice text,
                      struct slice signature)
{
    EVP_PKEY_CTX *context;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    ensure(digest != NULL);
    bool is = EVP_DigestVerifyInit_ex(digest, &context, algs[alg].digest, NULL, NULL, key->public,
                                      NULL) > 0 &&
              (key->kind != KEY_RSA || set_padding(context, alg)) &&
              EVP_DigestVerify(digest, (const unsigned char *)signature.at, signature.len,
                               (const unsigned char *)text.at, text.len) == 1;
    EVP_MD_CTX_free(digest);
    return is;
}

static bool is_signed_on_curve(const struct key *key, enum alg alg, struct slice text,
                               struct slice signature)
{
    size_t len;
    unsigned char *der = make_der(key->kind, signature, &len);
    bool is = der != NULL && is_signed(key, alg, text, slice_make((char *)der, len));
    OPENSSL_free(der);
    return is;
}

bool key_verify(const struct key *key, enum alg alg, struct slice text, struct slice signature)
{
    ensure(key->algs >> alg & 1);
    if (key->kind == KEY_SECRET)
        return is_hmac(key, alg, text, signature);
    if (key->kind == KEY_P256 || key->kind == KEY_P384 || key->kind == KEY_P521)
        return is_signed_on_curve(key, alg, text, signature);
    return is_signed(key, alg, text, signature);
}
