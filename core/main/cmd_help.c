#include "main/args.h"
#include "main/help.h"

static enum exit_code run(const struct args *args)
{
    struct error err;
    const struct command *command = args->operands[0] ? command_find(args->operands[0]) : NULL;
    if (args->operands[0] != NULL && command == NULL) {
        command_fail_unknown(args->operands[0], &err);
        return talk_failure(&err);
    }
    if (command != NULL)
        help_put(stdout, command);
    else
        help_put_overview(stdout);
    return EXIT_OK;
}

static const char *const examples[] = {"weir help", "weir help serve", NULL};

const struct command command_help = {
    .name = "help",
    .summary = "tell what the program or one of its commands does",
    .examples = examples,
    .operand = "COMMAND",
    .run = run,
};
