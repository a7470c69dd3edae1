#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/watch.h"
#include "main/args.h"
#include "test/run.h"

enum { SETTLE_MS = 100 };

static enum exit_code test(const struct args *args, const struct config *config)
{
    struct error err;
    bool passed = false;
    struct test_plan plan = {
        .config = config,
        .filter = args_find(args, "filter"),
        .as_json = args_has(args, "json"),
        .may_be_empty = args_has(args, "if-any"),
        .with_coverage = args_has(args, "coverage"),
        .bad = tone(stdout, TONE_BAD),
        .good = tone(stdout, TONE_GOOD),
        .bold = tone(stdout, TONE_BOLD),
        .dim = tone(stdout, TONE_DIM),
        .plain = tone(stdout, TONE_PLAIN),
    };
    if (!test_run(&plan, &passed, &err))
        return talk_failure(&err);
    return passed ? EXIT_OK : EXIT_FAILED;
}

/* --watch: again and again. */
struct rerun {
    const struct config *config;
    const struct args *args;
};

/* In a process of its own: nothing of one run is left for the next. */
static void test_in_child(void *context)
{
    const struct rerun *rerun = context;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        exit(test(rerun->args, rerun->config) | (fflush(stdout) != 0));
    if (pid < 0 || waitpid(pid, NULL, 0) != pid)
        talk("cannot start another process");
    talk("waiting until something changes in %s", rerun->config->scripts);
}

static enum exit_code watch(const struct args *args, const struct config *config)
{
    struct rerun rerun = {config, args};
    struct error err;
    struct loop *loop = loop_create();
    struct watch *watch = watch_create(loop, config->scripts, SETTLE_MS, test_in_child, &rerun);
    if (watch == NULL) {
        fail(&err, ERROR_SYSTEM, "%s cannot be watched: is it a folder?", config->scripts);
        loop_destroy(loop);
        return talk_failure(&err);
    }
    test_in_child(&rerun);
    loop_run(loop);
    watch_destroy(watch);
    loop_destroy(loop);
    return EXIT_OK;
}

static enum exit_code run(const struct args *args)
{
    return args_with_config(args, args_has(args, "watch") ? watch : test);
}

static const struct option_row flags[] = {
    {.name = "filter",
     .metavar = "TEXT",
     .help = "run only the tests whose name has this text",
     .kind = OPTION_TEXT},
    {.name = "coverage",
     .metavar = "",
     .help = "tell which lines of the scripts never ran",
     .kind = OPTION_FLAG},
    {.name = "watch",
     .metavar = "",
     .help = "run them again whenever a file in DIR changes",
     .kind = OPTION_FLAG},
    {.name = "if-any",
     .metavar = "",
     .help = "that there are none is no failure",
     .kind = OPTION_FLAG},
    FLAG_JSON,
    {.name = NULL},
};
static const char *const examples[] = {
    "weir test",
    "weir test examples/chat --filter moderators",
    "weir test examples/chat --watch",
    "weir test --json | jq '.tests[] | select(.status == \"failed\")'",
    NULL,
};

const struct command command_test = {
    .name = "test",
    .summary =
        "run the specs beside the scripts on the real core, with clients and a clock of their own",
    .details =
        "  Specs are files named like chat_spec.lua, for busted (apt-get install lua-busted), and\n"
        "  use what `require \"weir.test\"` gives them. They are programs of yours: no sandbox is\n"
        "  around them, as it is around the scripts.\n",
    .examples = examples,
    .flags = flags,
    .options = OPTION_BIT(scripts) | OPTION_BIT(script_env) | OPTION_BIT(store_bytes) | OPTION_BIT(cache_bytes) | OPTION_BIT(hook_ms) | OPTION_BIT(hook_bytes) |
               OPTION_BIT(linger_ms) | OPTION_BIT(max_channels) | OPTION_BIT(queue_bytes) |
               OPTION_BIT(queue_ms) | OPTION_BIT(hook_timeout_ms) | OPTION_BIT(hook_queue) |
               OPTION_BIT(hook_queue_bytes),
    .operand = "DIR",
    .operand_option = "scripts",
    .run = run,
};
