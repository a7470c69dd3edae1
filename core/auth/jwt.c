#include "auth/jwt.h"

#include <stdlib.h>

#include "auth/base64.h"
#include "auth/key.h"
#include "auth/secret.h"
#include "base/memory.h"
#include "wire/json.h"

enum { NUMBER_TEXT_MAX = 127, PART_COUNT = 3 };

/* Far from the ends of int64_t, so that a leeway may be added to any time. */
static const int64_t time_max_s = INT64_C(1) << 62;

/* ---- the three parts ---- */

static bool split(struct slice token, struct slice parts[PART_COUNT])
{
    const char *at = token.at, *end = token.at + token.len;
    for (int i = 0; i < PART_COUNT; i++) {
        const char *dot = at < end ? memchr(at, '.', (size_t)(end - at)) : NULL;
        if ((dot == NULL) != (i == PART_COUNT - 1))
            return false;
        parts[i] = slice_make(at, (size_t)((dot != NULL ? dot : end) - at));
        at = dot != NULL ? dot + 1 : end;
    }
    return true;
}

static bool decode_object(struct slice part, const char *what, struct buf *out, struct error *err)
{
    struct json_fault fault;
    const struct json_limits limits = JSON_LIMITS_DEFAULT;
    if (!base64_decode(out, part) || out->len == 0)
        return fail(err, ERROR_UNAUTHORIZED, "token: the %s is not base64url without padding",
                    what);
    if (!json_check(buf_slice(out), &limits, &fault))
        return fail(err, ERROR_UNAUTHORIZED, "token: the %s is not JSON: at byte %zu, %s", what,
                    fault.at, fault.why);
    if (json_kind(buf_slice(out)) != JSON_OBJECT)
        return fail(err, ERROR_UNAUTHORIZED, "token: the %s is not a JSON object", what);
    return true;
}

/* Names of algorithms are short words; anything else is not repeated to people. */
static bool is_printable_alg(struct slice alg)
{
    for (size_t i = 0; i < alg.len; i++)
        if (!base64_has(alg.at[i]))
            return false;
    return alg.len > 0 && alg.len <= 8;
}

unsigned jwt_algs(const struct jwt_keys *keys)
{
    unsigned algs = keyring_algs(keys->ring);
    if (keys->hmac_secret.len > 0)
        algs |= 1u << ALG_HS256 | 1u << ALG_HS384 | 1u << ALG_HS512;
    return keys->algs != 0 ? algs & keys->algs : algs;
}

static bool refuse_alg(const struct jwt_keys *keys, struct slice name, struct error *err)
{
    struct buf list = {0};
    for (unsigned alg = 0; alg < ALG_COUNT; alg++)
        if (jwt_algs(keys) >> alg & 1)
            buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", alg_name(alg));
    fail(err, ERROR_UNAUTHORIZED, "token: %s%.*s is not accepted here, but %s",
         name.len > 0 ? "alg " : "this alg", SLICE_ARGS(name), buf_text(&list));
    buf_finish(&list);
    return false;
}

static bool read_alg(struct slice header, const struct jwt_keys *keys, enum alg *alg,
                     struct error *err)
{
    struct slice value, name;
    if (!json_find(header, "alg", &value))
        return fail(err, ERROR_UNAUTHORIZED, "token: the header has no alg");
    if (json_kind(value) != JSON_STRING || !json_plain(value, &name) || !is_printable_alg(name))
        return refuse_alg(keys, SLICE(""), err);
    return (alg_parse(name, alg) && jwt_algs(keys) >> *alg & 1) || refuse_alg(keys, name, err);
}

/* Which key the token says it is signed with. Escapes in a kid are nobody's. */
static bool read_kid(struct slice header, struct slice *kid, struct error *err)
{
    struct slice value;
    *kid = (struct slice){0};
    if (!json_find(header, "kid", &value))
        return true;
    return (json_kind(value) == JSON_STRING && json_plain(value, kid)) ||
           fail(err, ERROR_UNAUTHORIZED, "token: its kid is none of ours");
}

/* ---- the signature ---- */

/* `alg` is an accepted one: a secret of ours, or keys of the ring, or both. */
static bool verify(const struct jwt_keys *keys, enum alg alg, struct slice kid, struct slice text,
                   struct slice signature, struct error *err)
{
    char own[HMAC_MAX];
    enum keyring_verdict verdict = KEYRING_NO_KEY;
    bool is_shared = keys->hmac_secret.len > 0 && alg <= ALG_HS512;
    if (is_shared) {
        size_t len = hmac_make(alg, keys->hmac_secret, text, own);
        if (secret_is_equal(signature, slice_make(own, len)))
            return true;
    }
    if (keys->ring != NULL)
        verdict = keyring_verify(keys->ring, alg, kid, text, signature);
    if (verdict == KEYRING_FITS)
        return true;
    if (verdict == KEYRING_NO_KEY && !is_shared)
        return fail(err, ERROR_UNAUTHORIZED, "token: its kid is none of ours");
    return fail(err, ERROR_UNAUTHORIZED,
                "token: the signature does not fit: another %s, or a changed token",
                alg <= ALG_HS512 ? "secret" : "key");
}

