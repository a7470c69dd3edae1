#include "bench/report.h"

#include "wire/json.h"

/* 1234567 as 1,234,567. */
static void put_count(struct buf *out, uint64_t n)
{
    if (n >= 1000) {
        put_count(out, n / 1000);
        buf_printf(out, ",%03u", (unsigned)(n % 1000));
    } else {
        buf_add_unsigned(out, n);
    }
}

static void put_counted(struct buf *out, uint64_t n, const char *what)
{
    put_count(out, n);
    buf_printf(out, " %s%s", what, n == 1 ? "" : "s");
}

/* 12.3 µs, 4.56 ms, 1.23 s. */
static void put_duration(struct buf *out, double us)
{
    if (us < 1000)
        buf_printf(out, "%.0f µs", us);
    else if (us < 1e6)
        buf_printf(out, "%.2f ms", us / 1e3);
    else
        buf_printf(out, "%.2f s", us / 1e6);
}

static double quantile_us(const struct result *result, double share)
{
    return (double)histogram_find(&result->latency, share) / 1e3;
}

static double per_second(double count, const struct result *result)
{
    return result->seconds > 0 ? count / result->seconds : 0;
}

static double cpu_per_million(const struct result *result)
{
    return result->deliveries ? result->server_cpu_s * 1e6 / (double)result->deliveries : 0;
}

static double bytes_per_connection(const struct plan *plan, const struct usage *before,
                                   const struct usage *after)
{
    return ((double)after->memory - (double)before->memory) / plan->subscribers;
}

/* ---- for people ---- */

static void put_pace(struct buf *out, const struct plan *plan)
{
    switch (plan->pace) {
    case PACE_WINDOW:
        buf_printf(out, ", window %u", plan->window);
        if (plan->burst > 1)
            buf_printf(out, " in bursts of %u", plan->burst);
        break;
    case PACE_RATE:
        buf_printf(out, ", %g messages a second", plan->rate);
        break;
    case PACE_PING_PONG:
        buf_add_text(out, ", each publishes and waits for its own");
        break;
    case PACE_HOLD:
        buf_add_text(out, ", idle");
    }
}

static void put_title(struct buf *out, const struct plan *plan, const struct result *result)
{
    put_counted(out, plan->subscribers, plan->is_sse ? "event stream" : "subscriber");
    buf_add_text(out, " in ");
    put_counted(out, plan->channels, "channel");
    put_pace(out, plan);
    if (plan->pace != PACE_HOLD)
        buf_printf(out, ", %zu bytes", plan->message.len);
    buf_printf(out, ", %.1f s%s\n", result->seconds, result->is_interrupted ? " (stopped)" : "");
}

static void put_rate(struct buf *out, const char *name, uint64_t count, const struct result *result)
{
    buf_printf(out, "  %-12s ", name);
    put_count(out, (uint64_t)(per_second((double)count, result) + 0.5));
    buf_add_text(out, " /s (");
    put_count(out, count);
    buf_add_text(out, ")\n");
}

static const struct {
    const char *name, *key;
    double share;
} quantiles[] = {
    {"p50", "p50", 0.5},      {"p90", "p90", 0.9}, {"p99", "p99", 0.99},
    {"p99.9", "p999", 0.999}, {"max", "max", 1},
};
enum { QUANTILES = sizeof quantiles / sizeof *quantiles };

static void put_latency(struct buf *out, const struct result *result)
{
    buf_printf(out, "  %-12s", "latency");
    for (unsigned i = 0; i < QUANTILES; i++) {
        buf_printf(out, " %s ", quantiles[i].name);
        put_duration(out, quantile_us(result, quantiles[i].share));
        buf_add_text(out, i + 1 < QUANTILES ? "," : "\n");
    }
}

static void put_faults(struct buf *out, const struct result *result)
{
    const struct faults *f = &result->faults;
    const struct {
        const char *name;
        uint64_t count;
        bool is_always;
    } all[] = {
        {"missing", f->missing, true},        {"out of order", f->out_of_order, true},
        {"doubled", f->doubled, true},        {"misrouted", f->misrouted, false},
        {"damaged", f->damaged, false},       {"refused publishes", f->refused, false},
        {"lost connections", f->lost, false},
    };
    buf_printf(out, "  %-12s ", "faults");
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        if (!all[i].is_always && all[i].count == 0)
            continue;
        buf_printf(out, "%s%s ", i > 0 ? ", " : "", all[i].name);
        put_count(out, all[i].count);
    }
    buf_add_byte(out, '\n');
    if (result->why.code != ERROR_NONE)
        buf_printf(out, "  %-12s %s\n", "first", result->why.text);
}

static void put_connecting(struct buf *out, const struct plan *plan, const struct result *result)
{
    unsigned all = plan->subscribers + plan_publishers(plan);
    buf_printf(out, "  %-12s ", "connecting");
    put_count(out, all);
    buf_printf(out, " in %.2f s, ", result->connect_s);
    put_count(out, (uint64_t)(all / (result->connect_s > 0 ? result->connect_s : 1e-9)));
    buf_add_text(out, " /s\n");
}

static void put_server(struct buf *out, const struct plan *plan, const struct result *result)
{
    if (!result->is_measured)
        return;
    buf_printf(out, "  %-12s %.2f cores", "server", per_second(result->server_cpu_s, result));
    if (result->deliveries > 0)
        buf_printf(out, ", %.3f s per million deliveries", cpu_per_million(result));
    buf_printf(out, ", %.1f MB, ", (double)result->end.memory / 1e6);
    double bytes = bytes_per_connection(plan, &result->before, &result->connected);
    put_count(out, (uint64_t)(bytes > 0 ? bytes : 0));
    buf_add_text(out, " bytes a connection\n");
}

