#include "config/options.h"

#include <ctype.h>

#include "auth/alg.h"
#include "fetch/allow.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "config/address.h"

/* What an option's value may be: one row an option that is more than any text. */
struct allowed {
    unsigned long long least, most; /* of a number */
    bool may_be_list;               /* in the file */
    bool (*check)(const char *text, struct error *err);
};

enum { HOUR_MS = 3600 * 1000, GIB = 1 << 30 };

static bool check_listen(const char *text, struct error *err)
{
    struct address address;
    return address_parse(slice_of(text), &address, err);
}

static bool check_log(const char *text, struct error *err)
{
    enum log_format format;
    return log_format_parse(text, &format) ||
           fail(err, ERROR_CONFIG, "\"%s\" is no log format; it is logfmt or json", text);
}

static bool check_log_level(const char *text, struct error *err)
{
    enum log_level level;
    return log_level_parse(text, &level) ||
           fail(err, ERROR_CONFIG, "\"%s\" is no log level; it is debug, info, warn or error",
                text);
}

static bool check_http_allow(const char *text, struct error *err)
{
    struct allow *allow = allow_create(text, err);
    bool is_good = allow != NULL;
    allow_destroy(allow);
    return is_good;
}

static bool check_token_algs(const char *text, struct error *err)
{
    unsigned unused;
    return algs_parse(text, &unused, err);
}

static bool check_io(const char *text, struct error *err)
{
    return strcmp(text, "auto") == 0 || strcmp(text, "uring") == 0 || strcmp(text, "send") == 0 ||
           fail(err, ERROR_CONFIG, "\"%s\" is no way to write; it is auto, uring or send", text);
}

static bool check_scripts(const char *text, struct error *err)
{
    return *text != '\0' || fail(err, ERROR_CONFIG, "needs the folder of the scripts");
}

/* It has to fit a header of a request, so that a key that can never match is refused here. */
static bool check_api_key(const char *text, struct error *err)
{
    for (const char *at = text; *at; at++)
        if (!isgraph((unsigned char)*at))
            return fail(err, ERROR_CONFIG, "may hold visible ASCII characters only, no spaces");
    return true;
}

static bool check_test_echo(const char *text, struct error *err)
{
    if (*text == '\0' || (*text == '/' && strpbrk(text, " ?#%") == NULL))
        return true;
    return fail(err, ERROR_CONFIG, "\"%s\" is no path; write something like /echo", text);
}

static bool fail_origin(struct slice origin, const char *why, struct error *err)
{
    return fail(err, ERROR_CONFIG,
                "\"%.*s\" %s; write each origin as the browser sends it, scheme://host or "
                "scheme://host:port, like https://example.org",
                SLICE_ARGS(origin), why);
}

static const char *check_origin_scheme(struct slice scheme)
{
    if (scheme.len == 0 || !islower((unsigned char)scheme.at[0]))
        return "has no lower-case scheme";
    for (size_t i = 0; i < scheme.len; i++) {
        unsigned char c = (unsigned char)scheme.at[i];
        if (!islower(c) && !isdigit(c) && strchr("+-.", c) == NULL)
            return "has no lower-case scheme";
    }
    return NULL;
}

static const char *check_origin_host(struct slice rest)
{
    struct address address;
    if (memchr(rest.at, '/', rest.len) != NULL)
        return "holds a path";
    if (memchr(rest.at, '*', rest.len) != NULL)
        return "holds a wildcard: each origin has to be named";
    for (size_t i = 0; i < rest.len; i++)
        if (isupper((unsigned char)rest.at[i]))
            return "has upper-case letters";
    if (address_parse(rest, &address, NULL))
        return address.port != 0 ? NULL : "has port 0";
    struct buf with_port = {0};
    buf_printf(&with_port, "%.*s:1", SLICE_ARGS(rest));
    bool is_host = address_parse(buf_slice(&with_port), &address, NULL);
    buf_finish(&with_port);
    return is_host ? NULL : "has no host, or a wrong port";
}

static bool ends_with(struct slice text, const char *end)
{
    size_t len = strlen(end);
    return text.len >= len && memcmp(text.at + text.len - len, end, len) == 0;
}

static bool check_origin(struct slice origin, struct error *err)
{
    const char *mark = memmem(origin.at, origin.len, "://", 3);
    if (mark == NULL)
        return fail_origin(origin, "has no scheme", err);
    struct slice scheme = slice_make(origin.at, (size_t)(mark - origin.at));
    struct slice rest = slice_make(mark + 3, origin.len - scheme.len - 3);
    const char *why = check_origin_scheme(scheme);
    if (why == NULL)
        why = check_origin_host(rest);
    if (why == NULL && ((slice_is(scheme, "https") && ends_with(rest, ":443")) ||
                        (slice_is(scheme, "http") && ends_with(rest, ":80"))))
        why = "names its scheme's own port, which browsers leave out";
    return why == NULL || fail_origin(origin, why, err);
}

static bool check_origins(const char *text, struct error *err)
{
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        if (!check_origin(slice_make(text, len), err))
            return false;
        text += len;
        if (*text == ',' && *++text == '\0')
            return fail(err, ERROR_CONFIG, "ends with a comma; an origin has to follow it");
    }
    return true;
}

