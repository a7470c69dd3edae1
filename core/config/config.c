#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "config/address.h"
#include "config/options.h"
#include "script/settings.h"

enum { SECRET_BYTES_MAX = 64 * 1024 };
#define FILE_SUFFIX "_FILE"

/* The reading in progress: the text that counts for each option so far. Sources go to config at
 * once. */
struct reading {
    struct config *config;
    char *text[OPTION_COUNT];
    const char *path; /* of the file, NULL: none */
};

static void decide(struct reading *reading, enum option_id id, const char *text, const char *kind,
                   const char *place)
{
    struct buf source = {0};
    reading->config->line[id] = 0;
    buf_printf(&source, "%s%s%s", kind, *place ? " " : "", place);
    free(reading->config->source[id]);
    free(reading->text[id]);
    reading->config->source[id] = xstrdup(buf_text(&source));
    reading->text[id] = xstrdup(text);
    buf_finish(&source);
}

static void read_defaults(struct reading *reading)
{
    for (int id = 0; id < OPTION_COUNT; id++)
        decide(reading, (enum option_id)id, option_rows[id].value, "default", "");
}

struct hint {
    char text[OPTION_NAME_MAX + sizeof "; did you mean --?"];
};

/* "; did you mean listen?", or nothing. */
static struct hint did_you_mean(struct slice wrong, enum spelling spelling)
{
    struct option_name nearest;
    struct hint hint = {0};
    if (option_suggest(wrong, spelling, &nearest))
        snprintf(hint.text, sizeof hint.text, "; did you mean %s%s?",
                 spelling == SPELLING_FLAG ? "--" : "", nearest.text);
    return hint;
}

/* --- the file --- */

struct place {
    char text[300];
};

/* "weir.lua:3", or without the line where it is not known. */
static struct place place_in(const char *path, unsigned line)
{
    struct place place;
    snprintf(place.text, sizeof place.text, line > 0 ? "%s:%u" : "%s", path, line);
    return place;
}

static bool read_setting(void *context, const struct setting *setting, struct error *err)
{
    struct reading *reading = context;
    struct slice key = slice_of(setting->key);
    struct place place = place_in(reading->path, setting->line);
    struct error reason;
    int id = option_find(key, SPELLING_KEY);
    if (id == OPTION_UNKNOWN)
        return fail(err, ERROR_CONFIG, "%s: there is no option %s%s", place.text, setting->key,
                    did_you_mean(key, SPELLING_KEY).text);
    if (!option_check_kind((enum option_id)id, setting->kind, &reason))
        return fail(err, ERROR_CONFIG, "%s: %s: %s", place.text, setting->key, reason.text);
    decide(reading, (enum option_id)id, setting->value, "file", reading->path);
    reading->config->line[id] = setting->line;
    return true;
}

static bool read_file(struct reading *reading, struct error *err)
{
    return reading->path == NULL || settings_read(reading->path, read_setting, reading, err);
}

/* --- the environment --- */

static bool is_secret(int id)
{
    return id != OPTION_UNKNOWN && option_rows[id].kind == OPTION_SECRET;
}

/* The value of a variable; an empty one counts as not set. */
static const char *find_variable(char **environment, const char *name)
{
    size_t len = strlen(name);
    for (char **at = environment; *at != NULL; at++)
        if (strncmp(*at, name, len) == 0 && (*at)[len] == '=' && (*at)[len + 1] != '\0')
            return *at + len + 1;
    return NULL;
}

static void drop_last_newline(struct buf *text)
{
    if (text->len > 0 && text->at[text->len - 1] == '\n')
        text->len--;
    if (text->len > 0 && text->at[text->len - 1] == '\r')
        text->len--;
}

static bool read_whole_file(const char *path, struct buf *out, struct error *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return fail(err, ERROR_CONFIG, "cannot read %s: %s", path, strerror(errno));
    errno = 0;
    out->len = fread(buf_reserve(out, SECRET_BYTES_MAX + 1), 1, SECRET_BYTES_MAX + 1, file);
    int reason = ferror(file) ? errno : 0;
    fclose(file);
    if (reason != 0)
        return fail(err, ERROR_CONFIG, "cannot read %s: %s", path, strerror(reason));
    if (out->len > SECRET_BYTES_MAX)
        return fail(err, ERROR_CONFIG, "%s is larger than 64 KiB", path);
    drop_last_newline(out);
    if (out->len == 0 || memchr(out->at, '\0', out->len) != NULL)
        return fail(err, ERROR_CONFIG, "%s is empty or holds a zero byte", path);
    return true;
}

