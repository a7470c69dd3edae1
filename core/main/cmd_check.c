#include "main/args.h"
#include "main/report.h"
#include "script/advice.h"

static struct script_set *load(const struct config *config, struct problems *problems)
{
    struct catalogue_options options = {.folder = config->scripts, .limits = SCRIPT_LIMITS_DEFAULT};
    options.limits.cpu_ms = (unsigned)config->hook_ms;
    options.limits.env = config->script_env;
    options.limits.memory = config->hook_bytes;
    return catalogue_load(&options, 1, problems);
}

static void put_json(bool is_right, const struct problems *problems,
                     const struct problems *warnings)
{
    struct buf out = {0};
    buf_printf(&out, "{\"ok\":%s,\"problems\":", is_right ? "true" : "false");
    report_put_json(&out, problems);
    buf_add_text(&out, ",\"warnings\":");
    report_put_json(&out, warnings);
    buf_add_text(&out, "}\n");
    put_out(&out);
    buf_finish(&out);
}

static const char *plural(unsigned count)
{
    return count == 1 ? "" : "s";
}

static void put_talk(const struct config *config, const struct script_set *set,
                     const struct problems *problems, const struct problems *warnings)
{
    struct buf more = {0};
    if (set == NULL) {
        report_put(stderr, config->scripts, problems);
        talk("%u problem%s: these scripts would not be served", problems->count,
             plural(problems->count));
        return;
    }
    unsigned scripts = set->script_count, types = set->generation.type_count;
    report_put_warnings(stderr, config->scripts, warnings);
    if (warnings->count > 0)
        buf_printf(&more, ", %u warning%s", warnings->count, plural(warnings->count));
    talk("%s is right: %u script%s, %u channel pattern%s%s", config->scripts, scripts,
         plural(scripts), types, plural(types), buf_text(&more));
    buf_finish(&more);
}

static enum exit_code check(const struct args *args, const struct config *config)
{
    struct problems problems = {0}, warnings = {0};
    struct script_set *set = load(config, &problems);
    if (set != NULL)
        advise(set, &warnings);
    if (args_has(args, "json"))
        put_json(set != NULL, &problems, &warnings);
    else
        put_talk(config, set, &problems, &warnings);
    bool is_well = set != NULL && (warnings.count == 0 || !args_has(args, "strict"));
    problems_finish(&problems);
    problems_finish(&warnings);
    script_set_destroy(set);
    return is_well ? EXIT_OK : EXIT_FAILED;
}

static enum exit_code run(const struct args *args)
{
    return args_with_config(args, check);
}

static const struct option_row flags[] = {
    {.name = "strict", .metavar = "", .help = "a warning is a failure, too", .kind = OPTION_FLAG},
    FLAG_JSON,
    {.name = NULL},
};
static const char *const examples[] = {
    "weir check",
    "weir check examples/chat",
    "weir check --strict scripts",
    "weir check --json | jq '.problems[]'",
    NULL,
};

const struct command command_check = {
    .name = "check",
    .summary = "load the scripts as the server would, and tell everything that is wrong",
    .details =
        "  Errors are told as DIR/FILE:LINE: reason, with the line, on stderr; with --json as\n"
        "  {\"ok\":false,\"problems\":[{\"file\",\"line\",\"source\",\"reason\"}],\"warnings\":[]} "
        "on stdout, "
        "file\n"
        "  without DIR, as in the log and in `weir reload`. A warning is about what loads and can "
        "hardly\n"
        "  be meant: a rule that always comes out the same, a channel that nobody declares.\n",
    .examples = examples,
    .flags = flags,
    .options =
        OPTION_BIT(scripts) | OPTION_BIT(script_env) | OPTION_BIT(hook_ms) | OPTION_BIT(hook_bytes),
    .operand = "DIR",
    .operand_option = "scripts",
    .run = run,
};
