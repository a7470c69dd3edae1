#include "server/rollback.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "server/inside.h"
#include "wire/json.h"

bool rollback_is_next(const struct server *server)
{
    const struct reload *reload = &server->reload;
    return reload->rollbacks != NULL &&
           !(reload->is_wanted_again && reload->rollbacks->is_after_reload);
}

void rollback_begin(struct server *server)
{
    struct reload *reload = &server->reload;
    struct waiter *waiter = reload->rollbacks;
    struct error error;
    reload->rollbacks = waiter->next;
    waiter->next = NULL;
    if (waiter->bad != 0 && waiter->bad != reload->current->generation.number) {
        free(waiter);
        return;
    }
    reload->waiters = waiter;
    const struct script_set *before =
        shelf_find(&reload->shelf, reload->current, waiter->to, &error);
    if (before == NULL) {
        reload_refuse_waiters(reload, &error);
        return;
    }
    struct script_set *set = catalogue_copy(before, reload->current->generation.number + 1);
    set->generation.made_from = before->generation.number;
    set->generation.first = before->generation.first;
    reload_take(server, set);
}

static void want(struct server *server, struct waiter *waiter)
{
    struct waiter **end = &server->reload.rollbacks;
    while (*end != NULL)
        end = &(*end)->next;
    waiter->is_after_reload = server->reload.is_wanted_again;
    *end = waiter;
    testing_give_way(server);
    reload_go_on(server);
}

void rollback_want(struct server *server, unsigned bad, unsigned to, const char *why)
{
    if (server->phase != SERVER_RUNNING)
        return;
    struct waiter *waiter = xcalloc(1, sizeof *waiter);
    waiter->to = to;
    waiter->bad = bad;
    snprintf(waiter->why, sizeof waiter->why, "%s", why);
    want(server, waiter);
}

/* ---- telling ---- */

static bool is_our_own(const struct reload *reload)
{
    return reload->waiters != NULL && reload->waiters->bad != 0;
}

void rollback_count(struct reload *reload)
{
    if (reload->current->generation.made_from != 0)
        atomic_fetch_add_explicit(&reload->rollback_counts[is_our_own(reload)], 1,
                                  memory_order_relaxed);
}

void rollback_put_why(const struct reload *reload, struct buf *out)
{
    if (!is_our_own(reload))
        return;
    buf_add_text(out, "\"why\":");
    json_quote(out, slice_of(reload->waiters->why));
    buf_add_byte(out, ',');
}

void rollback_put_metrics(struct reload *reload, struct buf *out)
{
    static const char *const names[] = {"asked", "auto"};
    buf_add_text(out, "# HELP weir_rollbacks_total Those of them that went back to earlier "
                      "scripts, by what made them.\n"
                      "# TYPE weir_rollbacks_total counter\n");
    for (int i = 0; i < 2; i++)
        buf_printf(out, "weir_rollbacks_total{by=\"%s\"} %llu\n", names[i],
                   (unsigned long long)atomic_load_explicit(&reload->rollback_counts[i],
                                                            memory_order_relaxed));
}

/* ---- asked by the API, on a worker's thread ---- */

struct want_letter {
    struct mail mail;
    struct waiter *waiter;
};

static void open_want(void *context, struct mail *mail)
{
    struct want_letter *letter = (struct want_letter *)mail;
    want(context, letter->waiter);
    free(letter);
}

void rollback_want_for(struct server *server, struct hub *hub, struct api_request *request,
                       unsigned to)
{
    struct want_letter *letter = xcalloc(1, sizeof *letter);
    letter->mail.open = open_want;
    letter->waiter = xmalloc(sizeof *letter->waiter);
    *letter->waiter = (struct waiter){.hub = hub, .request = request, .to = to};
    mailbox_post(server->mailbox, &letter->mail);
}
