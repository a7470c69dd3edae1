#include "main/swap.h"

#include <stdlib.h>

#include "base/memory.h"
#include "main/http_client.h"
#include "main/link.h"
#include "main/report.h"
#include "wire/json.h"

enum { SWAP_TIMEOUT_MS = 60 * 1000 };

/* What came of it. */
struct outcome {
    bool is_reloaded;
    uint64_t generation, made_from; /* the latter 0: of a reload */
    struct slice files;       /* a JSON list of names, borrowed from the reply; absent: unknown */
    struct buf reason;        /* why not */
    struct problems problems; /* why not, where the server told it in detail */
};

static void outcome_finish(struct outcome *outcome)
{
    buf_finish(&outcome->reason);
    problems_finish(&outcome->problems);
}

/* --- asking --- */

static bool ask(const struct config *config, const struct swap *swap, struct http_reply *reply,
                struct error *err)
{
    struct http_call call = {
        .tls_cert = config->tls_cert,
        .path = swap->path,
        .api_key = config->api_key,
        .body = swap->body,
        .timeout_ms = SWAP_TIMEOUT_MS,
    };
    *reply = (struct http_reply){0};
    return link_find_server(config, &call.to, err) && http_post(&call, reply, err);
}

/* --- understanding the answer --- */

static void add_string(struct buf *out, struct slice value)
{
    if (json_kind(value) == JSON_STRING)
        json_unquote(out, value);
}

static char *copy_text(struct slice object, const char *name)
{
    struct buf text = {0};
    struct slice value;
    if (json_find(object, name, &value))
        add_string(&text, value);
    char *copy = xstrdup(buf_text(&text));
    buf_finish(&text);
    return copy;
}

static void add_problem(struct problems *problems, struct slice item)
{
    struct slice line;
    int64_t number = 0;
    if (json_kind(item) != JSON_OBJECT)
        return;
    if (!json_find(item, "line", &line) || !json_integer(line, &number) || number > INT32_MAX)
        number = 0;
    problems->all = xrealloc(problems->all, (problems->count + 1) * sizeof *problems->all);
    problems->all[problems->count++] = (struct problem){
        .file = copy_text(item, "file"),
        .line = (int)number,
        .source = copy_text(item, "source"),
        .reason = copy_text(item, "reason"),
    };
}

static void read_problems(struct problems *problems, struct slice list)
{
    struct json_walk walk;
    struct slice item;
    if (json_kind(list) != JSON_ARRAY)
        return;
    json_walk_init(&walk, list);
    while (json_walk_item(&walk, &item))
        add_problem(problems, item);
}

static void read_result(struct outcome *outcome, struct slice result)
{
    struct slice value;
    outcome->is_reloaded =
        json_find(result, "generation", &value) && json_unsigned(value, &outcome->generation);
    if (!json_find(result, "made_from", &value) || !json_unsigned(value, &outcome->made_from))
        outcome->made_from = 0;
    if (json_find(result, "files", &value) && json_kind(value) == JSON_ARRAY)
        outcome->files = value;
}

static void read_error(struct outcome *outcome, struct slice error)
{
    struct slice value;
    if (json_find(error, "message", &value))
        add_string(&outcome->reason, value);
    if (json_find(error, "problems", &value))
        read_problems(&outcome->problems, value);
}

static const char about_wrong_key[] = "the server knows another API key";
static const char about_no_key[] =
    "the server wants the key of the server API: WEIR_API_KEY, WEIR_API_KEY_FILE or --api-key "
    "(where it was started without one, kill -HUP PID reloads)";

/* {"result":{"generation":2,"files":[...]}} or
 * {"error":{"code":4,"message":"...","problems":[...]}} */
static void understand(const struct http_reply *reply, bool had_key, struct outcome *outcome)
{
    struct slice body = buf_slice(&reply->body), part;
    struct json_fault fault;
    bool is_json = json_check(body, &JSON_LIMITS_DEFAULT, &fault);
    if (is_json && json_find(body, "result", &part))
        read_result(outcome, part);
    if (reply->status == 401 || reply->status == 403)
        buf_add_text(&outcome->reason, had_key ? about_wrong_key : about_no_key);
    else if (is_json && json_find(body, "error", &part))
        read_error(outcome, part);
    if (!outcome->is_reloaded && outcome->reason.len == 0)
        buf_printf(&outcome->reason, "the server answered %d and no reason", reply->status);
}

/* --- telling --- */

static void put_json(const struct outcome *outcome)
{
    struct buf out = {0};
    if (outcome->is_reloaded) {
        buf_printf(&out, "{\"ok\":true,\"generation\":%llu,",
                   (unsigned long long)outcome->generation);
        if (outcome->made_from != 0)
            buf_printf(&out, "\"made_from\":%llu,", (unsigned long long)outcome->made_from);
        buf_add_text(&out, "\"files\":");
        json_put_line(&out, outcome->files.at ? outcome->files : SLICE("[]"));
    } else {
        buf_add_text(&out, "{\"ok\":false,\"reason\":");
        json_quote(&out, buf_slice(&outcome->reason));
        buf_add_text(&out, ",\"problems\":");
        report_put_json(&out, &outcome->problems);
    }
    buf_add_text(&out, "}\n");
    put_out(&out);
    buf_finish(&out);
}

/* "chat.lua, lib/words.lua" */
static void put_files(struct buf *out, struct slice files)
{
    struct json_walk walk;
    struct slice item;
    size_t before = out->len;
    json_walk_init(&walk, files);
    while (json_walk_item(&walk, &item)) {
        buf_add_text(out, out->len > before ? ", " : "");
        add_string(out, item);
    }
    if (out->len == before)
        buf_add_text(out, "nothing changed");
}

static void put_generation(const struct outcome *outcome)
{
    struct buf out = {0};
    buf_printf(&out, "generation %llu", (unsigned long long)outcome->generation);
    if (outcome->made_from != 0)
        buf_printf(&out, ", made from generation %llu", (unsigned long long)outcome->made_from);
    if (outcome->files.at != NULL) {
        buf_add_text(&out, ": ");
        put_files(&out, outcome->files);
    }
    buf_add_byte(&out, '\n');
    put_out(&out);
    buf_finish(&out);
}

static void put_refusal(struct outcome *outcome, const char *what)
{
    report_put(stderr, "", &outcome->problems);
    if (outcome->problems.count == 0)
        report_put_line(stderr, buf_text(&outcome->reason));
    talk("%s: the server goes on as it was", what);
}

static enum exit_code tell(struct outcome *outcome, const struct swap *swap, bool as_json)
{
    if (as_json)
        put_json(outcome);
    else if (outcome->is_reloaded)
        put_generation(outcome);
    else
        put_refusal(outcome, swap->refused);
    return outcome->is_reloaded ? EXIT_OK : EXIT_FAILED;
}

enum exit_code swap_ask(const struct config *config, const struct swap *swap, bool as_json)
{
    struct outcome outcome = {0};
    struct http_reply reply;
    struct error err;
    enum exit_code code;
    if (ask(config, swap, &reply, &err)) {
        understand(&reply, *config->api_key != '\0', &outcome);
        code = tell(&outcome, swap, as_json);
    } else if (as_json && err.code == ERROR_SYSTEM) {
        buf_add_text(&outcome.reason, err.text);
        code = tell(&outcome, swap, as_json);
    } else {
        code = talk_failure(&err);
    }
    http_reply_finish(&reply);
    outcome_finish(&outcome);
    return code;
}
