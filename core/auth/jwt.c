#include "auth/jwt.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include "auth/secret.h"
#include "base/memory.h"
#include "wire/json.h"

enum { SIGNATURE_LEN = 32, NUMBER_TEXT_MAX = 127, PART_COUNT = 3 };

/* Far from the ends of int64_t, so that a leeway may be added to any time. */
static const int64_t time_max_s = INT64_C(1) << 62;

/* ---- base64url ---- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode_base64(struct buf *out, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t count = bytes.len - i < 3 ? bytes.len - i : 3;
        unsigned bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < count ? (unsigned char)bytes.at[i + k] : 0u);
        for (size_t k = 0; k <= count; k++)
            buf_add_byte(out, alphabet[bits >> (18 - 6 * k) & 63]);
    }
}

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* Strict: no padding, nothing foreign, and one spelling only for each run of bytes. */
static bool decode_base64(struct buf *out, struct slice text)
{
    unsigned bits = 0, held = 0;
    if (text.len % 4 == 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int six = sextet(text.at[i]);
        if (six < 0)
            return false;
        bits = bits << 6 | (unsigned)six;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        buf_add_byte(out, (char)(bits >> held & 0xff));
        bits &= (1u << held) - 1;
    }
    return bits == 0;
}

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
    if (!decode_base64(out, part) || out->len == 0)
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
        if (sextet(alg.at[i]) < 0)
            return false;
    return alg.len > 0 && alg.len <= 8;
}

static bool check_alg(struct slice header, struct error *err)
{
    struct slice alg, name;
    if (!json_find(header, "alg", &alg))
        return fail(err, ERROR_UNAUTHORIZED, "token: the header has no alg (HS256 is accepted)");
    if (json_kind(alg) != JSON_STRING || !json_plain(alg, &name) || !is_printable_alg(name))
        return fail(err, ERROR_UNAUTHORIZED, "token: this alg is not accepted here (HS256 is)");
    if (!slice_is(name, "HS256"))
        return fail(err, ERROR_UNAUTHORIZED, "token: alg %.*s is not accepted here (HS256 is)",
                    SLICE_ARGS(name));
    return true;
}

static bool check_header(struct slice part, struct error *err)
{
    struct buf header = {0};
    struct slice crit;
    bool good = decode_object(part, "header", &header, err) && check_alg(buf_slice(&header), err);
    if (good && json_find(buf_slice(&header), "crit", &crit))
        good = fail(err, ERROR_UNAUTHORIZED, "token: crit asks for extensions, and none is known");
    buf_finish(&header);
    return good;
}

static void make_signature(struct slice text, struct slice secret, char out[SIGNATURE_LEN])
{
    unsigned len = 0;
    const char *key = secret.len > 0 ? secret.at : "";
    ensure(secret.len <= INT32_MAX);
    ensure(HMAC(EVP_sha256(), key, (int)secret.len, (const unsigned char *)text.at, text.len,
                (unsigned char *)out, &len) != NULL);
    ensure(len == SIGNATURE_LEN);
}

static bool check_signature(struct slice signed_text, struct slice part, struct slice secret,
                            struct error *err)
{
    char expected[SIGNATURE_LEN];
    struct buf given = {0};
    make_signature(signed_text, secret, expected);
    bool good = decode_base64(&given, part) &&
                secret_is_equal(buf_slice(&given), slice_make(expected, SIGNATURE_LEN));
    buf_finish(&given);
    return good || fail(err, ERROR_UNAUTHORIZED,
                        "token: the signature does not fit: another secret, or a changed token");
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

/* Whether it has expired is asked last: that answer means that all else is well. */
static bool read_claims(struct jwt *jwt, int64_t now_s, int leeway_s, struct error *err)
{
    struct slice payload = buf_slice(&jwt->payload), channel;
    if (json_find(payload, "channel", &channel))
        return fail(err, ERROR_UNAUTHORIZED,
                    "token: this one is for a subscription (it has a channel claim)");
    if (!check_not_before(payload, now_s, leeway_s, err) || !read_sub(jwt, err) ||
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
    if (keys->hmac_secret.len == 0)
        return fail(err, ERROR_UNAUTHORIZED, "token: no secret is configured to check it with");
    if (token.len > JWT_LENGTH_MAX)
        return fail(err, ERROR_UNAUTHORIZED, "token: %zu bytes are more than the %d allowed",
                    token.len, JWT_LENGTH_MAX);
    if (token.len == 0 || !split(token, parts))
        return fail(err, ERROR_UNAUTHORIZED, "token: it does not have three parts");
    struct slice signed_text = slice_make(token.at, (size_t)(parts[2].at - token.at) - 1);
    if (check_header(parts[0], err) &&
        check_signature(signed_text, parts[2], keys->hmac_secret, err) &&
        decode_object(parts[1], "payload", &out->payload, err) &&
        read_claims(out, now_s, keys->leeway_s, err))
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
    char signature[SIGNATURE_LEN];
    size_t from = out->len;
    encode_base64(out, SLICE("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"));
    buf_add_byte(out, '.');
    encode_base64(out, claims);
    make_signature(slice_make(out->at + from, out->len - from), secret, signature);
    buf_add_byte(out, '.');
    encode_base64(out, slice_make(signature, SIGNATURE_LEN));
}
