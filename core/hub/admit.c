#include "hub/admit.h"

#include <stdlib.h>

#include "auth/secret.h"
#include "base/memory.h"
#include "hub/home.h"
#include "hub/hub.h"
#include "wire/json.h"

/* What is being found out. On the caller's stack until server.on_connect waits. Slices of `facts` point into the ask,
 * the visit, the token, `scratch` or `client`. */
struct case_file {
    struct hub *hub;
    uint64_t session, tag; /* who asks: may be gone when the answer is there */
    struct connect_ask ask;
    struct visit *visit;
    struct identity_facts facts;
    struct jwt token;
    bool has_token; /* and it is genuine */
    struct buf scratch;
    char client[UUID_LEN + 1];
    struct connect_call call; /* of server.on_connect */
    const struct generation *generation;
    struct case_file *next, **link; /* in hub->arrivals, while it waits */
};

/* "a,b" as ["a","b"]. */
static void put_roles(struct buf *out, struct slice names)
{
    const char *end = names.at + names.len;
    buf_add_byte(out, '[');
    for (const char *at = names.at; at < end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        if (stop > at) {
            if (out->len > 1)
                buf_add_byte(out, ',');
            json_quote(out, slice_make(at, (size_t)(stop - at)));
        }
        at = stop + 1;
    }
    buf_add_byte(out, ']');
}

static bool has_on_connect(const struct case_file *file)
{
    return file->hub->generation->server_hooks >> SERVER_CONNECT & 1;
}

static bool refuse_token(const struct case_file *file, struct decision *decision, enum admission how)
{
    stats_add(&file->hub->stats, STAT_REFUSED_TOKEN, 1);
    decision->how = how;
    decision->close_code = CLOSE_INVALID_TOKEN;
    return false;
}

static bool read_token(struct case_file *file, struct decision *decision)
{
    const struct hub_options *options = file->hub->options;
    if (jwt_algs(&options->keys) == 0) /* no key of ours: a script may know what to do with it */
        return has_on_connect(file) || refuse_token(file, decision, BANNED);
    if (!jwt_verify(file->ask.token, &options->keys, loop_unix_ms(file->hub->loop) / 1000, &file->token, &decision->error)) {
        log_event(options->log, LOG_DEBUG, "token refused", "reason", decision->error.text, NULL);
        bool is_old = decision->error.code == ERROR_TOKEN_EXPIRED;
        return refuse_token(file, decision, is_old ? REFUSED : BANNED);
    }
    file->has_token = true;
    file->facts.user = file->token.sub;
    file->facts.roles = file->token.roles;
    file->facts.claims = buf_slice(&file->token.claims);
    file->facts.info = file->token.info;
    file->facts.expires = file->token.expires;
    return true;
}

/* Without a token: in dev mode whoever it says, else nobody known. */
static void take_word(struct case_file *file)
{
    if (!file->hub->options->is_dev)
        return;
    file->facts.user = file->visit->as;
    put_roles(&file->scratch, file->visit->roles);
    file->facts.roles = buf_slice(&file->scratch);
}

/* ---- the end ---- */

static bool has_expired(const struct case_file *file, const struct identity_facts *who)
{
    int64_t now = loop_unix_ms(file->hub->loop) / 1000 - file->hub->options->keys.leeway_s;
    return who->expires > 0 && who->expires <= now;
}

static void admit(const struct case_file *file, const struct identity_facts *who, struct decision *decision)
{
    if (has_expired(file, who)) {
        decision->how = REFUSED;
        fail_code(&decision->error, ERROR_EXPIRED);
        return;
    }
    decision->how = ADMITTED;
    decision->identity = identity_create(who);
}

/* Tells the session, if it is still there. */
static void announce(struct case_file *file, struct decision *decision)
{
    struct session *session = session_find(file->hub, file->session);
    if (session != NULL)
        session_decided(session, file->tag, decision);
    else
        identity_unref(decision->identity);
    buf_finish(&file->scratch);
    if (file->has_token)
        jwt_finish(&file->token);
}

