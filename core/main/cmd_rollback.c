#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "main/args.h"
#include "main/swap.h"

enum { DIGITS_MAX = 9 };

/* A generation's number; 0: none is named. */
static bool read_number(const char *text, unsigned long *number, struct error *err)
{
    size_t len = text == NULL ? 0 : strlen(text);
    *number = 0;
    if (text == NULL)
        return true;
    for (size_t i = 0; i < len; i++)
        if (!isdigit((unsigned char)text[i]))
            len = 0;
    if (len > 0 && len <= DIGITS_MAX)
        *number = strtoul(text, NULL, 10);
    return *number > 0 ||
           fail(err, ERROR_USAGE, "\"%s\" is no number of a generation; the log has them", text);
}

static void tell_of_files(void)
{
    fflush(stdout); /* what was done comes first, where both are one stream */
    talk("the files on disk are as they were: the next save or `weir reload` takes them again");
}

static enum exit_code rollback(const struct args *args, const struct config *config)
{
    struct buf body = {0};
    struct error err;
    unsigned long number;
    if (!read_number(args->operands[0], &number, &err))
        return talk_failure(&err);
    if (number == 0)
        buf_add_text(&body, "{}");
    else
        buf_printf(&body, "{\"generation\":%lu}", number);
    struct swap swap = {"/api/rollback", buf_slice(&body), "not rolled back"};
    enum exit_code code = swap_ask(config, &swap, args_has(args, "json"));
    if (code == EXIT_OK && !args_has(args, "json"))
        tell_of_files();
    buf_finish(&body);
    return code;
}

static enum exit_code run(const struct args *args)
{
    return args_with_config(args, rollback);
}

static const struct option_row flags[] = {FLAG_JSON, {.name = NULL}};
static const char *const examples[] = {
    "weir rollback",
    "weir rollback 3",
    "weir rollback --listen 127.0.0.1:9000 --json | jq .made_from",
    NULL,
};

const struct command command_rollback = {
    .name = "rollback",
    .summary = "make the running server go back to the scripts that were in force before",
    .details = "  Asks the server at --listen by its API, as `weir reload` does. The last five "
               "generations are\n"
               "  kept in its memory; without N it is the newest that is older than the files in "
               "force. What was\n"
               "  gone back to is a new generation, and the next reload takes the folder again.\n",
    .examples = examples,
    .flags = flags,
    .operand = "N",
    .options = SWAP_OPTIONS,
    .run = run,
};
