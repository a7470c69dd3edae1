#include "main/args.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/suggest.h"
#include "config/options.h"

enum { OWN_FLAGS_MAX = 32, OWNERS_MAX = 16 };

/* Where the reading of argv stands. */
struct cursor {
    char **argv;
    int argc, at;
};

static const struct option_row *find_own(const struct command *command, const char *name)
{
    for (const struct option_row *row = command->flags; row && row->name; row++)
        if (strcmp(row->name, name) == 0)
            return row;
    return strcmp(name, row_help.name) == 0 ? &row_help : NULL;
}

static const struct option_row *find_option(const struct command *command, const char *name)
{
    if (command->options != 0 && strcmp(name, row_config.name) == 0)
        return &row_config;
    int id = option_find(slice_of(name), SPELLING_FLAG);
    if (id == OPTION_UNKNOWN || (command->options >> id & 1) == 0)
        return NULL;
    return &option_rows[id];
}

static const char *suggest_flag(const struct command *command, const char *wrong)
{
    const char *names[OPTION_COUNT + OWN_FLAGS_MAX] = {row_help.name};
    unsigned count = 1;
    for (const struct option_row *row = command->flags; row && row->name; row++)
        names[count++] = row->name;
    for (int id = 0; id < OPTION_COUNT; id++)
        if (command->options >> id & 1)
            names[count++] = option_rows[id].name;
    if (command->options != 0)
        names[count++] = row_config.name;
    ensure(count < sizeof names / sizeof *names);
    return suggest(slice_of(wrong), names);
}

static bool takes(const struct command *command, const char *name)
{
    return find_own(command, name) != NULL || find_option(command, name) != NULL;
}

/* "`weir dev`, `weir serve` and `weir reload`"; nothing when no command takes it. */
static void put_owners(struct buf *out, const char *name)
{
    const struct command *owners[OWNERS_MAX];
    unsigned count = 0;
    for (const struct command *const *at = commands; *at != NULL && count < OWNERS_MAX; at++)
        if (*at != &command_config && takes(*at, name))
            owners[count++] = *at;
    for (unsigned i = 0; i < count; i++)
        buf_printf(out, "%s`weir %s`",
                   i == 0           ? ""
                   : i + 1 == count ? " and "
                                    : ", ",
                   owners[i]->name);
}

static bool fail_flag_of_others(const struct command *command, const char *name, struct error *err)
{
    struct buf owners = {0};
    put_owners(&owners, name);
    bool is_known = owners.len > 0;
    if (is_known)
        fail(err, ERROR_USAGE, "weir %s has no flag --%s; it belongs to %s", command->name, name,
             buf_text(&owners));
    buf_finish(&owners);
    return is_known;
}

static bool fail_flag(const struct command *command, const char *name, struct error *err)
{
    if (fail_flag_of_others(command, name, err))
        return false;
    const char *nearest = suggest_flag(command, name);
    if (nearest != NULL)
        return fail(err, ERROR_USAGE, "weir %s has no flag --%s; did you mean --%s?", command->name,
                    name, nearest);
    return fail(err, ERROR_USAGE, "weir %s has no flag --%s; `weir %s --help` lists them",
                command->name, name, command->name);
}

static bool is_negative(const char *text)
{
    return text[0] == '-' && isdigit((unsigned char)text[1]);
}

/* The value that stands in the next argument. One that looks like a flag is more often a value
 * forgotten; but -1 where a number belongs is a wrong number. */
static const char *take_next(struct cursor *cursor, enum option_kind kind)
{
    if (cursor->at == cursor->argc)
        return NULL;
    const char *next = cursor->argv[cursor->at];
    bool is_number = kind == OPTION_NUMBER && is_negative(next);
    if (next[0] == '-' && next[1] != '\0' && !is_number)
        return NULL;
    cursor->at++;
    return next;
}

static void keep(struct args *args, const struct option_row *row, bool is_own, const char *value)
{
    struct flag flag = {row->name, value};
    if (row == &row_help)
        args->wants_help = true;
    else if (is_own)
        args->own[args->own_count++] = flag;
    else
        args->options[args->option_count++] = flag;
}

