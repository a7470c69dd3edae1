#include "bench/inside.h"

enum { BURST_MAX = 4096, TOUCHED_MAX = 64 };
#define WINDOW_REST_NS UINT64_C(5000000)
#define STALL_NS       UINT64_C(1000000000)

static struct peer *publisher_of(struct run *run, unsigned lane)
{
    if (run->plan->pace == PACE_PING_PONG)
        return &run->subscribers[lane];
    return &run->publishers[lane % run->publisher_count];
}

static void write_message(struct run *run, unsigned lane, uint64_t due_ns)
{
    struct stamp stamp = {run->number, lane, run->lanes[lane].published, due_ns};
    buf_clear(&run->message);
    buf_add_slice(&run->message, run->plan->message);
    stamp_put(run->message.at + run->plan->stamp_at, &stamp);
}

static void post(struct run *run, struct peer *peer, const struct publication *p)
{
    char path[TARGET_PATH_MAX + CHANNEL_NAME_MAX];
    struct placeholder channel = {"channel", p->channel};
    bool fits =
        target_expand(path, sizeof path, slice_of(run->plan->publish_target.path), &channel, 1);
    ensure(fits);
    if (run->plan->protocol->put_post != NULL)
        run->plan->protocol->put_post(&run->text, p);
    else
        run->plan->protocol->publish(&run->text, p);
    peer_post(peer, path, buf_slice(&run->text));
}

/* Does not flush. */
static void publish(struct run *run, unsigned number, uint64_t due_ns)
{
    struct lane *lane = &run->lanes[number];
    struct peer *peer = publisher_of(run, number);
    write_message(run, number, due_ns);
    struct publication p = {.channel = slice_of(lane->name),
                            .message = buf_slice(&run->message),
                            .form = run->plan->form,
                            .number = ++peer->published};
    buf_clear(&run->text);
    if (run->plan->is_posting) {
        post(run, peer, &p);
    } else {
        run->plan->protocol->publish(&run->text, &p);
        peer_say(peer, buf_slice(&run->text));
    }
    lane->published++;
    run->published++;
    run->expected += lane->listeners;
}

void pace_pong(struct run *run, struct peer *peer)
{
    if (run->is_over || peer->state != PEER_OPEN)
        return;
    publish(run, peer->channel, run->now_ns);
    peer_flush(peer);
}

void pace_begin(struct run *run)
{
    run->began_ns = run->last_receipt_ns = run->now_ns = clock_monotonic_ns();
    for (unsigned i = 0; i < run->plan->subscribers && run->plan->pace == PACE_PING_PONG; i++)
        pace_pong(run, &run->subscribers[i]);
}

/* A whole second without a copy: those that wait are lost, and the window goes on without them. */
static void write_off(struct run *run)
{
    if (run->now_ns - run->last_receipt_ns < STALL_NS)
        return;
    run->written_off = run->expected - run->received;
    run->last_receipt_ns = run->now_ns;
}

/* How many messages fit into the window now. It is counted in copies: with a window of 1 the next
 * message goes out when the first copy of the last one is there. */
static unsigned window_room(const struct run *run)
{
    const struct plan *plan = run->plan;
    int64_t copies = plan->subscribers / plan->channels;
    int64_t waiting = (int64_t)(run->expected - run->received - run->written_off);
    int64_t room = waiting > 0 ? plan->window - waiting / copies : plan->window;
    if (plan->burst > 1 && waiting > (plan->window - plan->burst) * copies)
        return 0;
    return room > 0 ? (unsigned)room : 0;
}

static uint64_t due_of(const struct run *run, uint64_t number)
{
    return run->began_ns + (uint64_t)((double)number * 1e9 / run->plan->rate);
}

static unsigned rate_room(const struct run *run)
{
    unsigned room = 0;
    while (room < BURST_MAX && due_of(run, run->published + room) <= run->now_ns)
        room++;
    return room;
}

/* The next lane whose publisher can take more; false: all are busy. */
static bool find_lane(struct run *run, unsigned *lane)
{
    unsigned lanes = run->lane_count;
    unsigned tries = lanes < run->publisher_count ? lanes : run->publisher_count;
    for (unsigned i = 0; i < tries; i++) {
        *lane = run->next_lane;
        run->next_lane = run->next_lane + 1 == lanes ? 0 : run->next_lane + 1;
        if (!peer_is_busy(publisher_of(run, *lane)))
            return true;
    }
    return false;
}

/* Flushed when all of a burst is written, so that the server can read it at once. */
struct touched {
    struct peer *peers[TOUCHED_MAX];
    unsigned count;
};

static void touch(struct touched *touched, struct peer *peer)
{
    if (touched->count > 0 && touched->peers[touched->count - 1] == peer)
        return;
    if (touched->count == TOUCHED_MAX)
        peer_flush(touched->peers[--touched->count]);
    touched->peers[touched->count++] = peer;
}

void pace_turn(struct run *run)
{
    struct touched touched = {.count = 0};
    bool has_rate = run->plan->pace == PACE_RATE;
    bool counts_from_due = has_rate && !run->plan->is_from_sent;
    unsigned lane;
    if (run->is_over || (!has_rate && run->plan->pace != PACE_WINDOW))
        return;
    run->is_blocked = false;
    if (!has_rate)
        write_off(run);
    for (unsigned room = has_rate ? rate_room(run) : window_room(run); room > 0; room--) {
        if (!find_lane(run, &lane)) {
            run->is_blocked = true;
            break;
        }
        publish(run, lane, counts_from_due ? due_of(run, run->published) : clock_monotonic_ns());
        touch(&touched, publisher_of(run, lane));
    }
    for (unsigned i = 0; i < touched.count; i++)
        peer_flush(touched.peers[i]);
}

uint64_t pace_rest_ns(const struct run *run)
{
    if (run->is_over || run->is_blocked || run->plan->pace != PACE_RATE)
        return WINDOW_REST_NS;
    uint64_t due = due_of(run, run->published), now = clock_monotonic_ns();
    if (due <= now)
        return 0;
    return due - now < WINDOW_REST_NS ? due - now : WINDOW_REST_NS;
}
