#include "main/command.h"

#include "base/suggest.h"

enum { COMMANDS_MAX = 24 };

const struct option_row row_help = {
    .name = "help", .metavar = "", .help = "this text (also -h)", .kind = OPTION_FLAG};
const struct option_row row_config = {.name = "config",
                                      .metavar = "FILE",
                                      .help = "read options from this Lua table",
                                      .kind = OPTION_TEXT};

const struct command *const commands[] = {
    &command_new,   &command_dev,     &command_serve,  &command_check,
    &command_test,  &command_types,   &command_reload, &command_rollback,
    &command_pub,
    &command_sub,   &command_call,    &command_config, &command_token,
    &command_bench, &command_version, &command_help,   NULL,
};
_Static_assert(sizeof commands / sizeof *commands <= COMMANDS_MAX, "a bigger COMMANDS_MAX");

const struct command *command_find(const char *name)
{
    for (const struct command *const *at = commands; *at != NULL; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return NULL;
}

bool command_fail_unknown(const char *name, struct error *err)
{
    const char *names[COMMANDS_MAX] = {NULL};
    for (int i = 0; commands[i] != NULL; i++)
        names[i] = commands[i]->name;
    const char *nearest = suggest(slice_of(name), names);
    if (*name == '-')
        return fail(err, ERROR_USAGE, "a command comes before \"%s\"; `weir help` lists them",
                    name);
    if (nearest == NULL)
        return fail(err, ERROR_USAGE, "there is no command \"%s\"; `weir help` lists them", name);
    return fail(err, ERROR_USAGE, "there is no command \"%s\"; did you mean `weir %s`?", name,
                nearest);
}
