#include "bench/run.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "auth/secret.h"
#include "bench/inside.h"

enum { EVENTS_MAX = 256, CONNECTING_MAX = 200, SPARE_FILES = 64, PORT_TEXT = 8, PROBE_S = 3 };
#define MS                 UINT64_C(1000000)
#define CONNECT_SILENCE_NS (10000 * MS)
#define SETTLE_NS          (300 * MS)
#define DRAIN_SILENCE_NS   (2000 * MS)
#define DRAIN_NS           (15000 * MS)
#define TELL_NS            (250 * MS)

static const struct peer_events events = {receive_opened, receive_text, receive_refused,
                                          receive_lost};

/* ---- before anybody connects ---- */

/* Somebody takes a connection there. */
static bool is_answering(const struct addrinfo *at)
{
    struct timeval patience = {.tv_sec = PROBE_S};
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience); /* of connect, too */
    bool is_it = connect(fd, at->ai_addr, at->ai_addrlen) == 0;
    close(fd);
    return is_it;
}

/* A name may stand for more addresses than the server listens on, like localhost. */
static const struct addrinfo *choose(const struct addrinfo *found)
{
    const struct addrinfo *at = found;
    while (at != NULL && found->ai_next != NULL && !is_answering(at))
        at = at->ai_next;
    return at ? at : found;
}

static bool find_address(struct hall *hall, struct error *err)
{
    const struct address *address = &hall->target->address;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char port[PORT_TEXT];
    snprintf(port, sizeof port, "%u", address->port);
    int code = getaddrinfo(address->host, port, &hints, &found);
    if (code != 0)
        return fail(err, ERROR_SYSTEM, "cannot find %s: %s", address->host, gai_strerror(code));
    const struct addrinfo *chosen = choose(found);
    memcpy(&hall->address, chosen->ai_addr, chosen->ai_addrlen);
    hall->address_len = chosen->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static bool allow_files(unsigned wanted, struct error *err)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted)
        return true;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur >= wanted ||
           fail(err, ERROR_SYSTEM,
                "%u connections need as many open files, and %llu are allowed; raise `ulimit -n`",
                wanted, (unsigned long long)limit.rlim_cur);
}

static void put_fields(struct buf *out, const struct plan *plan, enum carrier carrier)
{
    if (carrier == CARRIER_WEBSOCKET && plan->protocol->subprotocol != NULL)
        buf_printf(out, "Sec-WebSocket-Protocol: %s\r\n", plan->protocol->subprotocol);
    if (carrier == CARRIER_POST && plan->protocol->is_json)
        buf_add_text(out, "Content-Type: application/json\r\n");
    if (carrier == CARRIER_POST && *plan->api_key != '\0')
        buf_printf(out, "X-API-Key: %s\r\n", plan->api_key);
}

static bool prepare_hall(struct run *run, struct hall *hall, const struct target *target,
                         enum carrier carrier, struct error *err)
{
    struct buf fields = {0};
    size_t len;
    put_fields(&fields, run->plan, carrier);
    *hall = (struct hall){
        .target = target,
        .carrier = target->is_plain ? CARRIER_TCP : carrier,
        .opcode = run->plan->protocol->opcode,
        .cut = run->plan->protocol->cut,
        .tls = target->is_tls ? run->tls : NULL,
        .events = &events,
        .owner = run,
        .epoll = run->epoll,
    };
    hall->fields.len = fields.len;
    hall->fields.at = buf_take(&fields, &len);
    return find_address(hall, err);
}

static bool prepare_tls(struct run *run, struct error *err)
{
    const struct plan *plan = run->plan;
    if (!plan->target.is_tls && !plan->publish_target.is_tls)
        return true;
    run->tls = tls_client_create(plan->ca_file, plan->is_trusting, err);
    return run->tls != NULL;
}

