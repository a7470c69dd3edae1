#include "bench/inside.h"

#include <stdlib.h>

/* One connection answers for all event streams; what it owes it pays one POST at a time. */
static void pay(struct run *run)
{
    struct ponger *ponger = &run->ponger;
    struct peer *debtor;
    if (peer_is_busy(&ponger->peer) || ponger->owed.len == 0)
        return;
    memcpy(&debtor, ponger->owed.at, sizeof debtor);
    peer_post(&ponger->peer, run->plan->protocol->pong_path, slice_of(debtor->pong));
    peer_flush(&ponger->peer);
}

static void opened(struct peer *peer)
{
    pay(peer->hall->owner);
}

static void go_on(struct peer *peer)
{
    struct run *run = peer->hall->owner;
    run->ponger.may_retry = true;
    buf_shift(&run->ponger.owed, sizeof(struct peer *));
    pay(run);
}

static void heard(struct peer *peer, struct slice said)
{
    (void)said;
    go_on(peer);
}

/* A stream ends by itself when its pings are not answered: that is what will be told, here and
 * below. */
static void refused(struct peer *peer, const struct error *why)
{
    (void)why;
    go_on(peer);
}

static void lost(struct peer *peer, const struct error *why)
{
    (void)peer, (void)why;
}

static const struct peer_events events = {opened, heard, refused, lost};

static void connect_ponger(struct run *run)
{
    struct ponger *ponger = &run->ponger;
    struct buf kept = ponger->hall.scratch;
    if (ponger->peer.hall != NULL)
        peer_finish(&ponger->peer);
    ponger->may_retry = false;
    ponger->peer = (struct peer){0};
    ponger->hall = run->listen;
    ponger->hall.scratch = kept;
    ponger->hall.carrier = CARRIER_POST;
    ponger->hall.fields = SLICE("Content-Type: application/json\r\n");
    ponger->hall.events = &events;
    peer_init(&ponger->peer, &ponger->hall, 0);
    peer_connect(&ponger->peer, "");
}

void pong_owe(struct run *run, struct peer *peer)
{
    struct ponger *ponger = &run->ponger;
    if (peer->pong == NULL)
        return;
    buf_add(&ponger->owed, &peer, sizeof peer);
    if (ponger->peer.hall == NULL)
        connect_ponger(run);
    else
        ponger->may_retry = true;
    pay(run);
}

void pong_turn(struct run *run)
{
    const struct ponger *ponger = &run->ponger;
    if (ponger->peer.state == PEER_LOST && ponger->owed.len > 0 && ponger->may_retry)
        connect_ponger(run);
}

void pong_finish(struct run *run)
{
    for (unsigned i = 0; run->subscribers != NULL && i < run->plan->subscribers; i++)
        free(run->subscribers[i].pong);
    if (run->ponger.peer.hall != NULL)
        peer_finish(&run->ponger.peer);
    buf_finish(&run->ponger.owed);
    buf_finish(&run->ponger.hall.scratch);
}
