#include "main/serve.h"

static enum exit_code run(const struct args *args)
{
    return serve(args, SERVE_PRODUCTION);
}

static const char *const examples[] = {
    "weir serve",
    "weir serve --config /etc/weir/weir.lua",
    "weir serve --scripts scripts --listen 0.0.0.0:8000 --workers 4",
    "WEIR_TOKEN_SECRET_FILE=/run/secrets/token weir serve --log json",
    NULL,
};

const struct command command_serve = {
    .name = "serve",
    .summary = "run the server",
    .details = "  Prints its address on stdout when it accepts, and its log on stderr. SIGHUP "
               "reloads the\n"
               "  scripts, SIGTERM tells clients to come back elsewhere and ends it.\n",
    .examples = examples,
    .options = OPTIONS_ALL & ~OPTION_BIT(dev_anywhere),
    .run = run,
};