/* SIGINT and SIGTERM are read like input. */
static void catch_signals(struct run *run, sigset_t *before)
{
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigprocmask(SIG_BLOCK, &ours, before);
    run->signals = signalfd(-1, &ours, SFD_NONBLOCK | SFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(run->epoll, EPOLL_CTL_ADD, run->signals, &event);
}

static void name_lanes(struct run *run)
{
    const struct plan *plan = run->plan;
    for (unsigned i = 0; i < run->lane_count; i++) {
        struct lane *lane = &run->lanes[i];
        char number[16];
        lane->channel = i % plan->channels;
        lane->turn = i / plan->channels;
        snprintf(number, sizeof number, "%u", lane->channel);
        struct placeholder n = {"n", slice_of(number)};
        bool fits = target_expand(lane->name, sizeof lane->name, plan->channel, &n, 1);
        ensure(fits);
    }
}

static void place_peers(struct run *run)
{
    const struct plan *plan = run->plan;
    for (unsigned i = 0; i < plan->subscribers; i++) {
        peer_init(&run->subscribers[i], &run->listen, i);
        run->subscribers[i].channel = i % plan->channels;
        run->subscribers[i].ledgers = run->ledgers + (size_t)i * plan_crowd(plan);
    }
    for (unsigned i = 0; i < run->lane_count; i++)
        run->lanes[i].listeners = plan->subscribers / plan->channels +
                                  (run->lanes[i].channel < plan->subscribers % plan->channels);
    for (unsigned i = 0; i < run->publisher_count; i++) {
        peer_init(&run->publishers[i], &run->speak, i);
        run->publishers[i].is_publisher = true;
        run->publishers[i].channel = i % plan->channels;
    }
}

static bool prepare(struct run *run, struct error *err)
{
    const struct plan *plan = run->plan;
    run->publisher_count = plan_publishers(plan);
    run->lane_count = plan->channels > run->publisher_count ? plan->channels : run->publisher_count;
    run->wanted = plan->subscribers + run->publisher_count;
    run->subscribers = xcalloc(plan->subscribers, sizeof *run->subscribers);
    run->publishers = xcalloc(run->publisher_count + 1, sizeof *run->publishers);
    run->lanes = xcalloc(run->lane_count, sizeof *run->lanes);
    run->ledgers = xcalloc((size_t)plan->subscribers * plan_crowd(plan), sizeof *run->ledgers);
    random_bytes(&run->number, sizeof run->number);
    name_lanes(run);
    place_peers(run);
    return allow_files(run->wanted + SPARE_FILES, err) && prepare_tls(run, err) &&
           prepare_hall(run, &run->listen, &plan->target,
                        plan->is_sse ? CARRIER_EVENTS : CARRIER_WEBSOCKET, err) &&
           prepare_hall(run, &run->speak, &plan->publish_target,
                        plan->is_posting ? CARRIER_POST : CARRIER_WEBSOCKET, err);
}

static void finish_hall(struct hall *hall)
{
    free((char *)hall->fields.at);
    buf_finish(&hall->scratch);
}

static void finish(struct run *run)
{
    pong_finish(run);
    for (unsigned i = 0; run->subscribers != NULL && i < run->plan->subscribers; i++)
        peer_finish(&run->subscribers[i]);
    for (unsigned i = 0; run->publishers != NULL && i < run->publisher_count; i++)
        peer_finish(&run->publishers[i]);
    free(run->subscribers);
    free(run->publishers);
    free(run->lanes);
    free(run->ledgers);
    finish_hall(&run->listen);
    finish_hall(&run->speak);
    tls_client_destroy(run->tls);
    buf_finish(&run->message);
    buf_finish(&run->text);
    buf_finish(&run->answer.answer);
    buf_finish(&run->answer.why);
    close(run->signals);
    close(run->epoll);
}

/* ---- the loop ---- */

static void take_signal(struct run *run)
{
    struct signalfd_siginfo info;
    if (read(run->signals, &info, sizeof info) > 0)
        run->result->is_interrupted = true;
}

static void turn(struct run *run, uint64_t rest_ns)
{
    struct epoll_event ready[EVENTS_MAX];
    struct timespec rest = {(time_t)(rest_ns / 1000000000), (long)(rest_ns % 1000000000)};
    int count = epoll_pwait2(run->epoll, ready, EVENTS_MAX, &rest, NULL);
    run->now_ns = clock_monotonic_ns();
    for (int i = 0; i < count; i++) {
        if (ready[i].data.ptr == NULL) {
            take_signal(run);
            continue;
        }
        peer_handle(ready[i].data.ptr, ready[i].events);
        run->now_ns = clock_monotonic_ns();
    }
    pong_turn(run);
}

static bool is_ended(const struct run *run)
{
    return run->is_broken || run->result->is_interrupted;
}

static void run_for(struct run *run, uint64_t length_ns)
{
    uint64_t end = clock_monotonic_ns() + length_ns;
    for (run->now_ns = clock_monotonic_ns(); run->now_ns < end && !is_ended(run);)
        turn(run, end - run->now_ns < 20 * MS ? end - run->now_ns : 20 * MS);
}

/* ---- telling ---- */

struct teller {
    uint64_t next_ns, last_ns, began_ns, deliveries;
};

static void tell(struct run *run, struct teller *teller)
{
    const struct histogram *latency = &run->result->latency;
    if (run->watch->tell == NULL || run->now_ns < teller->next_ns)
        return;
    double passed = (double)(run->now_ns - teller->last_ns) / 1e9;
    struct progress progress = {
        .connected = run->ready,
        .wanted = run->wanted,
        .seconds = teller->began_ns ? (double)(run->now_ns - teller->began_ns) / 1e9 : 0,
        .deliveries = run->received,
        .deliveries_per_s = passed > 0 ? (double)(run->received - teller->deliveries) / passed : 0,
        .missing = run->written_off,
        .p50_us = (double)histogram_find(latency, 0.5) / 1e3,
        .p99_us = (double)histogram_find(latency, 0.99) / 1e3,
    };
    run->watch->tell(run->watch->owner, &progress);
    teller->last_ns = run->now_ns;
    teller->next_ns = run->now_ns + TELL_NS;
    teller->deliveries = run->received;
}

/* ---- connecting ---- */

static void put_query(const struct run *run, const struct peer *peer, struct buf *path)
{
    const struct plan *plan = run->plan;
    struct introduction who = {.number = peer->number,
                               .channel = slice_of(run->lanes[peer->channel].name)};
    if (plan->token_count > 0)
        who.token = plan->tokens[peer->number % plan->token_count];
    char mark = strchr(buf_text(path), '?') ? '&' : '?';
    if (plan->as != NULL) {
        buf_printf(path, "%cas=%s%u", mark, plan->as, peer->number);
        mark = '&';
    }
    if (peer->hall->carrier == CARRIER_EVENTS && plan->protocol->put_query != NULL) {
        buf_add_byte(path, mark);
        plan->protocol->put_query(path, &who);
    }
}

static void connect_peer(struct run *run, struct peer *peer)
{
    char expanded[TARGET_PATH_MAX + CHANNEL_NAME_MAX];
    struct buf path = {0};
    struct placeholder channel = {"channel", slice_of(run->lanes[peer->channel].name)};
    bool fits =
        target_expand(expanded, sizeof expanded, slice_of(peer->hall->target->path), &channel, 1);
    ensure(fits);
    buf_add_text(&path, expanded);
    put_query(run, peer, &path);
    peer_connect(peer, buf_text(&path));
    buf_finish(&path);
}

/* Publishers first: where a channel needs one, it is there. */
static struct peer *nth_peer(struct run *run, unsigned n)
{
    return n < run->publisher_count ? &run->publishers[n]
                                    : &run->subscribers[n - run->publisher_count];
}

static bool fail_connecting(const struct run *run, struct error *err)
{
    if (run->result->is_interrupted)
        return fail(err, ERROR_SYSTEM, "stopped before all were connected");
    if (run->is_broken)
        return fail(err, run->broken.code, "%s", run->broken.text);
    return fail(err, ERROR_SYSTEM, "%u of %u connections are there, and for 10 s no more came",
                run->ready, run->wanted);
}

static bool connect_all(struct run *run, struct error *err)
{
    unsigned begun = 0, ready = 0;
    struct teller teller = {0};
    uint64_t start = clock_monotonic_ns(), last_ns = start;
    while (run->ready < run->wanted && !is_ended(run) &&
           run->now_ns < last_ns + CONNECT_SILENCE_NS) {
        while (begun < run->wanted && begun - run->ready < CONNECTING_MAX && !is_ended(run))
            connect_peer(run, nth_peer(run, begun++));
        turn(run, 20 * MS);
        if (run->ready != ready)
            last_ns = run->now_ns;
        ready = run->ready;
        tell(run, &teller);
    }
    run->result->connect_s = (double)(clock_monotonic_ns() - start) / 1e9;
    return run->ready == run->wanted || fail_connecting(run, err);
}

/* ---- what the server uses ---- */

static bool measure(const struct run *run, struct usage *usage, struct error *err)
{
    return run->plan->pid == 0 || process_measure(run->plan->pid, usage, err);
}

/* ---- what is counted ---- */

struct mark {
    uint64_t at_ns, received, published, bytes;
    struct usage usage;
    double own_cpu_s;
};

static uint64_t bytes_in(const struct run *run)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < run->plan->subscribers; i++)
        bytes += run->subscribers[i].bytes_in;
    return bytes;
}

