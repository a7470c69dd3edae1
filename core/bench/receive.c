#include "bench/inside.h"

static struct run *run_of(const struct peer *peer)
{
    return peer->hall->owner;
}

static void keep(struct error *kept, const struct peer *peer, const char *why)
{
    fail(kept, ERROR_SYSTEM, "%s %u: %s", peer->is_publisher ? "publisher" : "subscriber",
         peer->number, why);
}

/* The first reason is the one that is told. */
static void keep_why(struct run *run, const struct peer *peer, const char *why)
{
    if (run->result->why.code == ERROR_NONE)
        keep(&run->result->why, peer, why);
}

static void break_off(struct run *run, const struct peer *peer, const char *why)
{
    if (!run->is_broken)
        keep(&run->broken, peer, why);
    run->is_broken = true;
}

void receive_lost(struct peer *peer, const struct error *why)
{
    struct run *run = run_of(peer);
    if (!peer->is_ready) {
        break_off(run, peer, why->text);
        return;
    }
    run->ready--;
    run->ready_publishers -= peer->is_publisher;
    run->result->faults.lost++;
    keep_why(run, peer, why->text);
}

void receive_refused(struct peer *peer, const struct error *why)
{
    struct run *run = run_of(peer);
    run->result->faults.refused++;
    keep_why(run, peer, why->text);
}

/* ---- the beginning ---- */

static struct introduction introduction_of(const struct run *run, const struct peer *peer)
{
    const struct plan *plan = run->plan;
    struct introduction who = {.number = peer->number};
    if (!peer->is_publisher)
        who.channel = slice_of(run->lanes[peer->channel].name);
    if (plan->token_count > 0)
        who.token = plan->tokens[peer->number % plan->token_count];
    return who;
}

static unsigned steps_of(const struct run *run, const struct peer *peer)
{
    if (peer->hall->carrier == CARRIER_POST)
        return 0;
    return peer->is_publisher ? run->plan->protocol->publisher_steps
                              : run->plan->protocol->subscriber_steps;
}

/* On an event stream the request has said it all. */
static void say_step(struct run *run, struct peer *peer)
{
    if (peer->step >= steps_of(run, peer)) {
        peer->is_ready = true;
        run->ready++;
        run->ready_publishers += peer->is_publisher;
        return;
    }
    if (peer->hall->carrier == CARRIER_EVENTS)
        return;
    struct introduction who = introduction_of(run, peer);
    buf_clear(&run->text);
    run->plan->protocol->say(&run->text, &who, peer->step);
    if (run->text.len > 0)
        peer_say(peer, buf_slice(&run->text));
    peer_flush(peer);
}

void receive_opened(struct peer *peer)
{
    say_step(run_of(peer), peer);
}

static void send_answer(struct run *run, struct peer *peer)
{
    if (peer->hall->carrier == CARRIER_EVENTS)
        pong_owe(run, peer);
    if (peer->hall->carrier != CARRIER_WEBSOCKET && peer->hall->carrier != CARRIER_TCP)
        return;
    peer_say(peer, buf_slice(&run->answer.answer));
    peer_flush(peer);
}

static void keep_pong(struct run *run, struct peer *peer, struct slice reply)
{
    if (peer->hall->carrier != CARRIER_EVENTS || run->plan->protocol->put_pong == NULL)
        return;
    buf_clear(&run->text);
    run->plan->protocol->put_pong(&run->text, reply);
    if (run->text.len > 0)
        peer->pong = xslicedup(buf_slice(&run->text));
}

static void hear_step(struct run *run, struct peer *peer, struct slice said)
{
    switch (run->plan->protocol->hear(said, peer->step, &run->answer)) {
    case HEARD_STEP:
        if (peer->step == 0)
            keep_pong(run, peer, said);
        peer->step++;
        say_step(run, peer);
        break;
    case HEARD_REFUSAL:
        break_off(run, peer, buf_text(&run->answer.why));
        break;
    case HEARD_PING:
        send_answer(run, peer);
        break;
    case HEARD_OTHER:
        break;
    }
}

static void hear_other(struct run *run, struct peer *peer, struct slice said)
{
    enum heard heard = run->plan->protocol->listen(said, &run->answer);
    if (heard == HEARD_PING)
        send_answer(run, peer);
    if (heard != HEARD_REFUSAL)
        return;
    run->result->faults.refused++;
    keep_why(run, peer, buf_text(&run->answer.why));
}

/* ---- messages ---- */

/* What follows the stamp up to the end of the message has to be the padding. */
static bool is_whole(const struct run *run, struct slice *rest)
{
    const struct plan *plan = run->plan;
    const char *padding = plan->message.at + plan->stamp_at + STAMP_LEN;
    if (rest->len < plan->padding || memcmp(rest->at, padding, plan->padding) != 0)
        return false;
    *rest = slice_make(rest->at + plan->padding, rest->len - plan->padding);
    return true;
}

static void count(struct run *run, struct peer *peer, const struct stamp *stamp)
{
    struct faults *faults = &run->result->faults;
    struct ledger *ledger = &peer->ledgers[run->lanes[stamp->lane].turn];
    enum receipt receipt = ledger_enter(ledger, stamp->sequence);
    if (receipt == RECEIPT_DOUBLED) {
        faults->doubled++;
        return;
    }
    faults->out_of_order += receipt == RECEIPT_LATE;
    run->received++;
    run->last_receipt_ns = run->now_ns;
    if (run->is_counting)
        histogram_add(&run->result->latency, run->now_ns - stamp->due_ns);
    if (run->plan->pace == PACE_PING_PONG)
        pace_pong(run, peer);
}

/* False: the message is of somebody else, and nothing of ours. */
static bool take_stamp(struct run *run, struct peer *peer, const struct stamp *stamp,
                       struct slice *rest)
{
    if (stamp->run != run->number || peer->is_publisher)
        return false;
    const struct lane *lane = stamp->lane < run->lane_count ? &run->lanes[stamp->lane] : NULL;
    if (lane == NULL || lane->channel != peer->channel)
        run->result->faults.misrouted++;
    else if (stamp->sequence >= lane->published || !is_whole(run, rest))
        run->result->faults.damaged++;
    else
        count(run, peer, stamp);
    return true;
}

void receive_text(struct peer *peer, struct slice said)
{
    struct run *run = run_of(peer);
    struct slice rest = said;
    struct stamp stamp;
    bool has_ours = false;
    while (peer->is_ready && stamp_find(&rest, &stamp))
        has_ours |= take_stamp(run, peer, &stamp, &rest);
    bool (*has_ping)(struct slice) = run->plan->protocol->has_ping;
    if (has_ours && (has_ping == NULL || !has_ping(said)))
        return;
    buf_clear(&run->answer.answer);
    buf_clear(&run->answer.why);
    if (!peer->is_ready)
        hear_step(run, peer, said);
    else
        hear_other(run, peer, said);
}