/* `name` is what follows the dashes: "listen" or "listen=127.0.0.1:8000". */
static bool parse_flag(struct args *args, char *name, struct cursor *cursor, struct error *err)
{
    char *equals = strchr(name, '=');
    const char *value = NULL;
    if (equals != NULL) {
        *equals = '\0';
        value = equals + 1;
    }
    const struct option_row *own = find_own(args->command, name);
    const struct option_row *row = own ? own : find_option(args->command, name);
    if (row == NULL)
        return fail_flag(args->command, name, err);
    if (own != NULL && row->kind == OPTION_FLAG && value != NULL)
        return fail(err, ERROR_USAGE, "--%s takes no value", name);
    if (row->kind != OPTION_FLAG && value == NULL && (value = take_next(cursor, row->kind)) == NULL)
        return fail(err, ERROR_USAGE, "--%s needs a value: --%s=%s", name, name, row->metavar);
    keep(args, row, own != NULL, value);
    return true;
}

static bool parse_operand(struct args *args, const char *text, struct error *err)
{
    const struct command *command = args->command;
    unsigned most = command->operand_count ? command->operand_count : command->operand != NULL;
    if (args->operand_count == most)
        return fail(err, ERROR_USAGE, "weir %s does not know what to do with \"%s\"", command->name,
                    text);
    args->operands[args->operand_count++] = text;
    return true;
}

/* weir check DIR means --scripts DIR; both at once is a slip. */
static bool settle_operand(struct args *args, struct error *err)
{
    const char *name = args->command->operand_option;
    if (args->operand_count == 0 || name == NULL)
        return true;
    for (unsigned i = 0; i < args->option_count; i++)
        if (strcmp(args->options[i].name, name) == 0)
            return fail(err, ERROR_USAGE, "\"%s\" and --%s are both given; leave one out",
                        args->operands[0], name);
    args->options[args->option_count++] = (struct flag){name, args->operands[0]};
    args->operands[0] = NULL;
    args->operand_count = 0;
    return true;
}

static bool parse_argument(struct args *args, struct cursor *cursor, bool *is_open,
                           struct error *err)
{
    char *text = cursor->argv[cursor->at++];
    if (!*is_open || text[0] != '-' || text[1] == '\0')
        return parse_operand(args, text, err);
    if (strcmp(text, "--") == 0) {
        *is_open = false;
        return true;
    }
    if (strcmp(text, "-h") == 0) {
        args->wants_help = true;
        return true;
    }
    if (text[1] == '-')
        return parse_flag(args, text + 2, cursor, err);
    return fail(err, ERROR_USAGE, "weir %s has no flag %s; flags have two dashes",
                args->command->name, text);
}

bool args_parse(struct args *args, const struct command *command, int argc, char **argv,
                struct error *err)
{
    *args = (struct args){
        .command = command,
        .options = xcalloc((size_t)argc + 1, sizeof *args->options),
        .own = xcalloc((size_t)argc + 1, sizeof *args->own),
    };
    struct cursor cursor = {argv, argc, 0};
    bool is_open = true;
    while (cursor.at < cursor.argc)
        if (!parse_argument(args, &cursor, &is_open, err))
            return false;
    return settle_operand(args, err);
}

void args_finish(struct args *args)
{
    free(args->options);
    free(args->own);
    *args = (struct args){0};
}

static const struct flag *find_given(const struct args *args, const char *name)
{
    for (unsigned i = args->own_count; i > 0; i--)
        if (strcmp(args->own[i - 1].name, name) == 0)
            return &args->own[i - 1];
    return NULL;
}

bool args_has(const struct args *args, const char *name)
{
    return find_given(args, name) != NULL;
}

const char *args_find(const struct args *args, const char *name)
{
    const struct flag *flag = find_given(args, name);
    return flag ? flag->value : NULL;
}

bool args_read_config(const struct args *args, struct config *config, struct error *err)
{
    return config_read(config, args->options, args->option_count, args->environment, err);
}

enum exit_code args_with_config(const struct args *args,
                                enum exit_code (*act)(const struct args *args,
                                                      const struct config *config))
{
    struct config config;
    struct error err;
    enum exit_code code =
        args_read_config(args, &config, &err) ? act(args, &config) : talk_failure(&err);
    config_finish(&config);
    return code;
}
