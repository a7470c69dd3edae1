#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "main/args.h"
#include "main/command.h"
#include "main/help.h"

static enum exit_code fail_usage(const struct error *err, const struct command *command)
{
    enum exit_code code = talk_failure(err);
    if (command != NULL)
        fprintf(stderr, "Try `weir %s --help`.\n", command->name);
    return code;
}

static enum exit_code run_command(const struct command *command, int argc, char **argv)
{
    struct args args;
    struct error err;
    enum exit_code code = EXIT_OK;
    bool is_right = args_parse(&args, command, argc, argv, &err);
    args.environment = environ;
    if (args.wants_help)
        help_put(stdout, command);
    else if (!is_right)
        code = fail_usage(&err, command);
    else
        code = command->run(&args);
    args_finish(&args);
    return code;
}

static bool is_one_of(const char *word, const char *one, const char *other)
{
    return strcmp(word, one) == 0 || strcmp(word, other) == 0;
}

static enum exit_code run(int argc, char **argv)
{
    struct error err;
    if (argc < 2) {
        help_put_overview(stderr);
        return EXIT_USAGE;
    }
    const char *word = argv[1];
    if (is_one_of(word, "--help", "-h"))
        word = "help";
    if (is_one_of(word, "--version", "-V"))
        word = "version";
    const struct command *command = command_find(word);
    if (command != NULL)
        return run_command(command, argc - 2, argv + 2);
    command_fail_unknown(word, &err);
    return fail_usage(&err, NULL);
}

/* Whoever has gone is told by errno, also where OpenSSL writes. */
int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    enum exit_code code = run(argc, argv);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    talk("cannot write to stdout");
    return code == EXIT_OK ? EXIT_FAILED : code;
}
