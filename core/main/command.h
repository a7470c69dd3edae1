/* What a command of the program is: its words, its flags and the function behind it. One cmd_NAME.c
 * each. */
#ifndef MAIN_COMMAND_H
#define MAIN_COMMAND_H

#include <stdint.h>

#include "config/config.h"
#include "main/terminal.h"

struct args;

enum { OPERANDS_MAX = 8 };

/* Static. A command takes its own flags, the options of the server it needs, and with any of those
 * --config; all take --help. */
struct command {
    const char *name;
    const char *summary;            /* one line, no full stop */
    const char *details;            /* paragraphs for its help, or NULL */
    const char *const *examples;    /* ended by NULL */
    const struct option_row *flags; /* its own, ended by a NULL name; or NULL */
    const char *required;           /* the flags it cannot do without, "--user NAME"; or NULL */
    uint64_t options;               /* OPTION_BIT of each that it needs */
    const char *operand;            /* "DIR", what may stand without a flag; NULL: nothing may */
    unsigned operand_count;     /* how many may, up to OPERANDS_MAX; 0: one if `operand` is there */
    const char *operand_option; /* the option it is short for ("scripts"), or NULL */
    enum exit_code (*run)(const struct args *args);
};

#define OPTION_BIT(field) (UINT64_C(1) << OPTION_ID_##field)
#define OPTIONS_ALL       ((UINT64_C(1) << OPTION_COUNT) - 1)
_Static_assert(OPTION_COUNT < 64, "the options of a command are the bits of one number");

/* A row for the own flags of a command whose output programs read. */
#define FLAG_JSON                                                                                  \
    {                                                                                              \
        .name = "json", .metavar = "", .help = "print JSON for programs", .kind = OPTION_FLAG      \
    }

/* What every command takes, and what every one takes that needs options of the server. */
extern const struct option_row row_help, row_config;

extern const struct command command_new, command_dev, command_serve, command_check, command_test,
    command_types, command_reload, command_rollback, command_pub, command_sub, command_call, command_config,
    command_token, command_bench, command_version, command_help;
extern const struct command *const commands[]; /* in the order of the help; ended by NULL */

const struct command *command_find(const char *name); /* NULL: none */
/* False and err with "did you mean". */
bool command_fail_unknown(const char *name, struct error *err);

#endif
