#include "main/args.h"
#include "main/swap.h"

static enum exit_code reload(const struct args *args, const struct config *config)
{
    struct swap swap = {"/api/reload", SLICE("{}"), "not reloaded"};
    return swap_ask(config, &swap, args_has(args, "json"));
}

static enum exit_code run(const struct args *args)
{
    return args_with_config(args, reload);
}

static const struct option_row flags[] = {FLAG_JSON, {.name = NULL}};
static const char *const examples[] = {
    "weir reload",
    "WEIR_API_KEY_FILE=/run/secrets/api-key weir reload",
    "weir reload --config /etc/weir/weir.lua",
    "weir reload --listen 127.0.0.1:9000 --json | jq .generation",
    "weir reload --listen 127.0.0.1:8443 --tls-cert cert.pem --tls-key key.pem",
    NULL,
};

const struct command command_reload = {
    .name = "reload",
    .summary = "make the running server take the scripts as they are on its disk now",
    .details = "  Asks the server at --listen by its API. Scripts that do not load change nothing: "
               "the reasons\n"
               "  are told as by `weir check` and the exit code is 1. `weir dev` needs no key.\n"
               "  With --tls-cert it speaks TLS, and with nobody who shows another certificate.\n",
    .examples = examples,
    .flags = flags,
    .options = SWAP_OPTIONS,
    .run = run,
};