static bool check_signature(struct slice header, struct slice text, struct slice part,
                            const struct jwt_keys *keys, struct error *err)
{
    struct buf signature = {0};
    struct slice kid, crit;
    enum alg alg;
    bool good = read_alg(header, keys, &alg, err) && read_kid(header, &kid, err);
    if (good && json_find(header, "crit", &crit))
        good = fail(err, ERROR_UNAUTHORIZED, "token: crit asks for extensions, and none is known");
    if (good && !base64_decode(&signature, part))
        good =
            fail(err, ERROR_UNAUTHORIZED, "token: the signature is not base64url without padding");
    good = good && verify(keys, alg, kid, text, buf_slice(&signature), err);
    buf_finish(&signature);
    return good;
}

/* That of parts[0] and parts[1], which are `text` together. */
static bool check_signed(struct slice text, const struct slice parts[PART_COUNT],
                         const struct jwt_keys *keys, struct error *err)
{
    struct buf header = {0};
    bool good = decode_object(parts[0], "header", &header, err) &&
                check_signature(buf_slice(&header), text, parts[2], keys, err);
    buf_finish(&header);
    return good;
}

/* ---- claims ---- */

static int64_t clamp_time(double seconds)
{
    if (seconds >= (double)time_max_s)
        return time_max_s;
    return seconds <= -(double)time_max_s ? -time_max_s : (int64_t)seconds;
}

/* Any JSON number, its fraction cut off. */
static bool read_time(struct slice value, int64_t *out)
{
    char text[NUMBER_TEXT_MAX + 1];
    if (json_kind(value) != JSON_NUMBER || value.len > NUMBER_TEXT_MAX)
        return false;
    if (json_integer(value, out) && *out > -time_max_s && *out < time_max_s)
        return true;
    memcpy(text, value.at, value.len);
    text[value.len] = '\0';
    *out = clamp_time(strtod(text, NULL));
    return true;
}

static bool find_time(struct slice payload, const char *name, bool *is_there, int64_t *out,
                      struct error *err)
{
    struct slice value;
    *is_there = json_find(payload, name, &value);
    return !*is_there || read_time(value, out) ||
           fail(err, ERROR_UNAUTHORIZED, "token: %s is not a number of seconds", name);
}

static bool check_not_before(struct slice payload, int64_t now_s, int leeway_s, struct error *err)
{
    bool is_there;
    int64_t not_before = 0;
    if (!find_time(payload, "nbf", &is_there, &not_before, err))
        return false;
    if (is_there && now_s < not_before - leeway_s)
        return fail(err, ERROR_UNAUTHORIZED, "token: it is not valid yet (nbf)");
    return true;
}

static bool read_expiry(struct slice payload, int64_t now_s, int leeway_s, int64_t *expires,
                        struct error *err)
{
    bool is_there;
    *expires = 0;
    if (!find_time(payload, "exp", &is_there, expires, err))
        return false;
    /* 0 and less would read as "never" further on; no clock shows a time that early. */
    if (is_there && (*expires <= 0 || now_s >= *expires + leeway_s))
        return fail_code(err, ERROR_TOKEN_EXPIRED);
    return true;
}

static bool read_sub(struct jwt *jwt, struct error *err)
{
    struct slice sub;
    jwt->sub = SLICE("");
    if (!json_find(buf_slice(&jwt->payload), "sub", &sub))
        return true;
    if (json_kind(sub) != JSON_STRING)
        return fail(err, ERROR_UNAUTHORIZED, "token: sub is not a string");
    if (!json_plain(sub, &jwt->sub)) {
        json_unquote(&jwt->sub_text, sub);
        jwt->sub = buf_slice(&jwt->sub_text);
    }
    return true;
}

static bool is_array_of_strings(struct slice value)
{
    struct json_walk walk;
    struct slice item;
    if (json_kind(value) != JSON_ARRAY)
        return false;
    json_walk_init(&walk, value);
    while (json_walk_item(&walk, &item))
        if (json_kind(item) != JSON_STRING)
            return false;
    return true;
}

static bool read_roles(struct jwt *jwt, struct error *err)
{
    jwt->roles = slice_make(NULL, 0);
    if (json_find(buf_slice(&jwt->payload), "roles", &jwt->roles) &&
        !is_array_of_strings(jwt->roles))
        return fail(err, ERROR_UNAUTHORIZED, "token: roles is not an array of strings");
    return true;
}

