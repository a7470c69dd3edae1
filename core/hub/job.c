#include "hub/job.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/home.h"
#include "hub/hub.h"
#include "hub/lane.h"

static void ask(struct job *job)
{
    const struct request *request = &job->request;
    job->call.who = request->who;
    job->call.data = request->data;
    job->call.method = request->method;
    job->call.code = request->code;
    job->call.reason = request->reason;
    job->call.hops = request->hops;
}

static struct job **row_of(const struct job *job)
{
    return job->channel != NULL ? &job->channel->jobs : &job->hub->jobs;
}

static void enter_row(struct job *job)
{
    job->link = row_of(job);
    job->next = *job->link;
    if (job->next != NULL)
        job->next->link = &job->next;
    *job->link = job;
}

static void leave_row(struct job *job)
{
    *job->link = job->next;
    if (job->next != NULL)
        job->next->link = job->link;
}

static void free_job(struct job *job)
{
    identity_unref(job->request.who);
    call_finish(&job->call);
    free(job);
}

/* ---- the end of a wait ---- */

static void end_of_server(struct job *job)
{
    struct hub *hub = job->hub;
    leave_row(job);
    job->after(job);
    free_job(job);
    hub_go_on_moving(hub);
}

/* The channel may move now, and does so first: what comes of the hook happens under the rules in force. */
static void end_of_channel(struct job *job)
{
    struct hub *hub = job->hub;
    struct channel *channel = job->channel;
    bool is_last = job->call.hook == HOOK_CLOSE;
    leave_row(job);
    lane_leave(channel, job);
    channel_bind(channel);
    job->after(job);
    free_job(job);
    if (!is_last) {
        lane_go_on(channel);
        channel_reconsider(channel);
    }
    hub_go_on_moving(hub);
}

static void on_done(struct call *call)
{
    struct job *job = CONTAINER(call, struct job, call);
    if (job->channel != NULL)
        end_of_channel(job);
    else
        end_of_server(job);
}

/* ---- its beginning ---- */

/* Where it can stay: everything it borrowed is its own there. */
static struct job *move_to_heap(const struct job *job)
{
    struct job *kept = xmalloc(sizeof *kept + request_bytes(&job->request));
    *kept = *job;
    request_pack(&kept->request, &job->request, (char *)(kept + 1));
    ask(kept);
    kept->call.done = on_done;
    return kept;
}

static void keep(const struct job *job)
{
    struct job *kept = move_to_heap(job);
    struct behaviour *behaviour = &job->hub->behaviour;
    behaviour->keep(&kept->call);
    enter_row(kept);
    if (kept->channel == NULL)
        return;
    lane_enter(kept->channel, kept);
    channel_reconsider(kept->channel);
}

static void finish(struct job *job)
{
    if (job->call.task != NULL) {
        keep(job);
        return;
    }
    job->after(job);
    call_finish(&job->call);
}

/* What comes at the very end, from mail that was on its way. */
static bool is_too_late(struct job *job)
{
    if (!job->hub->is_ending)
        return false;
    job->call.verdict = VERDICT_REFUSE;
    fail_code(&job->call.error, ERROR_NOT_AVAILABLE);
    finish(job);
    return true;
}

void job_run(struct job *job, enum hook hook)
{
    struct behaviour *behaviour = &job->hub->behaviour;
    job->generation = job->hub->generation;
    job->call.hook = hook;
    ask(job);
    if (is_too_late(job))
        return;
    stats_add(&job->hub->stats, STAT_HOOKS_RUN, 1);
    behaviour->channel(behaviour->runtime, job->channel, &job->call);
    finish(job);
}

void job_run_server(struct job *job, enum server_hook hook)
{
    struct behaviour *behaviour = &job->hub->behaviour;
    job->generation = job->hub->generation;
    job->call.hook = HOOK_CALL;
    ask(job);
    if (is_too_late(job))
        return;
    stats_add(&job->hub->stats, STAT_HOOKS_RUN, 1);
    behaviour->server(behaviour->runtime, hook, &job->call);
    finish(job);
}

void request_give_up(struct hub *hub, const struct request *request)
{
    struct error error;
    struct answer answer = {
        .verb = request->verb, .error = &error, .channel = request->channel, .seat = request->seat};
    fail(&error, ERROR_NOT_AVAILABLE, "not available: the server is shutting down");
    error.temporary = true;
    hub_answer(hub, &request->asker, &answer);
}

void jobs_forget(struct job **first)
{
    for (struct job *job = *first, *next; job != NULL; job = next) {
        next = job->next;
        job->hub->behaviour.forget(job->call.task);
        request_give_up(job->hub, &job->request);
        free_job(job);
    }
    *first = NULL;
}

bool jobs_are_behind(const struct job *first, const struct generation *generation)
{
    for (; first != NULL; first = first->next)
        if (first->generation != generation)
            return true;
    return false;
}
