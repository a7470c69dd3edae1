#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "main/visitor.h"
#include "wire/json.h"

/* One publisher and how far it is. */
struct publisher {
    const char *channel;
    bool as_json;
    struct visitor_pass pass;
    struct visitor visitor;
    unsigned count;
};

static bool check_json(struct slice text, struct error *err)
{
    struct json_fault fault;
    if (json_check(text, &JSON_LIMITS_DEFAULT, &fault))
        return true;
    return fail(
        err, ERROR_USAGE,
        "the message is no JSON: %s (byte %zu); a text wants quotes of its own: '\"hello\"'",
        fault.why, fault.at);
}

/* False and err, or false and nothing: it was refused, which is told. */
static bool publish(struct publisher *publisher, struct slice message, bool *is_refused,
                    struct error *err)
{
    struct buf body = {0};
    struct slice answer;
    buf_add_text(&body, "{\"channel\":");
    json_quote(&body, slice_of(publisher->channel));
    buf_add_text(&body, ",\"data\":");
    buf_add_slice(&body, message);
    buf_add_byte(&body, '}');
    bool is_answered = visitor_ask(&publisher->visitor, "publish", buf_slice(&body), &answer, err);
    buf_finish(&body);
    if (!is_answered)
        return false;
    *is_refused = visitor_tell_refusal(&publisher->pass, answer, publisher->as_json);
    if (!*is_refused && publisher->as_json)
        puts("{\"ok\":true}");
    publisher->count += !*is_refused;
    return !*is_refused;
}

/* A message a line, until the end or the first that does not go. */
static bool publish_lines(struct publisher *publisher, bool *is_refused, struct error *err)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    bool is_fine = true;
    while (is_fine && (len = getline(&line, &room, stdin)) > 0) {
        struct slice message = json_trim(slice_make(line, (size_t)len));
        is_fine = message.len == 0 ||
                  (check_json(message, err) && publish(publisher, message, is_refused, err));
    }
    free(line);
    return is_fine;
}

static bool publish_all(struct publisher *publisher, const char *text, bool *is_refused,
                        struct error *err)
{
    struct slice message = json_trim(slice_of(text != NULL ? text : "-"));
    bool is_list = slice_is(message, "-");
    if (!is_list && !check_json(message, err))
        return false;
    if (!visitor_open(&publisher->visitor, &publisher->pass, err))
        return false;
    if (is_list && isatty(STDIN_FILENO))
        talk("a message a line, as JSON; Ctrl-D ends");
    return is_list ? publish_lines(publisher, is_refused, err)
                   : publish(publisher, message, is_refused, err);
}

static enum exit_code carry_out(const struct args *args, const struct config *config)
{
    struct publisher publisher = {.channel = args->operands[0],
                                  .as_json = args_has(args, "json"),
                                  .visitor = {.link = {.fd = -1}}};
    struct error err;
    bool is_refused = false;
    enum exit_code code = EXIT_OK;
    if (publisher.channel == NULL) {
        fail(&err, ERROR_USAGE, "which channel? weir pub CHANNEL JSON");
        return talk_failure(&err);
    }
    bool is_done = visitor_pass_read(&publisher.pass, args, config, &err) &&
                   publish_all(&publisher, args->operands[1], &is_refused, &err);
    if (!is_done)
        code = is_refused ? EXIT_FAILED : talk_failure(&err);
    if (!publisher.as_json && (is_done || publisher.count > 0))
        talk("published in %s: %u message%s%s", publisher.channel, publisher.count,
             publisher.count == 1 ? "" : "s",
             publisher.count == 0 ? "; write one behind the channel, or one a line on stdin" : "");
    visitor_close(&publisher.visitor);
    visitor_pass_finish(&publisher.pass);
    return code;
}

static enum exit_code run(const struct args *args)
{
    return args_with_config(args, carry_out);
}

static const struct option_row flags[] = {VISITOR_FLAGS, FLAG_JSON, {.name = NULL}};
static const char *const examples[] = {
    "weir pub chat:lobby '{\"text\":\"hello\"}' --as ann",
    "weir pub news '{\"n\":1}' --as ed --roles editor --json",
    "jq -c '.[]' readings.json | weir pub metrics:web1 - --as web1 --roles agent",
    NULL,
};

const struct command command_pub = {
    .name = "pub",
    .summary = "publish to a running server, as any user in dev mode",
    .details =
        "  JSON is the message; - or nothing reads one a line from stdin, and stops at the first\n"
        "  that is refused. It goes the way of a client's message: rules, schema, rates, hooks.\n"
        "  (The house speaks by POST /api/publish.)\n",
    .examples = examples,
    .flags = flags,
    .required = "CHANNEL",
    .operand = "JSON",
    .operand_count = 2,
    .options = VISITOR_OPTIONS,
    .run = run,
};
