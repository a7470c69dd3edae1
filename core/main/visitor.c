#include "main/visitor.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/secret.h"
#include "base/clock.h"
#include "bench/frames.h"
#include "bench/replies.h"
#include "main/grant.h"
#include "main/report.h"
#include "wire/json.h"

enum { ANSWER_MS = 30 * 1000, TOKEN_S = 24 * 3600 };

/* The handshake's proof is asked for by nobody but browsers: any key will do, with what belongs to
 * it. */
static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==", accepted[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/* ---- the pass ---- */

static bool check_text(const char *name, const char *text, struct error *err)
{
    return text == NULL || utf8_is_valid(slice_of(text)) ||
           fail(err, ERROR_USAGE, "--%s is not UTF-8", name);
}

bool visitor_pass_read(struct visitor_pass *pass, const struct args *args,
                       const struct config *config, struct error *err)
{
    const char *token = args_find(args, "token");
    *pass = (struct visitor_pass){.tls_cert = config->tls_cert,
                                  .as = args_find(args, "as"),
                                  .roles = args_find(args, "roles")};
    if (token != NULL && (pass->as != NULL || pass->roles != NULL))
        return fail(err, ERROR_USAGE, "--token says who somebody is: leave --as and --roles out");
    if (!check_text("as", pass->as, err) || !check_text("roles", pass->roles, err) ||
        !link_find_server(config, &pass->to, err))
        return false;
    struct grant grant = {.user = slice_of(pass->as ? pass->as : ""),
                          .roles = slice_of(pass->roles),
                          .now_s = clock_unix_ms() / 1000,
                          .lifetime_s = TOKEN_S};
    if (token != NULL)
        buf_add_text(&pass->token, token);
    else if (pass->as != NULL && *config->token_secret != '\0')
        grant_sign(&pass->token, &grant, slice_of(config->token_secret));
    return true;
}

void visitor_pass_finish(struct visitor_pass *pass)
{
    buf_finish(&pass->token);
}

/* ---- the way in ---- */

static void put_encoded(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++)
        buf_printf(out, "%%%02X", (unsigned char)*text);
}

/* A server with a token in hand does not ask the address. */
static void put_upgrade(struct buf *out, const struct visitor *visitor,
                        const struct visitor_pass *pass)
{
    bool has_name = pass->as != NULL && pass->token.len == 0;
    buf_add_text(out, "GET /connection/websocket");
    if (has_name) {
        buf_add_text(out, "?as=");
        put_encoded(out, pass->as);
        buf_add_text(out, "&roles=");
        put_encoded(out, pass->roles ? pass->roles : "");
    }
    buf_printf(out,
               " HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
               visitor->link.name, key);
}

static bool take_head(struct visitor *visitor, const struct reply_head *head, struct error *err)
{
    struct slice bytes = buf_slice(&visitor->in);
    size_t line = strcspn(bytes.at, "\r\n");
    struct slice accept = reply_find(slice_make(bytes.at, head->len), "sec-websocket-accept");
    if (head->status == 0)
        return fail(err, ERROR_SYSTEM, "what answers at %s does not speak HTTP",
                    visitor->link.name);
    if (head->status != 101 || !slice_is(accept, accepted))
        return fail(err, ERROR_SYSTEM, "%s answered %.*s", visitor->link.name,
                    (int)(line < 120 ? line : 120), bytes.at);
    buf_shift(&visitor->in, head->len);
    return true;
}

static bool upgrade(struct visitor *visitor, const struct visitor_pass *pass, struct error *err)
{
    struct buf out = {0};
    struct reply_head head = {0};
    bool is_over = false;
    put_upgrade(&out, visitor, pass);
    bool is_fine = link_send(&visitor->link, buf_slice(&out), err);
    buf_finish(&out);
    while (is_fine && head.len == 0 && !is_over) {
        is_fine = link_receive(&visitor->link, &visitor->in, &is_over, err);
        buf_text(&visitor->in);
        reply_read_head(buf_slice(&visitor->in), &head);
    }
    if (is_fine && head.len == 0)
        return fail(err, ERROR_SYSTEM, "%s hung up", visitor->link.name);
    return is_fine && take_head(visitor, &head, err);
}

static bool fail_refused(struct slice answer, struct error *err)
{
    struct slice error, message, code;
    int64_t number = 0;
    struct buf text = {0};
    if (!json_find(answer, "error", &error))
        return true;
    if (json_find(error, "message", &message))
        json_unquote(&text, message);
    if (json_find(error, "code", &code) && !json_integer(code, &number))
        number = 0;
    fail(err, ERROR_SYSTEM, "the server lets nobody in like that: %d %s", (int)number,
         buf_text(&text));
    buf_finish(&text);
    return false;
}

static bool introduce(struct visitor *visitor, const struct visitor_pass *pass, struct error *err)
{
    struct buf body = {0};
    struct slice answer;
    buf_add_byte(&body, '{');
    if (pass->token.len > 0) {
        buf_add_text(&body, "\"token\":");
        json_quote(&body, buf_slice(&pass->token));
    }
    buf_add_byte(&body, '}');
    bool is_in = visitor_ask(visitor, "connect", buf_slice(&body), &answer, err) &&
                 fail_refused(answer, err);
    buf_finish(&body);
    return is_in;
}

bool visitor_open(struct visitor *visitor, const struct visitor_pass *pass, struct error *err)
{
    *visitor = (struct visitor){.link = {.fd = -1}};
    return link_open(&visitor->link, &pass->to, pass->tls_cert, ANSWER_MS, err) && upgrade(visitor, pass, err) && introduce(visitor, pass, err);
}

