#include "auth/jwt.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "main/args.h"
#include "wire/json.h"

/* What a token is made of. */
struct grant {
    struct slice user, roles;  /* roles: comma-separated */
    int64_t now_s, lifetime_s; /* 0: for ever */
};

struct unit {
    char letter;
    int64_t seconds;
};
static const struct unit units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
enum { DIGITS_MAX = 9 };

static int64_t unit_seconds(const char *text)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (text[0] == units[i].letter && text[1] == '\0')
            return units[i].seconds;
    return 0;
}

/* 90s, 15m, 1h, 7d or never. */
static bool parse_lifetime(const char *text, int64_t *seconds, struct error *err)
{
    size_t digits = strspn(text, "0123456789");
    *seconds = 0;
    if (strcmp(text, "never") == 0)
        return true;
    for (size_t i = 0; i < digits && digits <= DIGITS_MAX; i++)
        *seconds = *seconds * 10 + (text[i] - '0');
    *seconds *= unit_seconds(text + digits);
    if (*seconds > 0)
        return true;
    return fail(err, ERROR_USAGE, "--expires: \"%s\" is no time; write 90s, 15m, 1h, 7d or never",
                text);
}

static bool read_text(const struct args *args, const char *name, struct slice *text,
                      struct error *err)
{
    *text = slice_of(args_find(args, name));
    return utf8_is_valid(*text) || fail(err, ERROR_USAGE, "--%s is not UTF-8", name);
}

static bool read_grant(const struct args *args, struct grant *grant, struct error *err)
{
    const char *lifetime = args_find(args, "expires");
    grant->now_s = clock_unix_ms() / 1000;
    if (args_find(args, "user") == NULL)
        return fail(err, ERROR_USAGE, "who is the token for? --user=NAME");
    return read_text(args, "user", &grant->user, err) &&
           read_text(args, "roles", &grant->roles, err) &&
           parse_lifetime(lifetime ? lifetime : "1h", &grant->lifetime_s, err);
}

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

static void put_claims(struct buf *claims, const struct grant *grant)
{
    buf_add_text(claims, "{\"sub\":");
    json_quote(claims, grant->user);
    if (grant->roles.len > 0) {
        buf_add_text(claims, ",\"roles\":[");
        put_roles(claims, grant->roles);
        buf_add_byte(claims, ']');
    }
    buf_printf(claims, ",\"iat\":%lld", (long long)grant->now_s);
    if (grant->lifetime_s > 0)
        buf_printf(claims, ",\"exp\":%lld", (long long)(grant->now_s + grant->lifetime_s));
    buf_add_byte(claims, '}');
}

static bool sign(const struct config *config, const struct grant *grant, struct error *err)
{
    struct buf claims = {0}, token = {0};
    if (*config->token_secret == '\0')
        return fail(err, ERROR_CONFIG,
                    "a token needs the secret of the server that will check it: WEIR_TOKEN_SECRET, "
                    "WEIR_TOKEN_SECRET_FILE or --token-secret");
    put_claims(&claims, grant);
    jwt_sign(&token, buf_slice(&claims), slice_of(config->token_secret));
    buf_add_byte(&token, '\n');
    put_out(&token);
    buf_finish(&token);
    buf_finish(&claims);
    return true;
}

static enum exit_code run(const struct args *args)
{
    struct config config;
    struct error err;
    struct grant grant = {0};
    bool is_right = args_read_config(args, &config, &err) && read_grant(args, &grant, &err) &&
                    sign(&config, &grant, &err);
    config_finish(&config);
    return is_right ? EXIT_OK : talk_failure(&err);
}

static const struct option_row flags[] = {
    {.name = "user", .metavar = "NAME", .help = "who the token is for (sub)", .kind = OPTION_TEXT},
    {.name = "roles",
     .metavar = "LIST",
     .help = "the user's roles, comma-separated",
     .kind = OPTION_TEXT},
    {.name = "expires",
     .metavar = "TIME",
     .value = "1h",
     .help = "90s, 15m, 1h, 7d or never",
     .kind = OPTION_TEXT},
    {.name = NULL},
};
static const char *const examples[] = {
    "WEIR_TOKEN_SECRET=secret weir token --user ann",
    "weir token --config weir.lua --user ann --roles member,moderator --expires 7d",
    NULL,
};

const struct command command_token = {
    .name = "token",
    .summary = "make a connection token, to try things with",
    .details = "  The token is HS256, signed with the same secret that the server checks with.\n",
    .examples = examples,
    .flags = flags,
    .options = OPTION_BIT(token_secret),
    .run = run,
};
