#include "hub/admit.h"

#include "auth/secret.h"
#include "base/clock.h"
#include "hub/home.h"
#include "hub/hub.h"
#include "wire/json.h"

/* What is being found out. Slices of `facts` point into the ask, the visit, the token or `scratch`. */
struct case_file {
    struct session *session;
    const struct connect_ask *ask;
    struct identity_facts facts;
    struct jwt token;
    bool has_token; /* and it is genuine */
    struct buf scratch;
    char client[UUID_LEN + 1];
    int close_code;
    struct error *err;
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
    return file->session->hub->generation->server_hooks >> SERVER_CONNECT & 1;
}

static enum admission ban(struct case_file *file, enum close_code code)
{
    stats_add(&file->session->hub->stats, STAT_REFUSED_TOKEN, 1);
    file->close_code = code;
    return BANNED;
}

static enum admission read_token(struct case_file *file)
{
    const struct hub_options *options = file->session->hub->options;
    if (options->keys.hmac_secret.len == 0) /* no key of ours: a script may know what to do with it */
        return has_on_connect(file) ? ADMITTED : ban(file, CLOSE_INVALID_TOKEN);
    if (!jwt_verify(file->ask->token, &options->keys, clock_unix_ms() / 1000, &file->token, file->err)) {
        log_event(options->log, LOG_DEBUG, "token refused", "reason", file->err->text, NULL);
        if (file->err->code != ERROR_TOKEN_EXPIRED)
            return ban(file, CLOSE_INVALID_TOKEN);
        stats_add(&file->session->hub->stats, STAT_REFUSED_TOKEN, 1);
        return REFUSED;
    }
    file->has_token = true;
    file->facts.user = file->token.sub;
    file->facts.roles = file->token.roles;
    file->facts.claims = buf_slice(&file->token.claims);
    file->facts.info = file->token.info;
    file->facts.expires = file->token.expires;
    return ADMITTED;
}

/* Without a token: in dev mode whoever it says, else nobody known. */
static void take_word(struct case_file *file)
{
    const struct visit *visit = file->session->visit;
    if (!file->session->hub->options->is_dev)
        return;
    file->facts.user = visit->as;
    put_roles(&file->scratch, visit->roles);
    file->facts.roles = buf_slice(&file->scratch);
}

static enum admission run_on_connect(struct case_file *file, struct identity **identity)
{
    struct hub *hub = file->session->hub;
    struct connect_call call = {
        .facts = file->facts,
        .token = file->ask->token,
        .is_verified = file->has_token,
        .data = file->ask->data,
        .headers = file->session->visit->headers,
        .header_count = file->session->visit->header_count,
    };
    hub->behaviour.connect(hub->behaviour.runtime, &call);
    for (struct effect *effect = call.effects.first; effect != NULL; effect = effect->next)
        home_wish(hub, effect, 1);
    bool is_in = call.verdict == VERDICT_ACCEPT || call.verdict == VERDICT_REPLACE;
    if (is_in) {
        struct identity_facts facts = call.verdict == VERDICT_ACCEPT ? file->facts : call.who;
        facts.client = file->facts.client;
        facts.ip = file->facts.ip;
        *identity = identity_create(&facts);
    } else {
        stats_add(&hub->stats, STAT_REFUSED_SCRIPT, 1);
        *file->err = call.error;
    }
    connect_call_finish(&call);
    return is_in ? ADMITTED : REFUSED;
}

static enum admission decide(struct case_file *file, struct identity **identity)
{
    enum admission admission = ADMITTED;
    if (file->ask->token.len > 0)
        admission = read_token(file);
    else
        take_word(file);
    if (admission != ADMITTED)
        return admission;
    if (has_on_connect(file))
        return run_on_connect(file, identity);
    *identity = identity_create(&file->facts);
    return ADMITTED;
}

static bool has_expired(const struct session *session, const struct identity_facts *who)
{
    int64_t now = clock_unix_ms() / 1000 - session->hub->options->keys.leeway_s;
    return who->expires > 0 && who->expires <= now;
}

enum admission admit_session(struct session *session, const struct connect_ask *ask,
                             struct identity **identity, int *close_code, struct error *err)
{
    struct case_file file = {.session = session, .ask = ask, .err = err};
    uuid_make(file.client);
    file.facts.client = slice_of(file.client);
    file.facts.user = SLICE("");
    file.facts.ip = session->visit->ip;
    enum admission admission = decide(&file, identity);
    if (admission == ADMITTED && has_expired(session, &(*identity)->facts)) {
        identity_unref(*identity);
        fail_code(err, ERROR_EXPIRED);
        admission = REFUSED;
    }
    *close_code = file.close_code;
    buf_finish(&file.scratch);
    if (file.has_token)
        jwt_finish(&file.token);
    return admission;
}
