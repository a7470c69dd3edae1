#include "auth/jwt.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "main/args.h"
#include "main/grant.h"
#include "wire/json.h"

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

static bool check_claim_names(struct slice claims, struct error *err)
{
    static const struct {
        const char *name, *why;
    } reserved[] = {
        {"sub", "--user says it"},
        {"roles", "--roles says it"},
        {"info", "--info says it"},
        {"exp", "--expires says it"},
        {"iat", "it is the time of making"},
        {"nbf", "it would be a time, and is not for trying"},
        {"channel", "it is for subscription tokens, which a connection may not use"},
    };
    struct slice value;
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (json_find(claims, reserved[i].name, &value))
            return fail(err, ERROR_USAGE, "--claims may not have \"%s\": %s", reserved[i].name,
                        reserved[i].why);
    return true;
}

static bool is_json(struct slice text)
{
    struct json_fault fault;
    return json_check(text, &JSON_LIMITS_DEFAULT, &fault);
}

static bool read_claims(const struct args *args, struct slice *claims, struct error *err)
{
    *claims = slice_of(args_find(args, "claims"));
    if (claims->at == NULL)
        return true;
    if (!is_json(*claims) || json_kind(*claims) != JSON_OBJECT)
        return fail(err, ERROR_USAGE,
                    "--claims is no JSON object; write one like {\"team\":\"blue\"}");
    return check_claim_names(*claims, err);
}

static bool read_info(const struct args *args, struct slice *info, struct error *err)
{
    *info = slice_of(args_find(args, "info"));
    return info->at == NULL || is_json(*info) ||
           fail(err, ERROR_USAGE, "--info is no JSON; write something like {\"name\":\"Ann\"}");
}

static bool read_grant(const struct args *args, struct grant *grant, struct error *err)
{
    const char *lifetime = args_find(args, "expires");
    grant->now_s = clock_unix_ms() / 1000;
    if (args_find(args, "user") == NULL)
        return fail(err, ERROR_USAGE, "who is the token for? --user=NAME");
    return read_text(args, "user", &grant->user, err) &&
           read_text(args, "roles", &grant->roles, err) && read_claims(args, &grant->claims, err) &&
           read_info(args, &grant->info, err) &&
           parse_lifetime(lifetime ? lifetime : "1h", &grant->lifetime_s, err);
}

/* As the server will look at it: too long, nested too deeply, too many names. */
static bool check_token(struct slice token, struct slice secret, int64_t now_s, struct error *err)
{
    struct jwt jwt;
    struct error reason;
    if (jwt_verify(token, &(struct jwt_keys){.hmac_secret = secret}, now_s, &jwt, &reason)) {
        jwt_finish(&jwt);
        return true;
    }
    return fail(err, ERROR_USAGE, "the server would refuse this token: %s", reason.text);
}

static bool sign(const struct config *config, const struct grant *grant, struct error *err)
{
    struct buf token = {0};
    struct slice secret = slice_of(config->token_secret);
    if (secret.len == 0)
        return fail(err, ERROR_CONFIG,
                    "a token needs the secret of the server that will check it: WEIR_TOKEN_SECRET, "
                    "WEIR_TOKEN_SECRET_FILE or --token-secret");
    grant_sign(&token, grant, secret);
    bool is_right = check_token(buf_slice(&token), secret, grant->now_s, err);
    buf_add_byte(&token, '\n');
    if (is_right)
        put_out(&token);
    buf_finish(&token);
    return is_right;
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
    {.name = "user",
     .metavar = "NAME",
     .help = "who the token is for (sub); required",
     .kind = OPTION_TEXT},
    {.name = "roles",
     .metavar = "LIST",
     .help = "the user's roles, comma-separated",
     .kind = OPTION_TEXT},
    {.name = "claims",
     .metavar = "JSON",
     .help = "an object of more claims, for rules and scripts",
     .kind = OPTION_TEXT},
    {.name = "info",
     .metavar = "JSON",
     .help = "what others are told about the user",
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
    "weir token --user ann --claims '{\"team\":\"blue\"}' --info '{\"name\":\"Ann\"}'",
    NULL,
};

const struct command command_token = {
    .name = "token",
    .summary = "make a connection token, to try things with",
    .details = "  The token is HS256, signed with the same secret that the server checks with.\n",
    .examples = examples,
    .flags = flags,
    .required = "--user NAME",
    .options = OPTION_BIT(token_secret),
    .run = run,
};
