/* Any bytes as a token, and any bytes as well-signed claims: refused with a reason, or sound. */
#include "auth/jwt.h"
#include "base/memory.h"
#include "wire/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct jwt_keys keys = {.hmac_secret = {"secret", 6}, .leeway_s = 10};
static const int64_t now_s = 1700000000;

static void check_sound(const struct jwt *jwt)
{
    struct json_fault fault;
    const struct json_limits limits = JSON_LIMITS_DEFAULT;
    ensure(json_check(buf_slice(&jwt->claims), &limits, &fault));
    ensure(json_kind(buf_slice(&jwt->claims)) == JSON_OBJECT);
    ensure(jwt->info.at == NULL || json_check(jwt->info, &limits, &fault));
    ensure(jwt->roles.at == NULL || json_kind(jwt->roles) == JSON_ARRAY);
    ensure(utf8_is_valid(jwt->sub));
    ensure(jwt->expires == 0 || jwt->expires + keys.leeway_s > now_s);
}

static bool verify(struct slice token)
{
    struct jwt jwt;
    struct error err = {0};
    /* A copy of exactly this size, so that reading past its end is seen. */
    char *copy = malloc(token.len);
    if (token.len > 0)
        memcpy(copy, token.at, token.len);
    bool good = jwt_verify(slice_make(copy, token.len), &keys, now_s, &jwt, &err);
    if (good) {
        check_sound(&jwt);
        jwt_finish(&jwt);
    } else {
        ensure(err.code == ERROR_UNAUTHORIZED || err.code == ERROR_TOKEN_EXPIRED);
        ensure(err.text[0] != '\0');
    }
    free(copy);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct buf token = {0};
    struct slice bytes = slice_make((const char *)data, len);
    ensure(!verify(bytes) || len > 43); /* shorter than a signature */
    jwt_sign(&token, bytes, keys.hmac_secret);
    verify(buf_slice(&token));
    buf_finish(&token);
    return 0;
}
