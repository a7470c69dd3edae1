#include "main/args.h"

static enum exit_code run(const struct args *args)
{
    printf(args_has(args, "json") ? "{\"version\":\"%s\"}\n" : "weir %s\n", WEIR_VERSION);
    return EXIT_OK;
}

static const struct option_row flags[] = {FLAG_JSON, {.name = NULL}};
static const char *const examples[] = {"weir version", "weir version --json", NULL};

const struct command command_version = {
    .name = "version",
    .summary = "tell which version this is",
    .examples = examples,
    .flags = flags,
    .run = run,
};
