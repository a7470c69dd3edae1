#include "main/serve.h"

static enum exit_code run(const struct args *args)
{
    return serve(args, SERVE_DEV);
}

static const char *const examples[] = {
    "weir dev examples/chat",
    "weir dev --listen 127.0.0.1:9000 scripts",
    NULL,
};

const struct command command_dev = {
    .name = "dev",
    .summary = "run the server while you write: scripts follow their files, errors are explained",
    .details =
        "  Saving a script puts it in force at once; one that does not load changes nothing and "
        "is\n"
        "  explained here and on the page. A client without a token is whoever it says it is\n"
        "  (?as=ann&roles=moderator), so only this machine is let in unless you say "
        "--dev-anywhere.\n",
    .examples = examples,
    .options = OPTIONS_ALL,
    .operand = "DIR",
    .operand_option = "scripts",
    .run = run,
};
