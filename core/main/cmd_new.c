#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/asset.h"
#include "base/suggest.h"
#include "main/args.h"
#include "main/place.h"

/* Each is a folder of examples/, compiled in. */
static const char *const templates[] = {"chat", "dashboard", "trading", "doc", "empty", NULL};

static bool fail_template(const char *name, struct error *err)
{
    const char *near = suggest(slice_of(name), templates);
    if (near != NULL)
        return fail(err, ERROR_USAGE, "there is no template \"%s\"; did you mean `weir new %s`?",
                    name, near);
    return fail(err, ERROR_USAGE,
                "there is no template \"%s\"; there are chat, dashboard, trading, doc and empty",
                name);
}

static bool check_words(const struct args *args, struct error *err)
{
    if (args->operands[0] == NULL || args->operands[1] == NULL)
        return fail(err, ERROR_USAGE,
                    "what is to be made, and where? weir new TEMPLATE DIR, with chat, dashboard, "
                    "trading, doc or empty as TEMPLATE");
    for (const char *const *at = templates; *at != NULL; at++)
        if (strcmp(*at, args->operands[0]) == 0)
            return true;
    return fail_template(args->operands[0], err);
}

/* ---- the folder ---- */

static bool is_empty(DIR *dir)
{
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return false;
    return true;
}

/* What is there is never written over. */
static bool make_folder(const char *path, struct error *err)
{
    if (mkdir(path, 0777) == 0)
        return true;
    if (errno != EEXIST)
        return fail(err, ERROR_SYSTEM, "%s cannot be made: %s", path, strerror(errno));
    DIR *dir = opendir(path);
    if (dir == NULL)
        return fail(err, ERROR_SYSTEM, "%s: %s", path, strerror(errno));
    bool is_free = is_empty(dir);
    closedir(dir);
    return is_free ||
           fail(err, ERROR_SYSTEM,
                "%s is not empty: name a folder that is, or one that is not there", path);
}

static bool write_files(const char *template, const char *folder, struct error *err)
{
    char prefix[64];
    size_t len = (size_t)snprintf(prefix, sizeof prefix, "examples/%s/", template);
    const char *path;
    for (size_t n = 0; (path = asset_path(n)) != NULL; n++)
        if (strncmp(path, prefix, len) == 0 &&
            !place_file(folder, path + len, asset_find(path), PLACE_NEW, err))
            return false;
    return true;
}

/* Five lines. */
static bool write_readme(const char *template, const char *folder, struct error *err)
{
    struct buf text = {0};
    buf_printf(
        &text,
        "# %s\n\n"
        "- `weir dev .` runs it: open the printed address, and save `%s.lua` while it runs.\n"
        "- `weir test .` runs `%s_spec.lua`; `weir check .` loads the rules without "
        "running them.\n"
        "- `index.html` is the page. Who you are stands in its address: `?as=ann`.\n",
        template, template, template);
    bool is_written = place_file(folder, "README.md", buf_slice(&text), PLACE_NEW, err);
    buf_finish(&text);
    return is_written;
}

static enum exit_code run(const struct args *args)
{
    struct error err;
    const char *template = args->operands[0], *folder = args->operands[1];
    if (!check_words(args, &err) || !make_folder(folder, &err) ||
        !write_files(template, folder, &err) || !write_readme(template, folder, &err))
        return talk_failure(&err);
    talk("%s is made; next: weir dev %s", folder, folder);
    return EXIT_OK;
}

static const char *const examples[] = {
    "weir new chat my-chat",
    "weir new empty scripts && weir dev scripts",
    NULL,
};

const struct command command_new = {
    .name = "new",
    .summary = "make a folder to begin with: rules, a page, specs",
    .details = "  TEMPLATE is one of\n"
               "    chat       rooms with names, typing, words that are masked\n"
               "    dashboard  numbers of many hosts on many screens, alerts\n"
               "    trading    a market: orders as calls, trades and prices for everybody\n"
               "    doc        a document that several people edit at once\n"
               "    empty      the least that does something\n"
               "  DIR is made; one that is there has to be empty.\n",
    .examples = examples,
    .required = "TEMPLATE DIR",
    .operand_count = 2,
    .run = run,
};
