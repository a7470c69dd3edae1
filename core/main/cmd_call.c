#include "main/visitor.h"
#include "wire/json.h"

static bool check_words(const struct args *args, struct error *err)
{
    struct json_fault fault;
    if (args->operands[0] == NULL)
        return fail(err, ERROR_USAGE,
                    "which method? weir call CHANNEL/NAME JSON, or NAME of the server");
    if (args->operands[1] == NULL ||
        json_check(slice_of(args->operands[1]), &JSON_LIMITS_DEFAULT, &fault))
        return true;
    if (json_trim(slice_of(args->operands[1])).len > 0 &&
        strpbrk(args->operands[1], "\"{}[], ") == NULL && strchr(args->operands[0], '/') == NULL)
        return fail(
            err, ERROR_USAGE,
            "the argument is JSON, and \"%s\" is none: is it `weir call %s/%s` that you mean?",
            args->operands[1], args->operands[0], args->operands[1]);
    return fail(err, ERROR_USAGE,
                "the arguments are no JSON: %s (byte %zu); a text wants quotes of its own: "
                "'\"hello\"'",
                fault.why, fault.at);
}

/* Without a channel it is a method of the server that was asked for, which may not be what was
 * meant. */
static void put_hint(const char *method, struct slice answer)
{
    struct slice error = {0}, code;
    bool is_absent = json_find(answer, "error", &error) && json_find(error, "code", &code) &&
                     (slice_is(code, "104") || slice_is(code, "108"));
    bool has_guess =
        is_absent && memmem(error.at, error.len, "did you mean", strlen("did you mean")) != NULL;
    if (is_absent && !has_guess && strchr(method, '/') == NULL)
        talk("this is a method of the server; one of a channel is CHANNEL/NAME, such as "
             "chat:lobby/%s",
             method);
}

static void put_reply(struct slice answer, bool as_json)
{
    struct buf out = {0};
    struct slice rpc, data = SLICE("null");
    if (json_find(answer, "rpc", &rpc))
        json_find(rpc, "data", &data);
    buf_add_text(&out, as_json ? "{\"ok\":true,\"data\":" : "");
    buf_add_slice(&out, data);
    buf_add_text(&out, as_json ? "}\n" : "\n");
    put_out(&out);
    buf_finish(&out);
}

static bool call(struct visitor *visitor, const struct visitor_pass *pass, const struct args *args,
                 struct slice *answer, struct error *err)
{
    struct buf body = {0};
    buf_add_text(&body, "{\"method\":");
    json_quote(&body, slice_of(args->operands[0]));
    if (args->operands[1] != NULL) {
        buf_add_text(&body, ",\"data\":");
        buf_add_text(&body, args->operands[1]);
    }
    buf_add_byte(&body, '}');
    bool is_answered = visitor_open(visitor, pass, err) &&
                       visitor_ask(visitor, "rpc", buf_slice(&body), answer, err);
    buf_finish(&body);
    return is_answered;
}

static enum exit_code carry_out(const struct args *args, const struct config *config)
{
    struct visitor_pass pass = {.as = NULL};
    struct visitor visitor = {.link = {.fd = -1}};
    struct slice answer;
    struct error err;
    enum exit_code code = EXIT_OK;
    bool as_json = args_has(args, "json");
    bool is_answered = check_words(args, &err) && visitor_pass_read(&pass, args, config, &err) &&
                       call(&visitor, &pass, args, &answer, &err);
    if (!is_answered)
        code = talk_failure(&err);
    else if (visitor_tell_refusal(&pass, answer, as_json))
        code = EXIT_FAILED;
    else
        put_reply(answer, as_json);
    if (code == EXIT_FAILED && is_answered && !as_json)
        put_hint(args->operands[0], answer);
    visitor_close(&visitor);
    visitor_pass_finish(&pass);
    return code;
}

static enum exit_code run(const struct args *args)
{
    return args_with_config(args, carry_out);
}

static const struct option_row flags[] = {VISITOR_FLAGS, FLAG_JSON, {.name = NULL}};
static const char *const examples[] = {
    "weir call chat:lobby/stats --as ann",
    "weir call market:xyz/order '{\"side\":\"buy\",\"price\":100,\"qty\":5}' --as ann",
    "weir call chat:lobby/stats --as ann --json | jq .data.messages",
    NULL,
};

const struct command command_call = {
    .name = "call",
    .summary = "call a method of a running server, as any user in dev mode",
    .details = "  METHOD is CHANNEL/NAME for a channel's rpc_NAME, NAME for the server's. JSON is "
               "its\n"
               "  argument. The reply is printed as it came.\n",
    .examples = examples,
    .flags = flags,
    .required = "METHOD",
    .operand = "JSON",
    .operand_count = 2,
    .options = VISITOR_OPTIONS,
    .run = run,
};
