#include "auth/jwk.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>

#include "auth/base64.h"
#include "base/memory.h"
#include "wire/json.h"

enum { JWK_KEYS_MAX = 64, MEMBER_MAX = 4096 };

/* ---- members ---- */

static bool find_text(struct slice jwk, const char *name, struct slice *text)
{
    struct slice value;
    return json_find(jwk, name, &value) && json_kind(value) == JSON_STRING &&
           json_plain(value, text);
}

static bool find_bytes(struct slice jwk, const char *name, struct buf *bytes, struct error *err)
{
    struct slice text;
    buf_clear(bytes);
    return (find_text(jwk, name, &text) && text.len <= MEMBER_MAX && base64_decode(bytes, text) &&
            bytes->len > 0) ||
           fail(err, ERROR_CONFIG, "its `%s` is missing, or no base64url", name);
}

/* ---- public keys ---- */

static EVP_PKEY *make_public(const char *type, OSSL_PARAM_BLD *builder)
{
    EVP_PKEY *public = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    ensure(params != NULL && context != NULL);
    if (EVP_PKEY_fromdata_init(context) <= 0 ||
        EVP_PKEY_fromdata(context, &public, EVP_PKEY_PUBLIC_KEY, params) <= 0)
    public = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    return public;
}

static EVP_PKEY *make_rsa(struct slice jwk, struct error *err)
{
    struct buf n = {0}, e = {0};
    EVP_PKEY *public = NULL;
    if (find_bytes(jwk, "n", &n, err) && find_bytes(jwk, "e", &e, err)) {
        OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
        BIGNUM *modulus = BN_bin2bn((const unsigned char *)n.at, (int)n.len, NULL);
        BIGNUM *exponent = BN_bin2bn((const unsigned char *)e.at, (int)e.len, NULL);
        ensure(builder && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) &&
               OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent));
        public = make_public("RSA", builder);
        BN_free(modulus);
        BN_free(exponent);
        OSSL_PARAM_BLD_free(builder);
        if (public == NULL)
            fail(err, ERROR_CONFIG, "`n` and `e` are no RSA key");
    }
    buf_finish(&n);
    buf_finish(&e);
    return public;
}

static bool find_group(struct slice jwk, const char **group, size_t *len, struct error *err)
{
    static const struct {
        const char *name, *group;
        size_t len;
    } curves[] = {
        {"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}, {"P-521", "secp521r1", 66}};
    struct slice name = {0};
    (void)find_text(jwk, "crv", &name);
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
        if (slice_is(name, curves[i].name)) {
            *group = curves[i].group;
            *len = curves[i].len;
            return true;
        }
    return fail(err, ERROR_CONFIG, "its `crv` is not P-256, P-384 or P-521");
}

static EVP_PKEY *make_point(const char *group, struct slice x, struct slice y)
{
    struct buf point = {0};
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    buf_add_byte(&point, 4); /* both coordinates follow */
    buf_add_slice(&point, x);
    buf_add_slice(&point, y);
    ensure(builder &&
           OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) &&
           OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point.at, point.len));
    EVP_PKEY *public = make_public("EC", builder); /* which looks whether it is on the curve */
    OSSL_PARAM_BLD_free(builder);
    buf_finish(&point);
    return public;
}

static EVP_PKEY *make_ec(struct slice jwk, struct error *err)
{
    struct buf x = {0}, y = {0};
    const char *group;
    size_t len;
    EVP_PKEY *public = NULL;
    if (find_group(jwk, &group, &len, err) && find_bytes(jwk, "x", &x, err) &&
        find_bytes(jwk, "y", &y, err)) {
        if (x.len == len && y.len == len)
        public = make_point(group, buf_slice(&x), buf_slice(&y));
        if (public == NULL)
            fail(err, ERROR_CONFIG, "`x` and `y` are no point of its curve");
    }
    buf_finish(&x);
    buf_finish(&y);
    return public;
}

static EVP_PKEY *make_edwards(struct slice jwk, struct error *err)
{
    struct buf x = {0};
    struct slice curve = {0};
    EVP_PKEY *public = NULL;
    (void)find_text(jwk, "crv", &curve);
    bool is_448 = slice_is(curve, "Ed448");
    if (!is_448 && !slice_is(curve, "Ed25519")) {
        fail(err, ERROR_CONFIG, "its `crv` is not Ed25519 or Ed448");
    } else if (find_bytes(jwk, "x", &x, err)) {
        public = EVP_PKEY_new_raw_public_key_ex(NULL, is_448 ? "ED448" : "ED25519", NULL,
                                                (const unsigned char *)x.at, x.len);
        if (public == NULL)
            fail(err, ERROR_CONFIG, "`x` is no key of its curve");
    }
    buf_finish(&x);
    return public;
}