static bool set_mark(const struct run *run, struct mark *mark)
{
    struct error ignored;
    *mark = (struct mark){.received = run->received,
                          .published = run->published,
                          .bytes = bytes_in(run),
                          .own_cpu_s = process_own_cpu_s()};
    bool is_there = measure(run, &mark->usage, &ignored);
    mark->at_ns = clock_monotonic_ns();
    return is_there && run->plan->pid != 0;
}

static void reckon(struct result *result, const struct mark *from, const struct mark *to)
{
    result->seconds = (double)(to->at_ns - from->at_ns) / 1e9;
    result->deliveries = to->received - from->received;
    result->publishes = to->published - from->published;
    result->bytes = to->bytes - from->bytes;
    result->own_cpu_s = to->own_cpu_s - from->own_cpu_s;
    result->server_cpu_s = to->usage.cpu_s - from->usage.cpu_s;
    result->end = to->usage;
}

/* Is somebody left to listen, and to publish? */
static bool is_alive(const struct run *run)
{
    return run->ready > run->ready_publishers &&
           (run->publisher_count == 0 || run->ready_publishers > 0);
}

/* Until the time is over. */
static void flow(struct run *run, double seconds, struct teller *teller)
{
    uint64_t end = clock_monotonic_ns() + (uint64_t)(seconds * 1e9);
    while (run->now_ns < end && !is_ended(run) && is_alive(run)) {
        uint64_t rest = pace_rest_ns(run), left = end - run->now_ns;
        pace_turn(run);
        turn(run, rest < left ? rest : left);
        tell(run, teller);
    }
}

