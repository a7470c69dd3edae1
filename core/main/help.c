#include "main/help.h"

#include "base/buf.h"
#include "config/options.h"

enum { FLAG_COLUMN = 26 };

static void put_title(FILE *stream, const char *title)
{
    fprintf(stream, "\n%s%s%s\n", tone(stream, TONE_BOLD), title, tone(stream, TONE_PLAIN));
}

static void put_examples(FILE *stream, const char *const *examples)
{
    put_title(stream, "Examples");
    for (; *examples != NULL; examples++)
        fprintf(stream, "  %s\n", *examples);
}

static void put_flag(FILE *stream, const struct option_row *row)
{
    char words[64];
    snprintf(words, sizeof words, "--%s%s%s", row->name, *row->metavar ? " " : "", row->metavar);
    fprintf(stream, "  %-*s  %s", FLAG_COLUMN, words, row->help);
    if (row->value != NULL && *row->value != '\0' && row->kind != OPTION_FLAG)
        fprintf(stream, " [%s]", row->value);
    fprintf(stream, "\n");
}

static void put_flags(FILE *stream, const struct command *command)
{
    put_title(stream, "Flags");
    for (const struct option_row *row = command->flags; row && row->name; row++)
        put_flag(stream, row);
    put_flag(stream, &row_help);
}

static const char about_options[] =
    "\n  [In brackets: what it is if nobody says.] An option can also be set in the environment\n"
    "  (--tls-cert FILE is WEIR_TLS_CERT=FILE) and in the file (return { tls_cert = \"FILE\" }).\n"
    "  A flag beats the environment, that beats the file. Everybody on a machine can see flags:\n"
    "  let WEIR_API_KEY_FILE and WEIR_TOKEN_SECRET_FILE name files that hold the secrets.\n";

static void put_options(FILE *stream, const struct command *command)
{
    if (command->options == 0)
        return;
    put_title(stream, "Options");
    put_flag(stream, &row_config);
    for (int id = 0; id < OPTION_COUNT; id++)
        if (command->options >> id & 1)
            put_flag(stream, &option_rows[id]);
    fprintf(stream, "%s", about_options);
}

static void put_exit_codes(FILE *stream)
{
    put_title(stream, "Exit codes");
    fprintf(stream, "  0 done, 1 failed, 2 wrong usage or configuration\n");
}

void help_put(FILE *stream, const struct command *command)
{
    fprintf(stream, "weir %s: %s\n", command->name, command->summary);
    put_examples(stream, command->examples);
    put_title(stream, "Usage");
    fprintf(stream, "  weir %s%s%s [flags]%s%s%s\n", command->name, command->required ? " " : "",
            command->required ? command->required : "", command->operand ? " [" : "",
            command->operand ? command->operand : "", command->operand ? "]" : "");
    if (command->details != NULL)
        fprintf(stream, "\n%s", command->details);
    put_flags(stream, command);
    put_options(stream, command);
    put_exit_codes(stream);
}

void help_put_overview(FILE *stream)
{
    static const char *const examples[] = {
        "weir new chat my-chat           a folder to begin with: rules, a page, specs",
        "weir dev my-chat                try it: rules follow the file, the page is on port 8000",
        "weir check my-chat              are the scripts right? before they are served",
        "weir serve --config weir.lua    run it",
        NULL,
    };
    fprintf(stream, "weir: a real-time JSON server whose rules are Lua scripts\n");
    put_examples(stream, examples);
    put_title(stream, "Commands");
    for (const struct command *const *at = commands; *at != NULL; at++)
        fprintf(stream, "  %-*s  %s\n", 8, (*at)->name, (*at)->summary);
    fprintf(stream, "\n  `weir help COMMAND` tells more about each; `weir --version` is -V too.\n");
    put_exit_codes(stream);
}
