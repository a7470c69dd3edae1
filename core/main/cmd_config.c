#include "main/args.h"

static enum exit_code run(const struct args *args)
{
    struct config config;
    struct error err;
    struct buf out = {0};
    bool is_right = args_read_config(args, &config, &err);
    if (is_right)
        config_put(&config, &out, args_has(args, "json"));
    put_out(&out);
    buf_finish(&out);
    config_finish(&config);
    return is_right ? EXIT_OK : talk_failure(&err);
}

static const struct option_row flags[] = {FLAG_JSON, {.name = NULL}};
static const char *const examples[] = {
    "weir config",
    "weir config --config /etc/weir/weir.lua",
    "weir config --json | jq '.listen.value'",
    NULL,
};

const struct command command_config = {
    .name = "config",
    .summary = "print every option with its value and where that comes from",
    .details = "  Takes every option of `weir serve`, and --dev-anywhere of `weir dev`. Secrets "
               "are never\n"
               "  printed. With --json {\"OPTION\":{\"value\",\"source\"}}: value is null where "
               "there is none\n"
               "  and for secrets, which have \"set\": true or false.\n",
    .examples = examples,
    .flags = flags,
    .options = OPTIONS_ALL,
    .run = run,
};
