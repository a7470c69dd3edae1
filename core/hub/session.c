#include "hub/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "hub/admit.h"
#include "hub/hub.h"
#include "hub/member.h"
#include "hub/server_hook.h"

static void on_timer(struct timer *timer);

/* ---- birth and death ---- */

static struct visit *copy_visit(const struct visit *visit)
{
    size_t bytes = visit->header_count * sizeof(struct request_header) + visit->ip.len + visit->as.len +
                   visit->roles.len;
    for (unsigned i = 0; i < visit->header_count; i++)
        bytes += visit->headers[i].name.len + visit->headers[i].value.len;
    struct visit *copy = xmalloc(sizeof *copy + bytes);
    struct request_header *headers = (struct request_header *)(copy + 1);
    char *at = (char *)(headers + visit->header_count);
    *copy = (struct visit){slice_pack(&at, visit->ip), slice_pack(&at, visit->as),
                           slice_pack(&at, visit->roles), headers, visit->header_count};
    for (unsigned i = 0; i < visit->header_count; i++) {
        headers[i].name = slice_pack(&at, visit->headers[i].name);
        headers[i].value = slice_pack(&at, visit->headers[i].value);
    }
    return copy;
}

static struct slice number_key(const uint64_t *number)
{
    return slice_make((const char *)number, sizeof *number);
}

struct session *session_open(struct conn *conn, const struct visit *visit)
{
    struct hub *hub = conn->hub;
    struct session *session = xcalloc(1, sizeof *session);
    session->hub = hub;
    session->conn = conn;
    session->number = ++hub->last_number;
    session->visit = copy_visit(visit);
    map_add(&hub->sessions, number_key(&session->number), session);
    conn->session = session;
    timer_start(hub->timers, &session->timer, hub->options->connect_ms, on_timer);
    return session;
}

struct session *session_find(struct hub *hub, uint64_t number)
{
    return map_find(&hub->sessions, number_key(&number));
}

static void tell_disconnected(struct session *session, int code, struct slice reason)
{
    struct request request = {.who = session->identity, .code = code, .reason = reason};
    if (session->identity != NULL)
        server_tell(session->hub, SERVER_DISCONNECT, &request);
}

void session_close(struct session *session, int code, struct slice reason)
{
    if (session == NULL)
        return;
    struct hub *hub = session->hub;
    session->conn->session = NULL;
    member_leave_all(session, code, reason);
    tell_disconnected(session, code, reason);
    if (session->identity != NULL) {
        map_remove(&hub->clients, session->identity->facts.client);
        stats_add(&hub->stats, STAT_SESSIONS, -1);
    }
    map_remove(&hub->sessions, number_key(&session->number));
    map_finish(&session->members);
    timer_stop(hub->timers, &session->timer);
    timer_stop(hub->timers, &session->expiry);
    identity_unref(session->identity);
    free(session->visit);
    free(session);
}

bool session_end(struct session *session, int code)
{
    enum counter reason = code == CLOSE_BAD_REQUEST ? STAT_CUT_BAD_REQUEST
                       : code == CLOSE_STALE     ? STAT_CUT_TIMEOUT
                       : code == CLOSE_NO_PONG   ? STAT_CUT_NO_PONG
                                                 : STAT_CUT_OTHER;
    if (!session->conn->closing)
        stats_add(&session->hub->stats, reason, 1);
    conn_close(session->conn, code, NULL);
    return false;
}

static void tell_blame(const struct session *session, uint64_t tag, const char *why)
{
    struct buf user = {0}, reason = {0};
    if (session->identity != NULL)
        buf_add_slice(&user, session->identity->facts.user);
    if (tag > 0)
        buf_printf(&reason, "command %llu: ", (unsigned long long)tag);
    buf_add_text(&reason, why);
    log_event(session->hub->options->log, LOG_WARN, "bad_request", "user", buf_text(&user), "reason", buf_text(&reason),
              "hint", "closed with 3501; what may be said is in docs/protocol.md", NULL);
    buf_finish(&user);
    buf_finish(&reason);
}

bool session_blame(struct session *session, uint64_t tag, const char *format, ...)
{
    if (session->hub->options->is_dev && !session->conn->closing) {
        char why[ERROR_TEXT_MAX];
        va_list args;
        va_start(args, format);
        vsnprintf(why, sizeof why, format, args);
        va_end(args);
        tell_blame(session, tag, why);
    }
    return session_end(session, CLOSE_BAD_REQUEST);
}

