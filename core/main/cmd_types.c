#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/asset.h"
#include "main/args.h"
#include "main/place.h"

/* What is written: two files that are ours, and two that may be somebody's own. */
static const char definitions[] = "weir.d.lua", test_definitions[] = "weir.test.d.lua";

static void read_file(const char *folder, const char *name, struct buf *text)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    size_t n;
    if (file == NULL)
        return;
    while ((n = fread(buf_reserve(text, 4096), 1, 4096, file)) > 0)
        text->len += n;
    fclose(file);
}

/* ---- the names, of the definitions ---- */

/* "function a.b.c(" or "a = {}" at the start of a line: its global name and that name's member,
 * absent when there is none. */
static bool read_name(struct slice line, struct slice *global, struct slice *member)
{
    static const char head[] = "function ", letters[] = "abcdefghijklmnopqrstuvwxyz_";
    size_t skip = sizeof head - 1;
    bool is_function = slice_begins(line, head);
    struct slice rest = is_function ? slice_make(line.at + skip, line.len - skip) : line;
    size_t len = 0;
    while (len < rest.len && strchr(letters, rest.at[len]) != NULL)
        len++;
    *global = slice_make(rest.at, len);
    *member = (struct slice){0};
    rest = slice_make(rest.at + len, rest.len - len);
    if (len == 0 || rest.len == 0)
        return false;
    if (is_function && rest.at[0] == '.')
        *member = slice_make(rest.at + 1, strcspn(rest.at + 1, "("));
    return is_function || slice_begins(rest, " = {}");
}

static bool next_line(struct slice *text, struct slice *line)
{
    if (text->len == 0)
        return false;
    const char *end = memchr(text->at, '\n', text->len);
    size_t len = end != NULL ? (size_t)(end - text->at) : text->len;
    *line = slice_make(text->at, len);
    *text = slice_make(text->at + len, text->len - len);
    if (end != NULL)
        *text = slice_make(text->at + 1, text->len - 1);
    return true;
}

static void put_members(struct buf *out, struct slice text, struct slice of)
{
    struct slice line, global, member;
    while (next_line(&text, &line))
        if (read_name(line, &global, &member) && member.at != NULL && slice_is_equal(global, of))
            buf_printf(out, "%.*s = {}, ", SLICE_ARGS(member));
}

/* Lua's own libraries are as the tools know them. */
static const char *const stock[] = {"math", "string", "table", "utf8"};

static bool is_stock(struct slice name)
{
    for (size_t i = 0; i < sizeof stock / sizeof *stock; i++)
        if (slice_is(name, stock[i]))
            return true;
    return false;
}

static void put_global(struct buf *out, struct slice text, struct slice global, bool is_table)
{
    buf_printf(out, "    %.*s = {", SLICE_ARGS(global));
    if (is_table) {
        buf_add_text(out, " fields = { ");
        put_members(out, text, global);
        buf_add_text(out, slice_is(global, "json") ? "null = {}, } " : "} ");
    }
    buf_add_text(out, "},\n");
}

/* The names that scripts see, as a standard of luacheck; specs have all of Lua, and busted. */
static void put_luacheck(struct buf *out, struct slice text)
{
    struct slice rest = text, line, global, member;
    buf_add_text(out, "-- luacheck: written by `weir types`.\n"
                      "stds.weir = {\n"
                      "  globals = { server = { other_fields = true } },\n"
                      "  read_globals = {\n");
    for (size_t i = 0; i < sizeof stock / sizeof *stock; i++)
        buf_printf(out, "    %s = { other_fields = true },\n", stock[i]);
    while (next_line(&rest, &line))
        if (read_name(line, &global, &member) && member.at == NULL && !is_stock(global) &&
            !slice_is(global, "server"))
            put_global(out, text, global, !slice_begins(line, "function "));
    buf_add_text(out, "  },\n}\n"
                      "std = \"weir\"\n"
                      "max_line_length = false\n"
                      "unused_args = false -- a hook need not look at all it is given\n"
                      "files[\"**/*_spec.lua\"] = { std = \"lua54+busted\" }\n"
                      "exclude_files = { \"**/*.d.lua\" }\n");
}

static const char luarc[] =
    "{\n"
    "  \"runtime.version\": \"Lua 5.4\",\n"
    "  \"runtime.builtin\": {\n"
    "    \"basic\": \"disable\", \"coroutine\": \"disable\", \"debug\": \"disable\", \"io\": "
    "\"disable\",\n"
    "    \"os\": \"disable\", \"package\": \"disable\"\n"
    "  },\n"
    "  \"runtime.path\": [\"?.lua\", \"lib/?.lua\", \"lib/?/init.lua\"],\n"
    "  \"diagnostics.globals\": [\"describe\", \"it\", \"pending\", \"before_each\", "
    "\"after_each\", \"setup\", \"teardown\",\n"
    "    \"lazy_setup\", \"lazy_teardown\", \"finally\", \"spy\", \"stub\", \"mock\", \"match\", "
    "\"io\", \"print\"]\n"
    "}\n";

/* ---- writing ---- */

/* One that is there and says something else is somebody's own. */
static bool write_unless_own(const char *folder, const char *name, struct slice text,
                             struct error *err)
{
    struct buf there = {0};
    read_file(folder, name, &there);
    bool is_own = there.len > 0 && !slice_is_equal(buf_slice(&there), text) &&
                  !slice_begins(buf_slice(&there), "-- luacheck: written by `weir types`");
    buf_finish(&there);
    if (is_own) {
        talk("%s/%s is your own, and is left as it is; `weir types` in an empty folder shows what "
             "it would be",
             folder, name);
        return true;
    }
    return place_file(folder, name, text, PLACE_OVER, err);
}

static bool write_all(const char *folder, struct error *err)
{
    struct slice api = asset_find("lua/weir.d.lua"), test = asset_find("lua/weir.test.d.lua");
    struct buf luacheck = {0};
    put_luacheck(&luacheck, api);
    bool is_written = place_file(folder, definitions, api, PLACE_OVER, err) &&
                      place_file(folder, test_definitions, test, PLACE_OVER, err) &&
                      write_unless_own(folder, ".luarc.json", slice_of(luarc), err) &&
                      write_unless_own(folder, ".luacheckrc", buf_slice(&luacheck), err);
    buf_finish(&luacheck);
    return is_written;
}

static enum exit_code act(const struct args *args, const struct config *config)
{
    struct error err;
    (void)args;
    if (!write_all(config->scripts, &err))
        return talk_failure(&err);
    talk("%s has %s, %s, .luarc.json and .luacheckrc", config->scripts, definitions,
         test_definitions);
    return EXIT_OK;
}

static enum exit_code run(const struct args *args)
{
    return args_with_config(args, act);
}

static const char *const examples[] = {"weir types", "weir types examples/chat", NULL};

const struct command command_types = {
    .name = "types",
    .summary = "tell editors and luacheck what scripts see",
    .details = "  Writes into DIR\n"
               "    weir.d.lua       every function and option, for the Lua language server\n"
               "    weir.test.d.lua  what specs require, for it too\n"
               "    .luarc.json      its settings\n"
               "    .luacheckrc      the same names for luacheck\n"
               "  The last two are left as they are where they are your own. Scripts need none of "
               "them.\n",
    .examples = examples,
    .options = OPTION_BIT(scripts),
    .operand = "DIR",
    .operand_option = "scripts",
    .run = run,
};
