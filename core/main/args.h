/* The command line of one command, taken apart: its own flags, the server's options, the operand.
 */
#ifndef MAIN_ARGS_H
#define MAIN_ARGS_H

#include "config/config.h"
#include "main/command.h"

/* Owned by main for the run of the command. Texts are borrowed from argv. */
struct args {
    const struct command *command;
    struct flag *options; /* for config_read */
    struct flag *own;
    unsigned option_count, own_count;
    const char *operands[OPERANDS_MAX]; /* NULL behind the last; none where it became an option */
    unsigned operand_count;
    bool wants_help;
    char **environment;
};

/* Reads what follows the command's name; writes into argv. --flag value, --flag=value; after --
 * there are only operands. False and err: ERROR_USAGE with "did you mean". args_finish is right in
 * both cases. */
bool args_parse(struct args *args, const struct command *command, int argc, char **argv,
                struct error *err);
void args_finish(struct args *args);

/* Of the command's own flags: was it given; its value, NULL when not. */
bool args_has(const struct args *args, const char *name);
const char *args_find(const struct args *args, const char *name);

/* config_read with what was given. */
bool args_read_config(const struct args *args, struct config *config, struct error *err);
/* The same for a command that does all of its work with it: tells what is wrong, or does it. */
enum exit_code args_with_config(const struct args *args,
                                enum exit_code (*act)(const struct args *args,
                                                      const struct config *config));

#endif