void visitor_close(struct visitor *visitor)
{
    link_close(&visitor->link);
    buf_finish(&visitor->in);
    buf_finish(&visitor->text);
}

/* ---- talking ---- */

static bool send_frame(struct visitor *visitor, enum ws_opcode opcode, struct slice payload,
                       struct error *err)
{
    struct buf out = {0};
    uint32_t mask;
    random_bytes(&mask, sizeof mask);
    frames_put(&out, opcode, payload, mask);
    bool is_sent = link_send(&visitor->link, buf_slice(&out), err);
    buf_finish(&out);
    return is_sent;
}

static bool fail_closed(struct slice payload, struct error *err)
{
    if (payload.len < 2)
        return fail(err, ERROR_SYSTEM, "the server closed the connection");
    return fail(err, ERROR_SYSTEM, "the server closed the connection: %d %.*s",
                ws_close_code(payload), (int)payload.len - 2, payload.at + 2);
}

static bool take_frame(struct visitor *visitor, const struct server_frame *frame, bool *is_whole,
                       struct error *err)
{
    if (frame->opcode == WS_CLOSE)
        return fail_closed(frame->payload, err);
    if (frame->opcode == WS_PING)
        return send_frame(visitor, WS_PONG, frame->payload, err);
    if (frame->opcode == WS_PONG)
        return true;
    buf_add_slice(&visitor->text, frame->payload);
    *is_whole = frame->is_last;
    return true;
}

/* Reads until there is another message. */
static bool fill(struct visitor *visitor, struct error *err)
{
    bool is_whole = false, is_over = false;
    buf_clear(&visitor->text);
    visitor->at = 0;
    while (!is_whole) {
        struct server_frame frame;
        size_t len;
        if (!frames_take(buf_slice(&visitor->in), &len, &frame, err))
            return false;
        if (len > 0) {
            if (!take_frame(visitor, &frame, &is_whole, err))
                return false;
            buf_shift(&visitor->in, len);
        } else if (is_over) {
            return fail(err, ERROR_SYSTEM, "%s hung up", visitor->link.name);
        } else if (!link_receive(&visitor->link, &visitor->in, &is_over, err)) {
            return false;
        }
    }
    return true;
}

static bool next_line(struct visitor *visitor, struct slice *line, struct error *err)
{
    while (visitor->at >= visitor->text.len)
        if (!fill(visitor, err))
            return false;
    const char *from = visitor->text.at + visitor->at;
    size_t left = visitor->text.len - visitor->at;
    const char *end = memchr(from, '\n', left);
    *line = slice_make(from, end != NULL ? (size_t)(end - from) : left);
    visitor->at += line->len + 1;
    return true;
}

/* The next line that is no ping. */
static bool hear(struct visitor *visitor, struct slice *line, struct error *err)
{
    struct json_fault fault;
    for (;;) {
        if (!next_line(visitor, line, err))
            return false;
        if (!slice_is(*line, "{}"))
            break;
        if (!send_frame(visitor, WS_TEXT, SLICE("{}"), err))
            return false;
    }
    return json_check(*line, &JSON_LIMITS_DEFAULT, &fault) ||
           fail(err, ERROR_SYSTEM, "what %s says is no JSON", visitor->link.name);
}

bool visitor_hear(struct visitor *visitor, struct slice *line, struct error *err)
{
    link_allow(&visitor->link, 0);
    return hear(visitor, line, err);
}

static bool is_answer(struct slice line, unsigned id)
{
    struct slice value;
    int64_t number;
    return json_find(line, "id", &value) && json_integer(value, &number) && number == id;
}

bool visitor_ask(struct visitor *visitor, const char *verb, struct slice body, struct slice *answer,
                 struct error *err)
{
    struct buf line = {0};
    unsigned id = ++visitor->last_id;
    buf_printf(&line, "{\"id\":%u,\"%s\":", id, verb);
    json_put_line(&line, body);
    buf_add_byte(&line, '}');
    link_allow(&visitor->link, ANSWER_MS);
    bool is_fine = send_frame(visitor, WS_TEXT, buf_slice(&line), err);
    buf_finish(&line);
    do
        is_fine = is_fine && hear(visitor, answer, err);
    while (is_fine && !is_answer(*answer, id));
    return is_fine;
}

/* ---- telling ---- */

static void put_refusal(const struct visitor_pass *pass, struct slice error)
{
    struct buf text = {0};
    struct slice code = SLICE(""), message;
    buf_add_text(&text, "weir: refused: ");
    if (json_find(error, "code", &code))
        buf_add_slice(&text, code);
    buf_add_byte(&text, ' ');
    if (json_find(error, "message", &message))
        json_unquote(&text, message);
    report_put_line(stderr, buf_text(&text));
    if (slice_is(code, "103") && pass->as == NULL && pass->token.len == 0)
        talk("this came from nobody known; in dev mode --as NAME says who you are, else --token or "
             "WEIR_TOKEN_SECRET");
    if (slice_is(code, "102"))
        talk("no script of the server declares a channel of that name: its files say channel(\"...\")");
    buf_finish(&text);
}

bool visitor_tell_refusal(const struct visitor_pass *pass, struct slice answer, bool as_json)
{
    struct buf out = {0};
    struct slice error;
    if (!json_find(answer, "error", &error))
        return false;
    if (as_json) {
        buf_add_text(&out, "{\"ok\":false,\"error\":");
        buf_add_slice(&out, error);
        buf_add_text(&out, "}\n");
        put_out(&out);
    } else {
        put_refusal(pass, error);
    }
    buf_finish(&out);
    return true;
}