static bool read_secret_file(struct reading *reading, enum option_id id, const char *variable,
                             const char *path, struct error *err)
{
    struct buf secret = {0};
    struct error reason;
    bool is_read = read_whole_file(path, &secret, &reason);
    if (is_read)
        decide(reading, id, buf_text(&secret), "environment", variable);
    else
        fail(err, ERROR_CONFIG, "%s: %s", variable, reason.text);
    buf_finish(&secret);
    return is_read;
}

static bool read_variable(struct reading *reading, enum option_id id, char **environment,
                          struct error *err)
{
    struct option_name name = option_spell(option_rows[id].name, SPELLING_VARIABLE);
    char file_name[OPTION_NAME_MAX + sizeof FILE_SUFFIX];
    snprintf(file_name, sizeof file_name, "%s" FILE_SUFFIX, name.text);
    const char *value = find_variable(environment, name.text);
    const char *path = find_variable(environment, file_name);
    if (value != NULL)
        decide(reading, id, value, "environment", name.text);
    if (path == NULL || !is_secret((int)id))
        return true;
    if (value != NULL)
        return fail(err, ERROR_CONFIG, "%s and %s are both set; unset one of them", name.text,
                    file_name);
    return read_secret_file(reading, id, file_name, path, err);
}

/* WEIR_API_KEY of WEIR_API_KEY_FILE; other names as they are. */
static struct slice without_suffix(struct slice name)
{
    size_t len = sizeof FILE_SUFFIX - 1;
    bool has_suffix = name.len > len && memcmp(name.at + name.len - len, FILE_SUFFIX, len) == 0;
    return slice_make(name.at, has_suffix ? name.len - len : name.len);
}

/* A machine may have a WEIR_... of its own, as one gets from a container platform whose service is
 * called weir; one that is nearly an option's is a slip that would leave an option unset unnoticed.
 */
static bool check_variable_name(struct slice name, struct error *err)
{
    struct option_name nearest;
    struct slice stem = without_suffix(name);
    int id = option_find(stem, SPELLING_VARIABLE);
    bool names_file = stem.len < name.len;
    if (id != OPTION_UNKNOWN && (!names_file || is_secret(id)))
        return true;
    if (id != OPTION_UNKNOWN)
        return fail(err, ERROR_CONFIG,
                    "%.*s is set, but only secrets are read from files; set %.*s", SLICE_ARGS(name),
                    SLICE_ARGS(stem));
    if (slice_is(name, "WEIR_CONFIG") || !option_suggest(stem, SPELLING_VARIABLE, &nearest))
        return true;
    names_file = names_file && is_secret(option_find(slice_of(nearest.text), SPELLING_VARIABLE));
    return fail(err, ERROR_CONFIG, "%.*s is set but is no option; did you mean %s%s?",
                SLICE_ARGS(name), nearest.text, names_file ? FILE_SUFFIX : "");
}

static bool check_variable_names(char **environment, struct error *err)
{
    for (char **at = environment; *at != NULL; at++)
        if (!check_variable_name(slice_make(*at, strcspn(*at, "=")), err))
            return false;
    return true;
}

static bool read_environment(struct reading *reading, char **environment, struct error *err)
{
    for (int id = 0; id < OPTION_COUNT; id++)
        if (!read_variable(reading, (enum option_id)id, environment, err))
            return false;
    return check_variable_names(environment, err);
}

/* --- the command line --- */

static bool read_flag(struct reading *reading, const struct flag *flag, struct error *err)
{
    struct slice name = slice_of(flag->name);
    if (slice_is(name, "config"))
        return true;
    int id = option_find(name, SPELLING_FLAG);
    if (id == OPTION_UNKNOWN)
        return fail(err, ERROR_USAGE, "there is no flag --%s%s", flag->name,
                    did_you_mean(name, SPELLING_FLAG).text);
    const char *value = flag->value;
    if (value == NULL && option_rows[id].kind == OPTION_FLAG)
        value = "true";
    if (value == NULL)
        return fail(err, ERROR_USAGE, "--%s needs a value: --%s=%s", flag->name, flag->name,
                    option_rows[id].metavar);
    decide(reading, (enum option_id)id, value, "flag", "");
    return true;
}

static bool read_flags(struct reading *reading, const struct flag *flags, unsigned count,
                       struct error *err)
{
    for (unsigned i = 0; i < count; i++)
        if (!read_flag(reading, &flags[i], err))
            return false;
    return true;
}

static const char *find_path(const struct flag *flags, unsigned count, char **environment)
{
    for (unsigned i = count; i > 0; i--)
        if (strcmp(flags[i - 1].name, "config") == 0)
            return flags[i - 1].value;
    return find_variable(environment, "WEIR_CONFIG");
}

/* --- the result --- */