/* Every number has a row: what is outside of it is a slip, not a wish. */
static const struct allowed allowed[OPTION_COUNT] = {
    [OPTION_ID_scripts] = {.check = check_scripts},
    [OPTION_ID_listen] = {.check = check_listen},
    [OPTION_ID_workers] = {0, 256},
    [OPTION_ID_api_key] = {.check = check_api_key},
    [OPTION_ID_token_keys] = {.may_be_list = true},
    [OPTION_ID_token_algs] = {.may_be_list = true, .check = check_token_algs},
    [OPTION_ID_token_leeway_s] = {0, 300},
    [OPTION_ID_origins] = {.may_be_list = true, .check = check_origins},
    [OPTION_ID_test_echo] = {.check = check_test_echo},
    [OPTION_ID_io] = {.check = check_io},
    [OPTION_ID_log] = {.check = check_log},
    [OPTION_ID_log_level] = {.check = check_log_level},
    [OPTION_ID_deflate_min] = {1, GIB},
    [OPTION_ID_max_message] = {1, 64 << 20},
    [OPTION_ID_max_channels] = {1, 1000000},
    [OPTION_ID_max_connections] = {1, 10000000},
    [OPTION_ID_queue_bytes] = {1024, GIB},
    [OPTION_ID_queue_ms] = {1, HOUR_MS},
    [OPTION_ID_ping_ms] = {2, HOUR_MS},
    [OPTION_ID_pong_ms] = {1, HOUR_MS},
    [OPTION_ID_connect_ms] = {1, HOUR_MS},
    [OPTION_ID_head_ms] = {1, HOUR_MS},
    [OPTION_ID_body_ms] = {1, HOUR_MS},
    [OPTION_ID_idle_ms] = {1, HOUR_MS},
    [OPTION_ID_reload_test_ms] = {100, HOUR_MS},
    [OPTION_ID_auto_rollback] = {0, 100},
    [OPTION_ID_auto_rollback_ms] = {100, HOUR_MS},
    [OPTION_ID_recheck_rate] = {1, 10000000},
    [OPTION_ID_linger_ms] = {0, HOUR_MS},
    [OPTION_ID_drain_ms] = {0, HOUR_MS},
    [OPTION_ID_hook_ms] = {1, 60000},
    [OPTION_ID_hook_timeout_ms] = {1, HOUR_MS},
    [OPTION_ID_hook_queue] = {1, 1000000},
    [OPTION_ID_hook_queue_bytes] = {1024, GIB},
    [OPTION_ID_http_allow] = {.check = check_http_allow},
    [OPTION_ID_http_bytes] = {1024, GIB},
    [OPTION_ID_http_at_once] = {1, 10000},
    [OPTION_ID_http_queue] = {1, 1000000},
    [OPTION_ID_store_bytes] = {64 << 10, 64ull * GIB},
    [OPTION_ID_cache_bytes] = {64 << 10, 64ull * GIB},
    [OPTION_ID_hook_bytes] = {64 << 10, GIB},
};

static bool parse_number(const char *text, unsigned long long *n)
{
    *n = 0;
    for (const char *at = text; *at; at++)
        if (!isdigit((unsigned char)*at) || __builtin_mul_overflow(*n, 10, n) ||
            __builtin_add_overflow(*n, (unsigned)(*at - '0'), n))
            return false;
    return *text != '\0';
}

static bool check_number(const struct allowed *row, const char *text, struct error *err)
{
    unsigned long long n;
    ensure(row->most > 0);
    if (parse_number(text, &n) && n >= row->least && n <= row->most)
        return true;
    return fail(err, ERROR_CONFIG, "\"%s\" is no whole number from %llu to %llu", text, row->least,
                row->most);
}

static bool check_flag(const char *text, struct error *err)
{
    static const char *const words[] = {"true", "false", "1", "0"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return fail(err, ERROR_CONFIG, "\"%s\" is neither true nor false", text);
}

bool option_check_kind(enum option_id id, enum setting_kind kind, struct error *err)
{
    static const char *const names[] = {
        [SETTING_TEXT] = "a string",
        [SETTING_NUMBER] = "a number",
        [SETTING_BOOLEAN] = "true or false",
        [SETTING_LIST] = "a list",
    };
    static const enum setting_kind wanted[] = {
        [OPTION_TEXT] = SETTING_TEXT,
        [OPTION_SECRET] = SETTING_TEXT,
        [OPTION_NUMBER] = SETTING_NUMBER,
        [OPTION_FLAG] = SETTING_BOOLEAN,
    };
    enum setting_kind want = wanted[option_rows[id].kind];
    bool may_be_list = allowed[id].may_be_list;
    if (kind == want || (kind == SETTING_LIST && may_be_list))
        return true;
    return fail(err, ERROR_CONFIG, "has to be %s%s; it is %s", names[want],
                may_be_list ? " or a list of strings" : "", names[kind]);
}

static bool is_printable(const char *text)
{
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return false;
    return utf8_is_valid(slice_of(text));
}

bool option_check(enum option_id id, const char *text, struct error *err)
{
    const struct allowed *row = &allowed[id];
    enum option_kind kind = option_rows[id].kind;
    if (kind != OPTION_SECRET && !is_printable(text))
        return fail(err, ERROR_CONFIG, "holds control characters or is not UTF-8");
    if (kind == OPTION_NUMBER)
        return check_number(row, text, err);
    if (kind == OPTION_FLAG)
        return check_flag(text, err);
    return row->check == NULL || row->check(text, err);
}
