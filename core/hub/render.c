#include "hub/render.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/channel.h"
#include "hub/hub.h"

struct rendering *rendering_create(const struct channel_type *type)
{
    if (!(type->hooks >> HOOK_VIEW & 1))
        return NULL;
    struct rendering *rendering = xcalloc(1, sizeof *rendering);
    rendering->refs = 1;
    return rendering;
}

struct rendering *rendering_ref(struct rendering *rendering)
{
    if (rendering != NULL)
        rendering->refs++;
    return rendering;
}

void rendering_unref(struct rendering *rendering)
{
    if (rendering == NULL || --rendering->refs > 0)
        return;
    for (unsigned i = 0; i < VIEWS_MAX; i++)
        free((char *)rendering->shown[i].at);
    free(rendering);
}

size_t rendering_bytes(const struct rendering *rendering)
{
    size_t bytes = rendering != NULL ? sizeof *rendering : 0;
    for (unsigned i = 0; rendering != NULL && i < VIEWS_MAX; i++)
        bytes += rendering->shown[i].len;
    return bytes;
}

/* A reload may have changed scripts under a message that is held: the hook that was to show it is
 * not there any more. */
static bool can_run(const struct channel *channel)
{
    return channel->waits > 0 || channel->generation == channel->hub->generation;
}

/* The hook's answer through the view's mask, so that what is dropped never goes out. */
static bool take(const struct channel_type *type, unsigned view, struct slice answer,
                 struct slice *shown)
{
    struct buf masked = {0};
    struct slice left;
    bool is_left = view_show(type, view, answer, &masked, &left);
    if (is_left)
        *shown = slice_make(xslicedup(left), left.len);
    buf_finish(&masked);
    return is_left;
}

/* It cannot wait, nor wish for anything. */
static bool run(struct channel *channel, unsigned view, struct slice data, struct slice *shown)
{
    struct behaviour *behaviour = &channel->hub->behaviour;
    const struct channel_type *type = channel->type;
    struct call call = {.hook = HOOK_VIEW,
                        .view = view,
                        .method = slice_of(type->views[view].name),
                        .data = data,
                        .hops = HOPS_MAX};
    bool is_seen = false;
    stats_add(&channel->hub->stats, STAT_HOOKS_RUN, 1);
    behaviour->channel(behaviour->runtime, channel, &call);
    ensure(call.task == NULL && call.effects.first == NULL);
    if (call.verdict == VERDICT_REPLACE)
        is_seen = take(type, view, buf_slice(&call.out), shown);
    else if (call.verdict == VERDICT_ACCEPT)
        is_seen = take(type, view, data, shown);
    call_finish(&call);
    return is_seen;
}

/* By the view's hook. */
static bool show_by_hook(struct channel *channel, struct rendering *rendering, unsigned view,
                         struct slice data)
{
    uint32_t bit = UINT32_C(1) << view;
    if (rendering == NULL)
        return false;
    if (!(rendering->made & bit) && can_run(channel)) {
        rendering->made |= bit;
        if (run(channel, view, data, &rendering->shown[view]))
            rendering->seen |= bit;
    }
    return rendering->seen & bit;
}

static bool has_hook(const struct channel_type *type, unsigned view)
{
    return view < type->view_count && type->views[view].has_hook;
}

uint32_t render_all(struct channel *channel, struct rendering *rendering, struct slice data,
                    uint32_t seers)
{
    if (rendering == NULL)
        return seers;
    for (const struct group *group = channel->groups; group != NULL; group = group->next)
        if ((seers >> group->view & 1) && has_hook(channel->type, group->view) &&
            !show_by_hook(channel, rendering, group->view, data))
            seers &= ~(UINT32_C(1) << group->view);
    return seers;
}

bool render(struct channel *channel, struct rendering *rendering, unsigned view, struct slice data,
            struct buf *out, struct slice *shown)
{
    if (!has_hook(channel->type, view))
        return view_show(channel->type, view, data, out, shown);
    if (!show_by_hook(channel, rendering, view, data))
        return false;
    *shown = rendering->shown[view];
    return true;
}
