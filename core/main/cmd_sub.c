#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "main/visitor.h"
#include "wire/json.h"

/* Who listens, and how long yet. */
struct listener {
    const struct args *args;
    bool as_json;
    unsigned long left; /* messages until it is enough; 0: it never is */
    unsigned joined;    /* channels it is still in */
    struct visitor_pass pass;
    struct visitor visitor;
};

static bool read_count(struct listener *listener, struct error *err)
{
    const char *text = args_find(listener->args, "count");
    char *end;
    if (text == NULL)
        return true;
    errno = 0;
    listener->left = strtoul(text, &end, 10);
    if (*end == '\0' && *text >= '0' && *text <= '9' && listener->left > 0 && errno == 0)
        return true;
    return fail(err, ERROR_USAGE, "--count: \"%s\" is no number of messages; write 1 or more",
                text);
}

/* ---- what is heard ---- */

static void put_member(struct buf *out, const char *name, struct slice object, const char *member)
{
    struct slice value;
    if (json_find(object, member, &value)) {
        buf_printf(out, ",\"%s\":", name);
        buf_add_slice(out, value);
    }
}

static void put_json(struct buf *out, struct slice channel, struct slice pub)
{
    struct slice info;
    buf_add_text(out, "{\"channel\":");
    buf_add_slice(out, channel);
    put_member(out, "data", pub, "data");
    if (json_find(pub, "info", &info)) {
        put_member(out, "user", info, "user");
        put_member(out, "client", info, "client");
    }
    put_member(out, "offset", pub, "offset");
    buf_add_byte(out, '}');
}

/* Channel, user or -, data. JSON has no control bytes, and so neither has what is printed. */
static void put_plain(struct buf *out, struct slice channel, struct slice pub)
{
    struct slice info, user = SLICE("\"-\""), data;
    json_unquote(out, channel);
    if (json_find(pub, "info", &info) && json_find(info, "user", &user) && user.len == 2)
        user = SLICE("\"-\"");
    buf_add_byte(out, ' ');
    buf_add(out, user.at + 1, user.len - 2);
    buf_add_byte(out, ' ');
    if (json_find(pub, "data", &data))
        buf_add_slice(out, data);
}

static void tell_message(struct listener *listener, struct slice channel, struct slice pub)
{
    struct buf out = {0};
    if (listener->as_json)
        put_json(&out, channel, pub);
    else
        put_plain(&out, channel, pub);
    buf_add_byte(&out, '\n');
    put_out(&out);
    fflush(stdout);
    buf_finish(&out);
}

static void tell_left(struct listener *listener, struct slice channel, struct slice unsubscribe)
{
    struct buf name = {0}, reason = {0};
    struct slice value;
    json_unquote(&name, channel);
    if (json_find(unsubscribe, "reason", &value))
        json_unquote(&reason, value);
    talk("taken out of %s: %s", buf_text(&name), buf_text(&reason));
    buf_finish(&name);
    buf_finish(&reason);
    listener->joined--;
}

/* True: that was all. */
static bool take_push(struct listener *listener, struct slice push)
{
    struct slice channel, what;
    if (!json_find(push, "channel", &channel))
        return false;
    if (json_find(push, "unsubscribe", &what)) {
        tell_left(listener, channel, what);
        return listener->joined == 0;
    }
    if (!json_find(push, "pub", &what))
        return false;
    tell_message(listener, channel, what);
    return listener->left > 0 && --listener->left == 0;
}

static bool listen(struct listener *listener, struct error *err)
{
    struct slice line, push;
    for (;;) {
        if (!visitor_hear(&listener->visitor, &line, err))
            return false;
        if (json_find(line, "push", &push) && take_push(listener, push))
            return true;
    }
}

/* ---- coming in ---- */

static bool subscribe(struct listener *listener, const char *channel, bool *is_refused,
                      struct error *err)
{
    struct buf body = {0};
    struct slice answer;
    buf_add_text(&body, "{\"channel\":");
    json_quote(&body, slice_of(channel));
    buf_add_byte(&body, '}');
    bool is_answered = visitor_ask(&listener->visitor, "subscribe", buf_slice(&body), &answer, err);
    buf_finish(&body);
    if (!is_answered)
        return false;
    *is_refused = visitor_tell_refusal(&listener->pass, answer, listener->as_json);
    listener->joined += !*is_refused;
    return !*is_refused;
}

static bool join(struct listener *listener, bool *is_refused, struct error *err)
{
    const struct args *args = listener->args;
    if (args->operand_count == 0)
        return fail(err, ERROR_USAGE, "which channel? weir sub CHANNEL, or several");
    if (!visitor_open(&listener->visitor, &listener->pass, err))
        return false;
    for (unsigned i = 0; i < args->operand_count; i++)
        if (!subscribe(listener, args->operands[i], is_refused, err))
            return false;
    talk("listening to %s%s", args->operands[0], args->operand_count > 1 ? " and others" : "");
    return true;
}

static enum exit_code carry_out(const struct args *args, const struct config *config)
{
    struct listener listener = {
        .args = args, .as_json = args_has(args, "json"), .visitor = {.link = {.fd = -1}}};
    struct error err;
    bool is_refused = false;
    bool is_done = read_count(&listener, &err) &&
                   visitor_pass_read(&listener.pass, args, config, &err) &&
                   join(&listener, &is_refused, &err) && listen(&listener, &err);
    enum exit_code code = is_done && listener.joined > 0 ? EXIT_OK : EXIT_FAILED;
    if (!is_done && !is_refused)
        code = talk_failure(&err);
    visitor_close(&listener.visitor);
    visitor_pass_finish(&listener.pass);
    return code;
}

static enum exit_code run(const struct args *args)
{
    return args_with_config(args, carry_out);
}

static const struct option_row flags[] = {
    VISITOR_FLAGS,
    {.name = "count", .metavar = "N", .help = "end after so many messages", .kind = OPTION_NUMBER},
    FLAG_JSON,
    {.name = NULL},
};
static const char *const examples[] = {
    "weir sub chat:lobby --as ann",
    "weir sub metrics:web1 alerts --as ann --json | jq .data",
    "weir sub ticks --count 1",
    NULL,
};

const struct command command_sub = {
    .name = "sub",
    .summary = "listen to channels of a running server, as any user in dev mode",
    .details =
        "  A message a line: channel, who published it (- is nobody known), data; with --json an\n"
        "  object of channel, data, user, client and offset. Goes on until Ctrl-C, --count, or "
        "the\n"
        "  server ends it (exit code 1).\n",
    .examples = examples,
    .flags = flags,
    .required = "CHANNEL...",
    .operand_count = OPERANDS_MAX,
    .options = VISITOR_OPTIONS,
    .run = run,
};