static void put_own(struct buf *out, const struct result *result)
{
    double cores = per_second(result->own_cpu_s, result);
    buf_printf(out, "  %-12s %.2f cores%s\n", "this program", cores,
               cores > 0.95 ? ": it is the limit, not the server" : "");
}

void bench_report_put(struct buf *out, const struct plan *plan, const struct result *result)
{
    put_title(out, plan, result);
    if (plan->pace != PACE_HOLD) {
        put_rate(out, "deliveries", result->deliveries, result);
        put_rate(out, "publishes", result->publishes, result);
        put_latency(out, result);
    }
    put_faults(out, result);
    put_connecting(out, plan, result);
    put_server(out, plan, result);
    put_own(out, result);
}

void bench_report_put_progress(struct buf *out, const struct progress *progress)
{
    if (progress->connected < progress->wanted && progress->seconds == 0) {
        put_count(out, progress->connected);
        buf_add_text(out, " of ");
        put_counted(out, progress->wanted, "connection");
        return;
    }
    buf_printf(out, "%.0f s  ", progress->seconds);
    put_count(out, (uint64_t)progress->deliveries_per_s);
    buf_add_text(out, " deliveries/s  p50 ");
    put_duration(out, progress->p50_us);
    buf_add_text(out, "  p99 ");
    put_duration(out, progress->p99_us);
    if (progress->missing > 0) {
        buf_add_text(out, "  missing ");
        put_count(out, progress->missing);
    }
}

/* ---- for programs ---- */

static void put_plan_json(struct buf *out, const struct plan *plan)
{
    static const char *const paces[] = {"window", "rate", "ping_pong", "hold"};
    buf_printf(out, "{\"protocol\":\"%s\",\"transport\":\"%s\",\"pace\":\"%s\"",
               plan->protocol->name,
               plan->is_sse            ? "sse"
               : plan->target.is_plain ? "tcp"
                                       : "websocket",
               paces[plan->pace]);
    buf_printf(out, ",\"tls\":%s,\"subscribers\":%u,\"channels\":%u,\"publishers\":%u",
               plan->target.is_tls ? "true" : "false", plan->subscribers, plan->channels,
               plan_publishers(plan));
    if (plan->pace == PACE_WINDOW)
        buf_printf(out, ",\"window\":%u,\"burst\":%u", plan->window, plan->burst);
    if (plan->pace == PACE_RATE)
        buf_printf(out, ",\"rate\":%g", plan->rate);
    buf_printf(out, ",\"bytes\":%zu", plan->message.len);
}

static void put_flow_json(struct buf *out, const struct result *result)
{
    buf_printf(out, ",\"deliveries\":%llu,\"deliveries_per_s\":%.1f,\"publishes\":%llu",
               (unsigned long long)result->deliveries,
               per_second((double)result->deliveries, result),
               (unsigned long long)result->publishes);
    buf_printf(out, ",\"publishes_per_s\":%.1f,\"bytes_per_s\":%.0f,\"latency_us\":{",
               per_second((double)result->publishes, result),
               per_second((double)result->bytes, result));
    for (unsigned i = 0; i < QUANTILES; i++)
        buf_printf(out, "%s\"%s\":%.1f", i > 0 ? "," : "", quantiles[i].key,
                   quantile_us(result, quantiles[i].share));
    buf_add_byte(out, '}');
}

static void put_faults_json(struct buf *out, const struct result *result)
{
    const struct faults *f = &result->faults;
    buf_printf(out, ",\"missing\":%llu,\"out_of_order\":%llu,\"doubled\":%llu,\"misrouted\":%llu",
               (unsigned long long)f->missing, (unsigned long long)f->out_of_order,
               (unsigned long long)f->doubled, (unsigned long long)f->misrouted);
    buf_printf(out, ",\"damaged\":%llu,\"refused\":%llu,\"lost_connections\":%u",
               (unsigned long long)f->damaged, (unsigned long long)f->refused, f->lost);
    if (result->why.code != ERROR_NONE) {
        buf_add_text(out, ",\"why\":");
        json_quote(out, slice_of(result->why.text));
    }
}

static void put_server_json(struct buf *out, const struct plan *plan, const struct result *result)
{
    if (!result->is_measured)
        return;
    buf_printf(out, ",\"server\":{\"cpu_s\":%.3f,\"cores\":%.3f,\"cpu_s_per_million\":%.4f",
               result->server_cpu_s, per_second(result->server_cpu_s, result),
               cpu_per_million(result));
    buf_printf(out, ",\"memory_before\":%llu,\"memory_connected\":%llu,\"memory_end\":%llu",
               (unsigned long long)result->before.memory,
               (unsigned long long)result->connected.memory,
               (unsigned long long)result->end.memory);
    buf_printf(out, ",\"bytes_per_connection\":%.0f,\"bytes_per_connection_end\":%.0f}",
               bytes_per_connection(plan, &result->before, &result->connected),
               bytes_per_connection(plan, &result->before, &result->end));
}

void bench_report_put_json(struct buf *out, const struct plan *plan, const struct result *result)
{
    put_plan_json(out, plan);
    buf_printf(out, ",\"connect_s\":%.3f,\"seconds\":%.3f,\"interrupted\":%s", result->connect_s,
               result->seconds, result->is_interrupted ? "true" : "false");
    put_flow_json(out, result);
    put_faults_json(out, result);
    buf_printf(out, ",\"generator_cores\":%.3f", per_second(result->own_cpu_s, result));
    put_server_json(out, plan, result);
    buf_add_text(out, "}\n");
}
