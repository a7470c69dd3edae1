#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/suggest.h"
#include "bench/report.h"
#include "bench/run.h"
#include "main/args.h"
#include "main/grant.h"
#include "wire/json.h"

/* The plan and what its texts are borrowed from. */
struct order {
    struct plan plan;
    struct buf message, token_text;
    struct slice *tokens;
};

/* ---- numbers ---- */

static const struct number {
    const char *name;
    double least, most, otherwise;
} numbers[] = {
    {"subscribers", 1, SUBSCRIBERS_MAX, 100},
    {"publishers", 1, PUBLISHERS_MAX, 1},
    {"channels", 1, CHANNELS_MAX, 1},
    {"window", 1, WINDOW_MAX, 64},
    {"burst", 1, WINDOW_MAX, 0},
    {"rate", 0.001, 1e7, 0},
    {"seconds", 0.1, SECONDS_MAX, 10},
    {"warm-up", 0, SECONDS_MAX, 1},
    {"hold", 0.1, SECONDS_MAX, 0},
    {"size", STAMP_LEN + 2, MESSAGE_BYTES_MAX, 128},
    {"pid", 1, 1 << 30, 0},
};

static const struct number *find_number(const char *name)
{
    size_t i = 0;
    while (strcmp(numbers[i].name, name) != 0)
        i++;
    return &numbers[i];
}

static bool read_number(const struct args *args, const char *name, double *value, struct error *err)
{
    const struct number *number = find_number(name);
    const char *text = args_find(args, name);
    char *end;
    *value = number->otherwise;
    if (text == NULL)
        return true;
    *value = strtod(text, &end);
    if (*text != '\0' && *end == '\0' && *value >= number->least && *value <= number->most)
        return true;
    return fail(err, ERROR_USAGE, "--%s: \"%s\" is no number from %g to %.10g", name, text,
                number->least, number->most);
}

static bool read_whole(const struct args *args, const char *name, unsigned *value,
                       struct error *err)
{
    double number;
    if (!read_number(args, name, &number, err))
        return false;
    *value = (unsigned)number;
    return *value == number ||
           fail(err, ERROR_USAGE, "--%s: \"%s\" is no whole number", name, args_find(args, name));
}

static bool fail_both(const char *one, const char *other, struct error *err)
{
    return fail(err, ERROR_USAGE, "--%s and --%s are both given; leave one out", one, other);
}

/* At most one of --window, --rate, --ping-pong and --hold. */
static bool read_pace(const struct args *args, struct plan *plan, struct error *err)
{
    static const char *const names[] = {
        [PACE_WINDOW] = "window",
        [PACE_RATE] = "rate",
        [PACE_PING_PONG] = "ping-pong",
        [PACE_HOLD] = "hold",
    };
    const char *given = NULL;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (!args_has(args, names[i]))
            continue;
        if (given != NULL)
            return fail_both(given, names[i], err);
        given = names[i];
        plan->pace = i;
    }
    if (args_has(args, "burst") && plan->pace != PACE_WINDOW)
        return fail_both("burst", given, err);
    plan->is_from_sent = args_has(args, "from-sent");
    if (plan->is_from_sent && plan->pace != PACE_RATE)
        return fail(err, ERROR_USAGE, "--from-sent: only with --rate is a message due at a time");
    return read_number(args, "rate", &plan->rate, err);
}

static bool read_window(const struct args *args, struct plan *plan, struct error *err)
{
    if (!read_whole(args, "window", &plan->window, err) ||
        !read_whole(args, "burst", &plan->burst, err))
        return false;
    if (plan->burst == 0)
        plan->burst = plan->window > 1 ? plan->window / 2 : 1;
    return plan->burst <= plan->window ||
           fail(err, ERROR_USAGE, "--burst: %u do not fit into a window of %u", plan->burst,
                plan->window);
}

static bool read_time(const struct args *args, struct plan *plan, struct error *err)
{
    double hold;
    if (!read_number(args, "seconds", &plan->seconds, err) ||
        !read_number(args, "warm-up", &plan->warm_up_s, err) ||
        !read_number(args, "hold", &hold, err))
        return false;
    if (plan->pace != PACE_HOLD)
        return true;
    if (args_has(args, "seconds"))
        return fail_both("seconds", "hold", err);
    plan->seconds = hold;
    return true;
}

