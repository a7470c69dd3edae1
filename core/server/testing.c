#include "server/testing.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "loop/child.h"
#include "script/problem.h"
#include "server/inside.h"
#include "wire/json.h"

enum { WORDS_MAX = 32, PROBLEMS_MAX = 20, TAIL_MAX = 600 };

/* ---- what is run ---- */

struct words {
    char *all[WORDS_MAX];
    unsigned count;
};

static void add(struct words *words, const char *text)
{
    ensure(words->count + 1 < WORDS_MAX);
    words->all[words->count++] = xstrdup(text);
}

static void add_number(struct words *words, const char *flag, unsigned long long number)
{
    struct buf text = {0};
    buf_printf(&text, "%s=%llu", flag, number);
    add(words, buf_text(&text));
    buf_finish(&text);
}

static void finish_words(struct words *words)
{
    for (unsigned i = 0; i < words->count; i++)
        free(words->all[i]);
}

static void fill_words(struct words *words, const struct config *config)
{
    add(words, "weir");
    add(words, "test");
    add(words, "--json");
    add(words, "--if-any");
    if (config->script_env[0] != '\0') {
        add(words, "--script-env");
        add(words, config->script_env);
    }
    add_number(words, "--store-bytes", config->store_bytes);
    add_number(words, "--cache-bytes", config->cache_bytes);
    add_number(words, "--hook-ms", config->hook_ms);
    add_number(words, "--hook-bytes", config->hook_bytes);
    add_number(words, "--hook-timeout-ms", config->hook_timeout_ms);
    add_number(words, "--hook-queue", config->hook_queue);
    add_number(words, "--hook-queue-bytes", config->hook_queue_bytes);
    add_number(words, "--linger-ms", config->linger_ms);
    add_number(words, "--max-channels", config->max_channels);
    add_number(words, "--queue-bytes", config->queue_bytes);
    add_number(words, "--queue-ms", config->queue_ms);
    add(words, "--");
    add(words, config->scripts);
}

/* Ours, but for what configures the server: secrets are no business of specs. */
static char **make_environment(void)
{
    size_t count = 0, kept = 0;
    while (environ[count] != NULL)
        count++;
    char **environment = xcalloc(count + 1, sizeof *environment);
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], "WEIR_", 5) != 0)
            environment[kept++] = environ[i];
    return environment;
}

/* ---- how it went ---- */

static void put_text(struct buf *out, struct slice object, const char *name)
{
    struct slice value;
    if (json_find(object, name, &value) && json_kind(value) == JSON_STRING)
        json_unquote(out, value);
}

/* Places begin at the folder of the scripts. */
static const char *within(const char *file, const char *folder)
{
    size_t len = strlen(folder);
    while (len > 0 && folder[len - 1] == '/')
        len--;
    if (strncmp(file, folder, len) != 0 || file[len] != '/')
        return file;
    for (file += len; *file == '/'; file++)
        continue;
    return file;
}

static void add_failure(const struct server *server, struct slice test, struct problems *problems)
{
    struct buf file = {0}, name = {0}, reason = {0};
    struct slice value;
    int64_t line = 0;
    put_text(&file, test, "file");
    put_text(&name, test, "name");
    put_text(&reason, test, "reason");
    if (!json_find(test, "line", &value) || !json_integer(value, &line) || line < 0 ||
        line > INT32_MAX)
        line = 0;
    problem_add(problems, NULL, within(buf_text(&file), server->config->scripts), (int)line,
                "the test \"%s\" fails: %s", buf_text(&name), buf_text(&reason));
    buf_finish(&file);
    buf_finish(&name);
    buf_finish(&reason);
}

static void read_failures(const struct server *server, struct slice report,
                          struct problems *problems)
{
    struct slice tests, test, status;
    struct json_walk walk;
    struct json_fault fault;
    if (!json_check(report, &JSON_LIMITS_DEFAULT, &fault) || !json_find(report, "tests", &tests) ||
        json_kind(tests) != JSON_ARRAY)
        return;
    json_walk_init(&walk, tests);
    while (problems->count < PROBLEMS_MAX && json_walk_item(&walk, &test))
        if (json_kind(test) == JSON_OBJECT && json_find(test, "status", &status) &&
            slice_is(status, "\"failed\""))
            add_failure(server, test, problems);
}

static struct slice trim(struct slice text)
{
    while (text.len > 0 && text.at[text.len - 1] == '\n')
        text.len--;
    return text;
}

/* The report is the last line; specs may have written others. */
static struct slice last_line(struct slice text)
{
    const char *newline = memrchr(text.at, '\n', text.len);
    size_t begins = newline != NULL ? (size_t)(newline + 1 - text.at) : 0;
    return slice_make(text.at + begins, text.len - begins);
}

static void judge(const struct server *server, const struct child_end *end,
                  struct problems *problems)
{
    struct slice text = trim(end->text);
    if (end->is_late) {
        problem_add(problems, NULL, "", 0,
                    "the specs have not ended after %llu ms (--reload-test-ms)",
                    server->config->reload_test_ms);
        return;
    }
    if (end->status == 0)
        return;
    if (text.len > 0)
        read_failures(server, last_line(text), problems);
    size_t len = text.len < TAIL_MAX ? text.len : TAIL_MAX;
    if (problems->count == 0)
        problem_add(problems, NULL, "", 0, "the specs cannot be run: %.*s", (int)len,
                    text.at + text.len - len);
}

/* ---- the steps ---- */

bool testing_is_due(const struct server *server, const struct script_set *set)
{
    return server->config->test_on_reload && set->generation.made_from == 0;
}

static void end(struct server *server, struct problems *problems)
{
    struct testing *testing = &server->reload.testing;
    struct script_set *set = testing->set;
    child_destroy(testing->child);
    testing->child = NULL;
    testing->set = NULL;
    if (problems->count == 0)
        reload_tested(server, set, testing->is_asked);
    else
        reload_refuse(server, set, problems, testing->is_asked);
    problems_finish(problems);
}

static void on_ended(void *context, const struct child_end *how)
{
    struct server *server = context;
    struct problems problems = {0};
    judge(server, how, &problems);
    end(server, &problems);
}

void testing_begin(struct server *server, struct script_set *set, bool is_asked)
{
    struct testing *testing = &server->reload.testing;
    struct words words = {0};
    char **environment = make_environment();
    struct error err;
    fill_words(&words, server->config);
    struct child_plan plan = {
        .path = "/proc/self/exe",
        .arguments = words.all,
        .environment = environment,
        .limit_ms = (unsigned)server->config->reload_test_ms,
        .ended = on_ended,
        .context = server,
    };
    testing->set = set;
    testing->is_asked = is_asked;
    testing->child = child_start(server->loop, server->timers, &plan, &err);
    finish_words(&words);
    free(environment);
    if (testing->child != NULL)
        return;
    struct problems problems = {0};
    problem_add(&problems, NULL, "", 0, "%s", err.text);
    end(server, &problems);
}

void testing_give_way(struct server *server)
{
    struct problems problems = {0};
    if (server->reload.testing.child == NULL)
        return;
    problem_add(&problems, NULL, "", 0, "a rollback was asked for before the specs had ended");
    end(server, &problems);
}

void testing_stop(struct server *server)
{
    struct testing *testing = &server->reload.testing;
    child_destroy(testing->child);
    script_set_destroy(testing->set);
    *testing = (struct testing){0};
}
