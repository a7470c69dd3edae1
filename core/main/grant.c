#include "main/grant.h"

#include "auth/jwt.h"
#include "wire/json.h"

static void put_roles(struct buf *claims, struct slice roles)
{
    const char *before = "";
    for (size_t at = 0; at < roles.len;) {
        size_t end = at;
        while (end < roles.len && roles.at[end] != ',')
            end++;
        if (end > at) {
            buf_add_text(claims, before);
            json_quote(claims, slice_make(roles.at + at, end - at));
            before = ",";
        }
        at = end + 1;
    }
}

static void put_own_claims(struct buf *out, struct slice claims)
{
    struct json_walk walk;
    struct slice key, value;
    if (claims.at == NULL)
        return;
    json_walk_init(&walk, claims);
    while (json_walk_member(&walk, &key, &value)) {
        buf_add_byte(out, ',');
        buf_add_slice(out, key);
        buf_add_byte(out, ':');
        buf_add_slice(out, value);
    }
}

static void put_claims(struct buf *claims, const struct grant *grant)
{
    buf_add_text(claims, "{\"sub\":");
    json_quote(claims, grant->user);
    if (grant->roles.len > 0) {
        buf_add_text(claims, ",\"roles\":[");
        put_roles(claims, grant->roles);
        buf_add_byte(claims, ']');
    }
    put_own_claims(claims, grant->claims);
    if (grant->info.at != NULL) {
        buf_add_text(claims, ",\"info\":");
        buf_add_slice(claims, json_trim(grant->info));
    }
    buf_printf(claims, ",\"iat\":%lld", (long long)grant->now_s);
    if (grant->lifetime_s > 0)
        buf_printf(claims, ",\"exp\":%lld", (long long)(grant->now_s + grant->lifetime_s));
    buf_add_byte(claims, '}');
}

void grant_sign(struct buf *token, const struct grant *grant, struct slice secret)
{
    struct buf claims = {0};
    put_claims(&claims, grant);
    jwt_sign(token, buf_slice(&claims), secret);
    buf_finish(&claims);
}