/* In ping-pong each connection has a channel of its own. */
static bool read_counts(const struct args *args, struct plan *plan, struct error *err)
{
    if (!read_whole(args, "subscribers", &plan->subscribers, err) ||
        !read_whole(args, "channels", &plan->channels, err) ||
        !read_whole(args, "publishers", &plan->publishers, err))
        return false;
    if (plan->pace == PACE_PING_PONG) {
        if (args_has(args, "channels") || args_has(args, "publishers"))
            return fail_both("ping-pong", args_has(args, "channels") ? "channels" : "publishers",
                             err);
        plan->channels = plan->publishers = plan->subscribers;
    }
    if (plan->channels > plan->subscribers)
        return fail(err, ERROR_USAGE, "--channels: %u subscribers listen in at most %u channels",
                    plan->subscribers, plan->subscribers);
    return (uint64_t)plan->subscribers * plan_crowd(plan) <= LEDGERS_MAX ||
           fail(err, ERROR_USAGE,
                "--publishers: what %u say in one channel to %u subscribers is more than can be "
                "checked; take fewer, or more channels",
                plan_crowd(plan), plan->subscribers / plan->channels);
}

/* ---- where to ---- */

static bool read_protocol(const struct args *args, struct plan *plan, struct error *err)
{
    enum { NAMES_MAX = 16 };
    const char *name = args_find(args, "protocol"), *names[NAMES_MAX] = {NULL};
    struct buf list = {0};
    plan->protocol = protocol_find(name ? name : "weir");
    if (plan->protocol != NULL)
        return true;
    for (unsigned i = 0; protocols[i] != NULL; i++) {
        names[i] = protocols[i]->name;
        buf_printf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    const char *nearest = suggest(slice_of(name), names);
    fail(err, ERROR_USAGE, "--protocol: there is no \"%s\"; %s%s%s", name,
         nearest ? "did you mean " : "there are ", nearest ? nearest : buf_text(&list),
         nearest ? "?" : "");
    buf_finish(&list);
    return false;
}

static bool check_reach(const struct args *args, const struct target *target, struct error *err)
{
    if (address_is_loopback(&target->address) || args_has(args, "anywhere"))
        return true;
    return fail(err, ERROR_USAGE,
                "%s is another machine; --anywhere loads it, if its owner knows of it",
                target->address.host);
}

static bool read_url(const struct args *args, const struct protocol *protocol, const char *text,
                     struct target *target, const char *path, struct error *err)
{
    if (!target_parse(text, target, err) || !check_reach(args, target, err))
        return false;
    if (target->is_plain && protocol->cut == NULL)
        return fail(err, ERROR_USAGE,
                    "tcp:// is for the protocols that run without HTTP, not for %s",
                    protocol->name);
    if (*target->path == '\0' || strcmp(target->path, "/") == 0)
        strcpy(target->path, path ? path : "/");
    return true;
}

static bool read_target(const struct args *args, struct plan *plan, struct error *err)
{
    const char *text = args->operands[0] ? args->operands[0] : "ws://127.0.0.1:8000";
    plan->is_sse = args_has(args, "sse");
    if (plan->is_sse && plan->protocol->events_path == NULL)
        return fail(err, ERROR_USAGE, "--sse: the protocol %s has no event streams",
                    plan->protocol->name);
    if (plan->is_sse && plan->pace == PACE_PING_PONG)
        return fail_both("sse", "ping-pong", err);
    return read_url(args, plan->protocol, text, &plan->target,
                    plan->is_sse ? plan->protocol->events_path : plan->protocol->path, err);
}

/* Publishers connect where subscribers do, unless a URL says otherwise or they publish by POST. */
static bool read_publish_target(const struct args *args, struct plan *plan, struct error *err)
{
    const char *url = args_find(args, "publish-url");
    bool asks_to_post = args_has(args, "post");
    plan->publish_target = plan->target;
    if (plan->is_sse)
        strcpy(plan->publish_target.path, plan->protocol->path);
    if (url != NULL) {
        bool is_http = strncmp(url, "http", strlen("http")) == 0;
        const char *path = is_http ? plan->protocol->post_path : plan->protocol->path;
        if (!read_url(args, plan->protocol, url, &plan->publish_target, path, err))
            return false;
        plan->is_posting = plan->publish_target.is_http;
        return !asks_to_post || plan->is_posting ||
               fail(err, ERROR_USAGE,
                    "--post: publishing by POST needs an http:// in --publish-url");
    }
    if (!asks_to_post)
        return true;
    if (plan->protocol->post_path == NULL)
        return fail(err, ERROR_USAGE, "--post: where to, for the protocol %s? --publish-url URL",
                    plan->protocol->name);
    plan->is_posting = true;
    strcpy(plan->publish_target.path, plan->protocol->post_path);
    return true;
}

static bool read_channel(const struct args *args, struct order *order, struct error *err)
{
    struct plan *plan = &order->plan;
    const char *name = args_find(args, "channel");
    plan->channel = slice_of(name ? name : "bench:{n}");
    if (plan->channel.len == 0 || plan->channel.len + 8 > CHANNEL_NAME_MAX)
        return fail(err, ERROR_USAGE, "--channel: a name has 1 to %d bytes", CHANNEL_NAME_MAX - 8);
    if (plan->channels > 1 && strstr(plan->channel.at, "{n}") == NULL)
        return fail(err, ERROR_USAGE,
                    "--channel: %u channels need a {n} in their name, like room:{n}",
                    plan->channels);
    return true;
}

/* ---- what is said ---- */

static bool read_file(const char *flag, const char *path, struct buf *out, struct error *err)
{
    enum { PIECE = 65536 };
    FILE *file = fopen(path, "rb");
    size_t got;
    if (file == NULL)
        return fail(err, ERROR_USAGE, "--%s: cannot read \"%s\": %s", flag, path, strerror(errno));
    while ((got = fread(buf_reserve(out, PIECE), 1, PIECE, file)) > 0 &&
           out->len <= MESSAGE_BYTES_MAX)
        out->len += got;
    bool is_read = ferror(file) == 0 && out->len <= MESSAGE_BYTES_MAX;
    fclose(file);
    return is_read ||
           fail(err, ERROR_USAGE, "--%s: \"%s\" cannot be read, or is too large", flag, path);
}

static void put_stamp_room(struct order *order)
{
    order->plan.stamp_at = order->message.len;
    memset(buf_reserve(&order->message, STAMP_LEN), '@', STAMP_LEN);
    order->message.len += STAMP_LEN;
}

/* The stamp and padding: in quotes where messages are JSON. */
static void make_message(struct order *order, size_t size)
{
    struct plan *plan = &order->plan;
    unsigned quotes = plan->protocol->is_json ? 2 : 0;
    plan->padding = size - STAMP_LEN - quotes;
    buf_add_text(&order->message, quotes ? "\"" : "");
    put_stamp_room(order);
    memset(buf_reserve(&order->message, plan->padding + 1), 'x', plan->padding);
    order->message.len += plan->padding;
    buf_add_text(&order->message, quotes ? "\"" : "");
}

/* The stamp takes the place of {stamp} in the file; without one it goes in front. */
static bool place_stamp(struct order *order, struct slice file, const char *path, struct error *err)
{
    static const char mark[] = "{stamp}";
    struct json_fault fault;
    const char *at = memmem(file.at, file.len, mark, sizeof mark - 1);
    struct slice tail = file;
    bool wraps = at == NULL && order->plan.protocol->is_json;
    if (at != NULL) {
        buf_add(&order->message, file.at, (size_t)(at - file.at));
        tail.len -= (size_t)(at - file.at) + sizeof mark - 1;
        tail.at = at + sizeof mark - 1;
    }
    buf_add_text(&order->message, wraps ? "{\"stamp\":\"" : "");
    put_stamp_room(order);
    buf_add_text(&order->message, wraps ? "\",\"payload\":" : "");
    buf_add_slice(&order->message, tail);
    buf_add_text(&order->message, wraps ? "}" : "");
    if (!order->plan.protocol->is_json ||
        json_check(buf_slice(&order->message), &JSON_LIMITS_DEFAULT, &fault))
        return true;
    return fail(err, ERROR_USAGE, "--payload: \"%s\" is no JSON: %s%s", path, fault.why,
                at ? "; {stamp} stands inside a string" : "");
}

static bool read_message(const struct args *args, struct order *order, struct error *err)
{
    const char *path = args_find(args, "payload");
    struct buf file = {0};
    unsigned size;
    if (!read_whole(args, "size", &size, err))
        return false;
    if (path != NULL && args_has(args, "size"))
        return fail_both("payload", "size", err);
    bool is_made = true;
    if (path == NULL) {
        make_message(order, size);
    } else {
        is_made = read_file("payload", path, &file, err) &&
                  place_stamp(order, json_trim(buf_slice(&file)), path, err);
    }
    buf_finish(&file);
    order->plan.message = buf_slice(&order->message);
    return is_made;
}

/* ---- who speaks ---- */

static void add_token(struct order *order, struct slice token)
{
    struct plan *plan = &order->plan;
    order->tokens = xrealloc(order->tokens, (plan->token_count + 1) * sizeof *order->tokens);
    order->tokens[plan->token_count++] = token;
    plan->tokens = order->tokens;
}

static bool read_token_file(struct order *order, const char *path, struct error *err)
{
    if (!read_file("token-file", path, &order->token_text, err))
        return false;
    char *save, *text = (char *)buf_text(&order->token_text);
    for (char *line = strtok_r(text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save))
        add_token(order, slice_of(line));
    return order->plan.token_count > 0 ||
           fail(err, ERROR_USAGE, "--token-file: \"%s\" holds no token", path);
}

/* One for everybody, good for as long as a run can take. */
static void sign_token(struct order *order, const char *user, const char *secret)
{
    struct grant grant = {.user = slice_of(user),
                          .now_s = clock_unix_ms() / 1000,
                          .lifetime_s = 2 * SECONDS_MAX};
    grant_sign(&order->token_text, &grant, slice_of(secret));
    add_token(order, buf_slice(&order->token_text));
}

static bool read_identity(const struct args *args, const struct config *config, struct order *order,
                          struct error *err)
{
    const char *token = args_find(args, "token"), *file = args_find(args, "token-file");
    const char *as = args_find(args, "as");
    if (token != NULL && file != NULL)
        return fail_both("token", "token-file", err);
    if (as != NULL && (token != NULL || file != NULL))
        return fail_both("as", token ? "token" : "token-file", err);
    if (as != NULL && as[strspn(as, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    "-_.")] != '\0')
        return fail(err, ERROR_USAGE, "--as: a name is of letters, digits, - _ and . only");
    if (token != NULL)
        add_token(order, slice_of(token));
    if (file != NULL)
        return read_token_file(order, file, err);
    if (token == NULL && *config->token_secret != '\0')
        sign_token(order, as ? as : "bench", config->token_secret);
    else
        order->plan.as = as;
    return true;
}

static bool read_rest(const struct args *args, const struct config *config, struct order *order,
                      struct error *err)
{
    struct plan *plan = &order->plan;
    double pid;
    plan->form = slice_of(args_find(args, "publish-text"));
    plan->api_key = config->api_key;
    plan->ca_file = args_find(args, "ca");
    plan->is_trusting = args_has(args, "insecure");
    if (plan->is_trusting && plan->ca_file != NULL)
        return fail_both("ca", "insecure", err);
    if (plan->form.at != NULL && plan->protocol != &protocol_raw)
        return fail(err, ERROR_USAGE, "--publish-text is for --protocol raw; %s has its own words",
                    plan->protocol->name);
    if (!read_number(args, "pid", &pid, err))
        return false;
    plan->pid = (int)pid;
    return true;
}

static bool read_order(const struct args *args, const struct config *config, struct order *order,
                       struct error *err)
{
    struct plan *plan = &order->plan;
    return read_protocol(args, plan, err) && read_pace(args, plan, err) &&
           read_window(args, plan, err) && read_time(args, plan, err) &&
           read_counts(args, plan, err) && read_target(args, plan, err) &&
           read_publish_target(args, plan, err) && read_channel(args, order, err) &&
           read_message(args, order, err) && read_identity(args, config, order, err) &&
           read_rest(args, config, order, err);
}

static void finish_order(struct order *order)
{
    buf_finish(&order->message);
    buf_finish(&order->token_text);
    free(order->tokens);
}

/* ---- telling ---- */

static void tell(void *owner, const struct progress *progress)
{
    struct buf line = {0};
    (void)owner;
    bench_report_put_progress(&line, progress);
    fprintf(stderr, "\r\033[K%s", buf_text(&line));
    buf_finish(&line);
}

static enum exit_code tell_result(const struct plan *plan, const struct result *result,
                                  bool as_json)
{
    struct buf out = {0};
    if (as_json)
        bench_report_put_json(&out, plan, result);
    else
        bench_report_put(&out, plan, result);
    put_out(&out);
    buf_finish(&out);
    if (result_is_good(result))
        return EXIT_OK;
    talk("not all came through");
    return EXIT_FAILED;
}

static enum exit_code carry_out(const struct plan *plan, bool as_json)
{
    bool is_seen = isatty(STDERR_FILENO);
    struct run_watch watch = {is_seen ? tell : NULL, NULL};
    struct result *result = xcalloc(1, sizeof *result);
    struct error err;
    bool is_run = run_plan(plan, &watch, result, &err);
    if (is_seen)
        fprintf(stderr, "\r\033[K");
    enum exit_code code = is_run ? tell_result(plan, result, as_json) : talk_failure(&err);
    free(result);
    return code;
}

static enum exit_code run(const struct args *args)
{
    struct config config;
    struct error err;
    struct order order = {.tokens = NULL};
    enum exit_code code;
    if (args_read_config(args, &config, &err) && read_order(args, &config, &order, &err))
        code = carry_out(&order.plan, args_has(args, "json"));
    else
        code = talk_failure(&err);
    finish_order(&order);
    config_finish(&config);
    return code;
}

#define ROW(name_, kind_, value_, metavar_, help_)                                                 \
    {                                                                                              \
        .name = name_, .kind = OPTION_##kind_, .value = value_, .metavar = metavar_, .help = help_ \
    }
static const struct option_row flags[] = {
    ROW("subscribers", NUMBER, "100", "N", "connections that listen"),
    ROW("channels", NUMBER, "1", "N", "channels they are spread over"),
    ROW("publishers", NUMBER, "1", "N", "connections that publish"),
    ROW("window", NUMBER, "64", "N", "messages under way at once, as fast as they come through"),
    ROW("burst", NUMBER, "", "N", "publish when so many fit into the window [half of it]"),
    ROW("rate", NUMBER, "", "N", "instead: so many messages a second, come what may"),
    ROW("from-sent", FLAG, "", "", "with --rate: latency from when a message was sent, not due"),
    ROW("ping-pong", FLAG, "", "", "instead: each connection publishes and waits for its own"),
    ROW("hold", NUMBER, "", "SECONDS", "instead: connections that are idle"),
    ROW("seconds", NUMBER, "10", "N", "that are counted"),
    ROW("warm-up", NUMBER, "1", "N", "seconds before them"),
    ROW("size", NUMBER, "128", "BYTES", "of a message"),
    ROW("payload", TEXT, "", "FILE", "or: its text; {stamp} in it is replaced"),
    ROW("channel", TEXT, "bench:{n}", "NAME", "of the channels; {n} is the number"),
    ROW("sse", FLAG, "", "", "listen on event streams, not on WebSockets"),
    ROW("post", FLAG, "", "", "publish by POST to the server API"),
    ROW("as", TEXT, "", "NAME", "who to be: in dev mode NAME0, NAME1…, else in a signed token"),
    ROW("token", TEXT, "", "TOKEN", "connect with this token"),
    ROW("token-file", TEXT, "", "FILE", "tokens, one a line; connections take turns"),
    ROW("pid", NUMBER, "", "PID", "the server: its CPU and memory, children and all"),
    FLAG_JSON,
    ROW("ca", TEXT, "", "FILE", "trust these certificates (PEM), not the system's"),
    ROW("insecure", FLAG, "", "", "look at no certificate"),
    ROW("anywhere", FLAG, "", "", "the server may be on another machine"),
    ROW("protocol", TEXT, "weir", "NAME", "or raw, nats, mqtt, socketio: to compare"),
    ROW("publish-url", TEXT, "", "URL", "where publishers connect, if elsewhere"),
    ROW("publish-text", TEXT, "", "TEXT", "raw: {channel} and {message} in it"),
    {.name = NULL},
};
#undef ROW

static const char *const examples[] = {
    "weir bench                                           100 subscribers of ws://127.0.0.1:8000",
    "weir bench --subscribers 1000 --rate 50 --pid $(pgrep -x weir)",
    "weir bench --subscribers 1000 --channels 100 --window 128 --json | jq .latency_us",
    "weir bench --hold 10 --subscribers 10000 --channels 1000 --pid $(pgrep -x weir)",
    "WEIR_API_KEY_FILE=key weir bench --post --publishers 10 --sse",
    "weir bench wss://localhost:8443 --ca test.crt --as ann --channel 'room:{n}'",
    NULL,
};

const struct command command_bench = {
    .name = "bench",
    .summary = "load a server, and count what comes through and how late",
    .details =
        "  The server's scripts need a channel that takes the messages (JSON strings), like\n"
        "    channel(\"bench:{n}\", { subscribe = \"anyone\", publish = \"anyone\" })\n"
        "  Each message has a number and the time it was due; each subscriber checks that all "
        "come, in\n"
        "  order, once and unchanged. With --rate the latency counts from when a message should "
        "have\n"
        "  been sent, so that waiting counts too; --from-sent leaves that out. Exit code 1 when anything was lost.\n",
    .examples = examples,
    .flags = flags,
    .operand = "URL",
    .options = OPTION_BIT(api_key) | OPTION_BIT(token_secret),
    .run = run,
};