static void drain(struct run *run)
{
    uint64_t end = clock_monotonic_ns() + DRAIN_NS;
    run->is_over = true;
    run->last_receipt_ns = run->now_ns;
    while (run->received < run->expected && run->now_ns < end &&
           run->ready > run->ready_publishers &&
           run->now_ns < run->last_receipt_ns + DRAIN_SILENCE_NS && !run->is_broken)
        turn(run, 20 * MS);
}

static void count_missing(struct run *run)
{
    for (unsigned i = 0; i < run->plan->subscribers; i++) {
        const struct peer *peer = &run->subscribers[i];
        for (unsigned k = peer->channel; k < run->lane_count; k += run->plan->channels)
            run->result->faults.missing +=
                ledger_missing(&peer->ledgers[run->lanes[k].turn], run->lanes[k].published);
    }
}

static void publish_and_count(struct run *run)
{
    struct mark from, to;
    struct teller teller = {0};
    pace_begin(run);
    flow(run, run->plan->warm_up_s, &teller);
    run->is_counting = true;
    set_mark(run, &from);
    teller.began_ns = from.at_ns;
    flow(run, run->plan->seconds, &teller);
    run->result->is_measured = set_mark(run, &to);
    reckon(run->result, &from, &to);
    run->is_counting = false;
    drain(run);
    count_missing(run);
}

static void hold(struct run *run)
{
    struct mark from, to;
    struct teller teller = {0};
    run->now_ns = clock_monotonic_ns();
    set_mark(run, &from);
    teller.began_ns = from.at_ns;
    flow(run, run->plan->seconds, &teller);
    run->result->is_measured = set_mark(run, &to);
    reckon(run->result, &from, &to);
}

static bool run_prepared(struct run *run, struct error *err)
{
    struct result *result = run->result;
    run->now_ns = clock_monotonic_ns();
    if (!measure(run, &result->before, err) || !connect_all(run, err))
        return false;
    run_for(run, SETTLE_NS);
    if (!measure(run, &result->connected, err))
        return false;
    if (run->plan->pace == PACE_HOLD)
        hold(run);
    else
        publish_and_count(run);
    return true;
}

bool run_plan(const struct plan *plan, const struct run_watch *watch, struct result *result,
              struct error *err)
{
    sigset_t before;
    struct run run = {.plan = plan, .watch = watch, .result = result};
    *result = (struct result){0};
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    catch_signals(&run, &before);
    bool is_run = prepare(&run, err) && run_prepared(&run, err);
    finish(&run);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return is_run;
}

bool result_is_good(const struct result *result)
{
    const struct faults *f = &result->faults;
    return f->missing == 0 && f->out_of_order == 0 && f->doubled == 0 && f->misrouted == 0 &&
           f->damaged == 0 && f->refused == 0 && f->lost == 0;
}