/* ---- time ---- */

static void start_ping(struct session *session, uint64_t ms)
{
    timer_start(session->hub->timers, &session->timer, ms, on_timer);
}

static void on_timer(struct timer *timer)
{
    struct session *session = CONTAINER(timer, struct session, timer);
    const struct hub_options *options = session->hub->options;
    if (session->state != SESSION_READY) {
        session_end(session, CLOSE_STALE);
    } else if (session->is_awaiting_pong) {
        session_end(session, CLOSE_NO_PONG);
    } else {
        session->is_awaiting_pong = true;
        session->conn->dialect->ping(session->conn);
        conn_said(session->conn);
        start_ping(session, options->pong_ms);
    }
}

bool session_pong(struct session *session)
{
    if (!session->is_awaiting_pong)
        return session_blame(session, 0, "an empty command answers a ping, and there is none to answer");
    session->is_awaiting_pong = false;
    start_ping(session, session->hub->options->ping_ms);
    return true;
}

static void on_expired(struct timer *timer)
{
    session_end(CONTAINER(timer, struct session, expiry), CLOSE_EXPIRED);
}

/* Nobody stays for a year without a new token or a restart, so what ends later needs no clock. */
static void start_expiry(struct session *session)
{
    const int64_t year_s = 365 * 86400;
    int64_t expires = session->identity->facts.expires, now = loop_unix_ms(session->hub->loop);
    if (expires == 0 || expires - now / 1000 > year_s)
        return;
    int64_t left = (expires + session->hub->options->keys.leeway_s) * 1000 - now;
    timer_start(session->hub->timers, &session->expiry, left > 0 ? (uint64_t)left : 0, on_expired);
}

static void start_clocks(struct session *session)
{
    struct hub *hub = session->hub;
    /* The first ping comes after half to a whole interval, so that connections made at once spread out. */
    uint64_t ping = hub->options->ping_ms;
    start_ping(session, ping / 2 + session->number * 2654435761u % (ping / 2 + 1));
    start_expiry(session);
}

/* ---- answers ---- */

void session_answer(struct session *session, uint64_t tag, const struct answer *answer)
{
    if (session->conn->closing)
        return;
    session->conn->dialect->answer(session->conn, tag, answer);
    session->conn->replies_lead |= answer->verb == VERB_SUBSCRIBE;
    conn_said(session->conn);
}

static bool refuse(struct session *session, uint64_t tag, enum verb verb, const struct error *error)
{
    session_answer(session, tag, &(struct answer){.verb = verb, .error = error});
    return true;
}

bool session_refuse(struct session *session, uint64_t tag, enum verb verb, int code)
{
    struct error error;
    fail_code(&error, (enum error_code)code);
    return refuse(session, tag, verb, &error);
}

struct asker session_asker(struct session *session, uint64_t tag,
                           void (*answered)(struct hub *, const struct asker *, const struct answer *))
{
    return (struct asker){session->hub->index, session->number, tag, answered};
}

static void on_answer(struct hub *hub, const struct asker *asker, const struct answer *what)
{
    struct session *session = session_find(hub, asker->id);
    if (session == NULL)
        return;
    session_answered(session);
    session_answer(session, asker->tag, what);
}

/* How much one client may have under way on other workers: past the first nothing more is read from it, so that what it
 * sends waits in its own socket and not in our mailboxes; below the second it is heard again. */
enum { ASKED_MAX = 256, ASKED_FEW = 64 };

static void count_asked(struct session *session)
{
    if (++session->asked == ASKED_MAX)
        session->conn->transport->throttle(session->conn, true);
}

void session_ask(struct session *session, const struct request *request)
{
    count_asked(session);
    hub_ask(session->hub, request);
}

void session_answered(struct session *session)
{
    if (--session->asked == ASKED_FEW)
        session->conn->transport->throttle(session->conn, false);
}

/* ---- connect ---- */

static void come_in(struct session *session, uint64_t tag, struct identity *identity)
{
    struct hub *hub = session->hub;
    session->identity = identity;
    session->state = SESSION_READY;
    map_add(&hub->clients, identity->facts.client, session);
    stats_add(&hub->stats, STAT_SESSIONS, 1);
    start_clocks(session);
    session_answer(session, tag,
           &(struct answer){.verb = VERB_CONNECT,
                            .identity = identity,
                            .pass = session->pass,
                            .ping_s = (hub->options->ping_ms + 999) / 1000});
}

