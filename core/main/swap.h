/* Asks a running server to change its scripts for others, and tells what came of it. */
#ifndef MAIN_SWAP_H
#define MAIN_SWAP_H

#include "config/config.h"
#include "main/terminal.h"

struct swap {
    const char *path; /* "/api/reload" */
    struct slice body;
    const char *refused; /* "not reloaded" */
};

enum exit_code swap_ask(const struct config *config, const struct swap *swap, bool as_json);

/* What the commands that do so need of the server's options. */
#define SWAP_OPTIONS                                                                               \
    (OPTION_BIT(listen) | OPTION_BIT(api_key) | OPTION_BIT(tls_cert) | OPTION_BIT(tls_key))

#endif