/* What on_connect said. */
static void take_answer(struct case_file *file)
{
    struct connect_call *call = &file->call;
    struct decision decision = {.how = REFUSED};
    for (struct effect *effect = call->effects.first; effect != NULL; effect = effect->next)
        home_wish(file->hub, effect, 1);
    if (call->verdict == VERDICT_ACCEPT || call->verdict == VERDICT_REPLACE) {
        struct identity_facts facts = call->verdict == VERDICT_ACCEPT ? file->facts : call->who;
        facts.client = file->facts.client;
        facts.ip = file->facts.ip;
        admit(file, &facts, &decision);
    } else {
        stats_add(&file->hub->stats, STAT_REFUSED_SCRIPT, 1);
        decision.error = call->error;
    }
    announce(file, &decision);
    connect_call_finish(call);
}

/* ---- on_connect ---- */

static void leave_arrivals(struct case_file *file)
{
    *file->link = file->next;
    if (file->next != NULL)
        file->next->link = file->link;
}

static void on_done(struct connect_call *call)
{
    struct case_file *file = CONTAINER(call, struct case_file, call);
    struct hub *hub = file->hub;
    leave_arrivals(file);
    take_answer(file);
    free(file->visit);
    free(file);
    hub_go_on_moving(hub);
}

/* Where it can stay, with all that it borrowed; the session's visit is its own from now on. */
static void keep(const struct case_file *file, struct session *session)
{
    struct case_file *kept = xmalloc(sizeof *kept + file->ask.token.len + file->ask.data.len);
    char *at = (char *)(kept + 1);
    *kept = *file;
    session->visit = NULL;
    kept->call.token = slice_pack(&at, file->ask.token);
    kept->call.data = slice_pack(&at, file->ask.data);
    kept->facts.client = slice_of(kept->client);
    kept->call.facts = kept->facts;
    kept->call.done = on_done;
    kept->link = &kept->hub->arrivals;
    kept->next = *kept->link;
    if (kept->next != NULL)
        kept->next->link = &kept->next;
    *kept->link = kept;
    kept->hub->behaviour.keep_connect(&kept->call);
}

static void run_on_connect(struct case_file *file, struct session *session)
{
    struct behaviour *behaviour = &file->hub->behaviour;
    file->generation = file->hub->generation;
    file->call = (struct connect_call){
        .facts = file->facts,
        .token = file->ask.token,
        .is_verified = file->has_token,
        .data = file->ask.data,
        .headers = file->visit->headers,
        .header_count = file->visit->header_count,
    };
    stats_add(&file->hub->stats, STAT_HOOKS_RUN, 1);
    behaviour->connect(behaviour->runtime, &file->call);
    if (file->call.task != NULL)
        keep(file, session);
    else
        take_answer(file);
}

void admit_session(struct session *session, uint64_t tag, const struct connect_ask *ask)
{
    struct case_file file = {.hub = session->hub,
                             .session = session->number,
                             .tag = tag,
                             .ask = *ask,
                             .visit = session->visit};
    struct decision decision = {0};
    uuid_make(file.client);
    file.facts.client = slice_of(file.client);
    file.facts.user = SLICE("");
    file.facts.ip = session->visit->ip;
    if (ask->token.len == 0)
        take_word(&file);
    bool is_good = ask->token.len == 0 || read_token(&file, &decision);
    if (is_good && has_on_connect(&file)) {
        run_on_connect(&file, session);
        return;
    }
    if (is_good)
        admit(&file, &file.facts, &decision);
    announce(&file, &decision);
}

bool arrivals_are_behind(const struct hub *hub)
{
    for (const struct case_file *file = hub->arrivals; file != NULL; file = file->next)
        if (file->generation != hub->generation)
            return true;
    return false;
}

void arrivals_forget(struct hub *hub)
{
    for (struct case_file *file = hub->arrivals, *next; file != NULL; file = next) {
        next = file->next;
        hub->behaviour.forget(file->call.task);
        connect_call_finish(&file->call);
        buf_finish(&file->scratch);
        if (file->has_token)
            jwt_finish(&file->token);
        free(file->visit);
        free(file);
    }
    hub->arrivals = NULL;
}