void session_decided(struct session *session, uint64_t tag, struct decision *decision)
{
    session->state = SESSION_REFUSED;
    switch (decision->how) {
    case ADMITTED:
        come_in(session, tag, decision->identity);
        break;
    case REFUSED:
        refuse(session, tag, VERB_CONNECT, &decision->error);
        break;
    case BANNED:
        session_end(session, decision->close_code);
        break;
    }
    free(session->visit);
    session->visit = NULL;
}

bool session_connect(struct session *session, uint64_t tag, const struct connect_ask *ask)
{
    if (session->state != SESSION_NEW)
        return session_blame(session, tag, "this connection has connected already");
    session->state = SESSION_DECIDING;
    admit_session(session, tag, ask);
    return session->state != SESSION_REFUSED;
}

bool session_is_pausing(const struct session *session)
{
    return session->state == SESSION_DECIDING || conn_is_half_full(session->conn);
}

/* ---- publish, call, presence, send ---- */

static bool ask_home(struct session *session, struct request *request)
{
    if (request->channel.len == 0)
        return session_blame(session, request->asker.tag, "`channel` is missing");
    session_ask(session, request);
    return true;
}

bool session_publish(struct session *session, uint64_t tag, struct slice channel, struct slice data)
{
    struct request request = {
        .verb = VERB_PUBLISH,
        .asker = session_asker(session, tag, on_answer),
        .who = session->identity,
        .channel = channel,
        .data = data,
    };
    if (channel.len > 0 && data.at == NULL)
        return session_refuse(session, tag, VERB_PUBLISH, ERROR_BAD_REQUEST);
    return ask_home(session, &request);
}

bool session_presence(struct session *session, uint64_t tag, struct slice channel, enum verb verb)
{
    struct request request = {
        .verb = verb,
        .asker = session_asker(session, tag, on_answer),
        .who = session->identity,
        .channel = channel,
    };
    return ask_home(session, &request);
}

static bool call_server(struct session *session, uint64_t tag, struct slice method, struct slice data)
{
    struct request request = {
        .verb = VERB_CALL,
        .asker = session_asker(session, tag, on_answer),
        .who = session->identity,
        .method = method,
        .data = data,
    };
    if (!server_has(session->hub, SERVER_CALL))
        return session_refuse(session, tag, VERB_CALL, ERROR_NOT_AVAILABLE);
    count_asked(session);
    server_call(session->hub, &request);
    return true;
}

bool session_call(struct session *session, uint64_t tag, struct slice method, struct slice data)
{
    const char *slash = method.len ? memrchr(method.at, '/', method.len) : NULL;
    if (slash == NULL)
        return call_server(session, tag, method, data);
    size_t channel_len = (size_t)(slash - method.at);
    struct request request = {
        .verb = VERB_CALL,
        .asker = session_asker(session, tag, on_answer),
        .who = session->identity,
        .channel = slice_make(method.at, channel_len),
        .method = slice_make(slash + 1, method.len - channel_len - 1),
        .data = data,
    };
    if (request.channel.len == 0)
        return session_refuse(session, tag, VERB_CALL, ERROR_METHOD_NOT_FOUND);
    return ask_home(session, &request);
}

bool session_send(struct session *session, struct slice data)
{
    struct request request = {.who = session->identity, .data = data};
    if (!server_has(session->hub, SERVER_MESSAGE))
        return session_end(session, CLOSE_NOT_AVAILABLE);
    server_tell(session->hub, SERVER_MESSAGE, &request);
    return true;
}

/* ---- what scripts and the API do to clients ---- */

static void tell_one(struct session *session, const struct effect *effect)
{
    if (session->conn->closing)
        return;
    if (effect->kind == EFFECT_CLOSE) {
        struct slice reason = effect->reason;
        char *text = reason.len > 0 ? xslicedup(reason) : NULL;
        stats_add(&session->hub->stats, STAT_CUT_OTHER, 1);
        conn_close(session->conn, effect->code, text);
        free(text);
    } else {
        session->conn->dialect->message(session->conn, effect->data);
        conn_said(session->conn);
    }
}

void session_tell(struct hub *hub, const struct effect *effect)
{
    if (effect->client.at != NULL) {
        struct session *session = map_find(&hub->clients, effect->client);
        if (session != NULL)
            tell_one(session, effect);
        return;
    }
    struct session *session;
    for (size_t at = 0; (session = map_next(&hub->clients, &at)) != NULL;)
        if (slice_is_equal(session->identity->facts.user, effect->user))
            tell_one(session, effect);
}