/* Where the operator has to look: "--listen", "WEIR_LISTEN", "weir.lua:3: listen". */
static void put_place(struct buf *out, const struct config *config, enum option_id id)
{
    const char *source = config->source[id], *name = option_rows[id].name;
    size_t kind = strcspn(source, " ");
    if (strncmp(source, "environment", kind) == 0)
        buf_add_text(out, source + kind + 1);
    else if (strncmp(source, "file", kind) == 0)
        buf_printf(out, "%s: %s", place_in(source + kind + 1, config->line[id]).text,
                   option_spell(name, SPELLING_KEY).text);
    else
        buf_printf(out, "--%s", name);
}

static bool fail_option(const struct config *config, enum option_id id, const char *reason,
                        struct error *err)
{
    struct buf place = {0};
    put_place(&place, config, id);
    enum error_code code = strcmp(config->source[id], "flag") == 0 ? ERROR_USAGE : ERROR_CONFIG;
    fail(err, code, "%s: %s", buf_text(&place), reason);
    buf_finish(&place);
    return false;
}

static bool settle(struct reading *reading, struct error *err)
{
    struct error reason;
    for (int id = 0; id < OPTION_COUNT; id++) {
        if (!option_check((enum option_id)id, reading->text[id], &reason))
            return fail_option(reading->config, (enum option_id)id, reason.text, err);
        option_set(reading->config, (enum option_id)id, reading->text[id]);
    }
    return true;
}

static bool check_together(const struct config *config, struct error *err)
{
    char reason[160];
    if (config->pong_ms >= config->ping_ms) {
        bool is_default = strcmp(config->source[OPTION_ID_ping_ms], "default") == 0;
        snprintf(
            reason, sizeof reason,
            "a pong must be late before the next ping goes out, so ping-ms (%llu) has to be larger "
            "than pong-ms (%llu)",
            config->ping_ms, config->pong_ms);
        return fail_option(config, is_default ? OPTION_ID_pong_ms : OPTION_ID_ping_ms, reason, err);
    }
    if ((*config->tls_cert == '\0') == (*config->tls_key == '\0'))
        return true;
    return *config->tls_key == '\0'
               ? fail_option(config, OPTION_ID_tls_cert, "TLS needs --tls-key as well", err)
               : fail_option(config, OPTION_ID_tls_key, "TLS needs --tls-cert as well", err);
}

bool config_read(struct config *config, const struct flag *flags, unsigned flag_count,
                 char **environment, struct error *err)
{
    *config = (struct config){0};
    struct reading reading = {config, .path = find_path(flags, flag_count, environment)};
    read_defaults(&reading);
    bool is_read = read_file(&reading, err) && read_environment(&reading, environment, err) &&
                   read_flags(&reading, flags, flag_count, err) && settle(&reading, err) &&
                   check_together(config, err);
    for (int id = 0; id < OPTION_COUNT; id++)
        free(reading.text[id]);
    return is_read;
}

void config_finish(struct config *config)
{
    for (int id = 0; id < OPTION_COUNT; id++) {
        option_finish(config, (enum option_id)id);
        free(config->source[id]);
    }
    *config = (struct config){0};
}

static bool check_readable(const struct config *config, enum option_id id, const char *path,
                           struct error *err)
{
    char reason[ERROR_TEXT_MAX / 2];
    FILE *file = fopen(path, "re");
    if (file != NULL && fgetc(file) != EOF) {
        fclose(file);
        return true;
    }
    snprintf(reason, sizeof reason, "cannot read %s: %s", path,
             file == NULL || ferror(file) ? strerror(errno) : "it is empty");
    if (file != NULL)
        fclose(file);
    return fail_option(config, id, reason, err);
}

static bool check_reach(const struct config *config, struct error *err)
{
    struct address address;
    char reason[ERROR_TEXT_MAX / 2];
    if (!config->is_dev || config->dev_anywhere)
        return true;
    ensure(address_parse(slice_of(config->listen), &address, NULL));
    if (address_is_loopback(&address))
        return true;
    snprintf(
        reason, sizeof reason,
        "%.280s can be reached from other machines, and weir dev lets everybody be whoever they "
        "say; use 127.0.0.1, or add --dev-anywhere if that is what you want",
        config->listen);
    return fail_option(config, OPTION_ID_listen, reason, err);
}

bool config_check_serving(const struct config *config, struct error *err)
{
    if (*config->tls_cert != '\0' &&
        (!check_readable(config, OPTION_ID_tls_cert, config->tls_cert, err) ||
         !check_readable(config, OPTION_ID_tls_key, config->tls_key, err)))
        return false;
    return check_reach(config, err);
}
