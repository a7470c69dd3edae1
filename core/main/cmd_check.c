#include "main/args.h"
#include "main/report.h"
#include "script/catalogue.h"

static struct script_set *load(const struct config *config, struct problems *problems)
{
    struct catalogue_options options = {.folder = config->scripts, .limits = SCRIPT_LIMITS_DEFAULT};
    options.limits.cpu_ms = (unsigned)config->hook_ms;
    options.limits.env = config->script_env;
    options.limits.memory = config->hook_bytes;
    return catalogue_load(&options, 1, problems);
}

static void put_json(bool is_right, const struct problems *problems)
{
    struct buf out = {0};
    buf_printf(&out, "{\"ok\":%s,\"problems\":", is_right ? "true" : "false");
    report_put_json(&out, problems);
    buf_add_text(&out, "}\n");
    put_out(&out);
    buf_finish(&out);
}

static const char *plural(unsigned count)
{
    return count == 1 ? "" : "s";
}

static void put_talk(const struct config *config, const struct script_set *set,
                     const struct problems *problems)
{
    if (set == NULL) {
        report_put(stderr, config->scripts, problems);
        talk("%u problem%s: these scripts would not be served", problems->count,
             plural(problems->count));
        return;
    }
    unsigned scripts = set->script_count, types = set->generation.type_count;
    talk("%s is right: %u script%s, %u channel pattern%s", config->scripts, scripts,
         plural(scripts), types, plural(types));
}

static enum exit_code check(const struct args *args, const struct config *config)
{
    struct problems problems = {0};
    struct script_set *set = load(config, &problems);
    bool is_right = set != NULL;
    if (args_has(args, "json"))
        put_json(is_right, &problems);
    else
        put_talk(config, set, &problems);
    problems_finish(&problems);
    script_set_destroy(set);
    return is_right ? EXIT_OK : EXIT_FAILED;
}

static enum exit_code run(const struct args *args)
{
    return args_with_config(args, check);
}

static const struct option_row flags[] = {FLAG_JSON, {.name = NULL}};
static const char *const examples[] = {
    "weir check",
    "weir check examples/chat",
    "weir check --json | jq '.problems[]'",
    NULL,
};

const struct command command_check = {
    .name = "check",
    .summary = "load the scripts as the server would, and tell everything that is wrong",
    .details =
        "  Errors are told as DIR/FILE:LINE: reason, with the line, on stderr; with --json as\n"
        "  {\"ok\":false,\"problems\":[{\"file\",\"line\",\"source\",\"reason\"}]} on stdout, file "
        "without\n"
        "  DIR, as in the log and in `weir reload`.\n",
    .examples = examples,
    .flags = flags,
    .options = OPTION_BIT(scripts) | OPTION_BIT(script_env) | OPTION_BIT(hook_ms) | OPTION_BIT(hook_bytes),
    .operand = "DIR",
    .operand_option = "scripts",
    .run = run,
};