static bool is_own_field(struct slice key)
{
    static const char *const names[] = {"sub", "exp", "nbf", "iat", "info", "roles"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (json_key_is(key, names[i]))
            return true;
    return false;
}

static void copy_claims(struct buf *out, struct slice payload)
{
    struct json_walk walk;
    struct slice key, value;
    json_walk_init(&walk, payload);
    buf_add_byte(out, '{');
    while (json_walk_member(&walk, &key, &value)) {
        if (is_own_field(key))
            continue;
        if (out->len > 1)
            buf_add_byte(out, ',');
        buf_add_slice(out, key);
        buf_add_byte(out, ':');
        json_put_line(out, value);
    }
    buf_add_byte(out, '}');
}

/* `aud` is a name or a list of names. */
static bool names_audience(struct slice value, const char *audience)
{
    struct json_walk walk;
    struct slice item;
    if (json_kind(value) == JSON_STRING)
        return json_key_is(value, audience);
    if (json_kind(value) != JSON_ARRAY)
        return false;
    json_walk_init(&walk, value);
    while (json_walk_item(&walk, &item))
        if (json_kind(item) == JSON_STRING && json_key_is(item, audience))
            return true;
    return false;
}

static bool check_audience(struct slice payload, const char *audience, struct error *err)
{
    struct slice value;
    return audience == NULL || *audience == '\0' ||
           (json_find(payload, "aud", &value) && names_audience(value, audience)) ||
           fail(err, ERROR_UNAUTHORIZED, "token: it is for somebody else (aud)");
}

static bool check_issuer(struct slice payload, const char *issuer, struct error *err)
{
    struct slice value;
    return issuer == NULL || *issuer == '\0' ||
           (json_find(payload, "iss", &value) && json_kind(value) == JSON_STRING &&
            json_key_is(value, issuer)) ||
           fail(err, ERROR_UNAUTHORIZED, "token: it is by somebody else (iss)");
}

/* Whether it has expired is asked last: that answer means that all else is well. */
static bool read_claims(struct jwt *jwt, const struct jwt_keys *keys, int64_t now_s,
                        struct error *err)
{
    int leeway_s = keys->leeway_s;
    struct slice payload = buf_slice(&jwt->payload), channel;
    if (json_find(payload, "channel", &channel))
        return fail(err, ERROR_UNAUTHORIZED,
                    "token: this one is for a subscription (it has a channel claim)");
    if (!check_audience(payload, keys->audience, err) ||
        !check_issuer(payload, keys->issuer, err) ||
        !check_not_before(payload, now_s, leeway_s, err) || !read_sub(jwt, err) ||
        !read_roles(jwt, err) || !read_expiry(payload, now_s, leeway_s, &jwt->expires, err))
        return false;
    jwt->info = slice_make(NULL, 0);
    json_find(payload, "info", &jwt->info);
    copy_claims(&jwt->claims, payload);
    return true;
}

bool jwt_verify(struct slice token, const struct jwt_keys *keys, int64_t now_s, struct jwt *out,
                struct error *err)
{
    struct slice parts[PART_COUNT];
    *out = (struct jwt){0};
    if (jwt_algs(keys) == 0)
        return fail(err, ERROR_UNAUTHORIZED, "token: nothing is configured to check it with");
    if (token.len > JWT_LENGTH_MAX)
        return fail(err, ERROR_UNAUTHORIZED, "token: %zu bytes are more than the %d allowed",
                    token.len, JWT_LENGTH_MAX);
    if (token.len == 0 || !split(token, parts))
        return fail(err, ERROR_UNAUTHORIZED, "token: it does not have three parts");
    struct slice signed_text = slice_make(token.at, (size_t)(parts[2].at - token.at) - 1);
    if (check_signed(signed_text, parts, keys, err) &&
        decode_object(parts[1], "payload", &out->payload, err) &&
        read_claims(out, keys, now_s, err))
        return true;
    jwt_finish(out);
    return false;
}

void jwt_finish(struct jwt *jwt)
{
    buf_finish(&jwt->payload);
    buf_finish(&jwt->sub_text);
    buf_finish(&jwt->claims);
    *jwt = (struct jwt){0};
}

void jwt_sign(struct buf *out, struct slice claims, struct slice secret)
{
    char signature[HMAC_MAX];
    size_t from = out->len;
    base64_encode(out, SLICE("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"));
    buf_add_byte(out, '.');
    base64_encode(out, claims);
    size_t len =
        hmac_make(ALG_HS256, secret, slice_make(out->at + from, out->len - from), signature);
    buf_add_byte(out, '.');
    base64_encode(out, slice_make(signature, len));
}