/* ---- one key ---- */

static struct key *make_secret(struct slice jwk, struct error *err)
{
    struct buf bytes = {0};
    struct key *key = NULL;
    if (find_bytes(jwk, "k", &bytes, err))
        key = key_create_secret(buf_slice(&bytes));
    buf_finish(&bytes);
    return key;
}

static struct key *make_key(struct slice jwk, struct slice type, struct error *err)
{
    EVP_PKEY *public;
    if (slice_is(type, "oct"))
        return make_secret(jwk, err);
    if (slice_is(type, "RSA"))
    public = make_rsa(jwk, err);
    else if (slice_is(type, "EC")) public = make_ec(jwk, err);
    else public = make_edwards(jwk, err);
    return public != NULL ? key_create_public(public, err) : NULL;
}

static bool is_known_type(struct slice type)
{
    return slice_is(type, "oct") || slice_is(type, "RSA") || slice_is(type, "EC") ||
           slice_is(type, "OKP");
}

static bool is_for_signatures(struct slice jwk)
{
    struct slice use, list, item;
    struct json_walk walk;
    if (find_text(jwk, "use", &use) && !slice_is(use, "sig"))
        return false;
    if (!json_find(jwk, "key_ops", &list) || json_kind(list) != JSON_ARRAY)
        return true;
    json_walk_init(&walk, list);
    while (json_walk_item(&walk, &item))
        if (slice_is(item, "\"verify\""))
            return true;
    return false;
}

/* The one algorithm that it says it is for. False: another kind of key is meant. */
static bool narrow(struct key *key, struct slice jwk, struct error *err)
{
    struct slice name;
    enum alg alg;
    if (!find_text(jwk, "alg", &name))
        return true;
    if (!alg_parse(name, &alg) || !(key->algs >> alg & 1))
        return fail(err, ERROR_CONFIG, "its `alg` is none that such a key signs with here");
    key->algs = 1u << alg;
    return true;
}

/* *key is NULL where it is left out. */
static bool read_key(struct slice jwk, struct key **key, struct error *err)
{
    struct slice type = {0}, kid;
    *key = NULL;
    if (json_kind(jwk) != JSON_OBJECT || !find_text(jwk, "kty", &type))
        return fail(err, ERROR_CONFIG, "it is no object with a `kty`");
    if (!is_known_type(type) || !is_for_signatures(jwk))
        return true;
    *key = make_key(jwk, type, err);
    if (*key == NULL)
        return false;
    if (find_text(jwk, "kid", &kid))
        (*key)->kid = xslicedup(kid);
    if (narrow(*key, jwk, err))
        return true;
    key_destroy(*key);
    *key = NULL;
    return false;
}

/* ---- all ---- */

/* What is of no use here is left out; `why` has the first reason. */
static void add(struct key **all, struct slice jwk, unsigned number, struct error *why)
{
    struct key *key;
    struct error err;
    if (!read_key(jwk, &key, &err)) {
        if (why->code == 0)
            fail(why, ERROR_CONFIG, "key %u: %s", number, err.text);
    } else if (key != NULL) {
        key->next = *all;
        *all = key;
    }
}

static bool add_all(struct key **all, struct slice json, struct error *err)
{
    struct json_walk walk;
    struct slice list, item;
    struct error why = {0};
    unsigned number = 0;
    if (json_kind(json) != JSON_OBJECT || !json_find(json, "keys", &list)) {
        add(all, json, 1, &why);
    } else if (json_kind(list) == JSON_ARRAY) {
        json_walk_init(&walk, list);
        while (number < JWK_KEYS_MAX && json_walk_item(&walk, &item))
            add(all, item, ++number, &why);
    }
    return *all != NULL ||
           fail(err, ERROR_CONFIG, "there is no key in it that signatures are checked with%s%s",
                why.code ? ": " : "", why.code ? why.text : "");
}

struct key *jwk_read(struct slice json, struct error *err)
{
    struct json_fault fault;
    struct key *all = NULL;
    if (!json_check(json, &JSON_LIMITS_DEFAULT, &fault)) {
        fail(err, ERROR_CONFIG, "it is no JSON: at byte %zu, %s", fault.at, fault.why);
        return NULL;
    }
    return add_all(&all, json, err) ? all : NULL;
}
