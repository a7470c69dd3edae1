#include "hub/server_hook.h"

#include "hub/home.h"

bool server_has(const struct hub *hub, enum server_hook hook)
{
    return hub->generation->server_hooks >> hook & 1;
}

static void do_wishes(struct job *job)
{
    for (struct effect *effect = job->call.effects.first; effect != NULL; effect = effect->next)
        home_wish(job->hub, effect, 1);
}

static void called(struct job *job)
{
    const struct call *call = &job->call;
    bool is_refused = call->verdict == VERDICT_REFUSE;
    struct answer answer = {.verb = VERB_CALL,
                            .error = is_refused ? &call->error : NULL,
                            .data = call->out.len > 0 ? buf_slice(&call->out) : SLICE("null")};
    do_wishes(job);
    stats_add(&job->hub->stats, STAT_REFUSED_SCRIPT, is_refused);
    hub_answer(job->hub, &job->request.asker, &answer);
}

void server_call(struct hub *hub, const struct request *request)
{
    struct job job = {.hub = hub, .request = *request, .after = called};
    job_run_server(&job, SERVER_CALL);
}

void server_tell(struct hub *hub, enum server_hook hook, const struct request *request)
{
    struct job job = {.hub = hub, .request = *request, .after = do_wishes};
    if (server_has(hub, hook))
        job_run_server(&job, hook);
}
