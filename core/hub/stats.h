/* What one worker has counted. Written by its thread alone, read by any. */
#ifndef HUB_STATS_H
#define HUB_STATS_H

#include "base/buf.h"

#include <stdatomic.h>
#include <stdint.h>

/* X(NAME, "metric{labels}", "type", "help"). Rows of one metric stand together. Never a channel's
 * or a user's name as a label. */
#define STATS(X)                                                                                   \
    X(CONNECTIONS, "weir_connections", "gauge", "Open connections, any protocol.")                 \
    X(SESSIONS, "weir_sessions", "gauge", "Connections that have connected in a dialect.")         \
    X(SUBSCRIPTIONS, "weir_subscriptions", "gauge", "Channel memberships.")                        \
    X(CHANNELS, "weir_channels", "gauge", "Live channels.")                                        \
    X(EVENT_STREAMS, "weir_event_streams", "gauge",                                                \
      "Open event streams: connections that are not WebSockets.")                                  \
    X(ACCEPTED, "weir_accepted_total", "counter", "Connections accepted.")                         \
    X(COMMANDS_IN, "weir_commands_in_total", "counter", "Commands received from clients.")         \
    X(MESSAGES_IN, "weir_messages_in_total", "counter",                                            \
      "Messages published, by clients, scripts and the API.")                                      \
    X(MESSAGES_OUT, "weir_messages_out_total", "counter", "Messages handed to subscribers.")       \
    X(VIEWS_MADE, "weir_views_made_total", "counter",                                              \
      "Messages as a view shows them, each made once for all who have that view.")                 \
    X(HOOKS_RUN, "weir_hooks_run_total", "counter", "Hooks run: how often Lua was entered.")       \
    X(FILTERS_ASKED, "weir_filters_asked_total", "counter",                                        \
      "Times that a filter was asked for a message: once for all who have equal ones.")            \
    X(LATEST_FORGOTTEN, "weir_latest_forgotten_total", "counter",                                  \
      "Keys of `latest` that gave way to others, since a channel keeps so many.")                  \
    X(ROLLUP_NO_NUMBER, "weir_rollup_left_out_total{reason=\"no_number\"}", "counter",            \
      "Messages that a `rollup` did not sum up, by reason.")                                       \
    X(ROLLUP_NO_ROOM, "weir_rollup_left_out_total{reason=\"no_room\"}", "counter", "")             \
    X(BYTES_IN, "weir_bytes_in_total", "counter", "Bytes received.")                               \
    X(BYTES_OUT, "weir_bytes_out_total", "counter", "Bytes sent.")                                 \
    X(DROPS_SLOW_BYTES, "weir_drops_total{reason=\"slow_bytes\"}", "counter",                      \
      "Messages not delivered, by reason.")                                                        \
    X(DROPS_SLOW_AGE, "weir_drops_total{reason=\"slow_age\"}", "counter", "")                      \
    X(DROPS_SLOW_OLDEST, "weir_drops_total{reason=\"slow_oldest\"}", "counter", "")                \
    X(DROPS_SLOW_CONFLATED, "weir_drops_total{reason=\"slow_conflated\"}", "counter", "")          \
    X(DROPS_CONFLATED, "weir_drops_total{reason=\"conflated\"}", "counter", "")                    \
    X(DROPS_SCRIPT, "weir_drops_total{reason=\"script\"}", "counter", "")                          \
    X(DROPS_HOPS, "weir_drops_total{reason=\"hops\"}", "counter", "")                              \
    X(DROPS_WISHES, "weir_drops_total{reason=\"wishes\"}", "counter", "")                              \
    X(DROPS_UNKNOWN, "weir_drops_total{reason=\"unknown_channel\"}", "counter", "")                \
    X(REFUSED_RULE, "weir_refused_total{reason=\"rule\"}", "counter",                              \
      "Commands refused, by reason.")                                                              \
    X(REFUSED_SCRIPT, "weir_refused_total{reason=\"script\"}", "counter", "")                      \
    X(REFUSED_RATE, "weir_refused_total{reason=\"rate\"}", "counter", "")                                          \
    X(REFUSED_SCHEMA, "weir_refused_total{reason=\"schema\"}", "counter", "")                      \
    X(REFUSED_SCHEMA_LIMIT, "weir_refused_total{reason=\"schema_limit\"}", "counter", "")          \
    X(REFUSED_SIZE, "weir_refused_total{reason=\"max_size\"}", "counter", "")                      \
    X(REFUSED_OVERLOADED, "weir_refused_total{reason=\"overloaded\"}", "counter", "")              \
    X(REFUSED_FILTER, "weir_refused_total{reason=\"filter\"}", "counter", "")                      \
    X(REFUSED_LIMIT, "weir_refused_total{reason=\"limit\"}", "counter", "")                        \
    X(REFUSED_TOKEN, "weir_refused_total{reason=\"token\"}", "counter", "")                        \
    X(REFUSED_ORIGIN, "weir_refused_total{reason=\"origin\"}", "counter", "")                      \
    X(REFUSED_DESCRIPTORS, "weir_refused_total{reason=\"descriptors\"}", "counter", "")            \
    X(REFUSED_CONNECTIONS, "weir_refused_total{reason=\"max_connections\"}", "counter", "")        \
    X(NOTICES_LEFT_OUT, "weir_hooks_left_out_total{hook=\"on_published\"}", "counter",             \
      "Hooks that were not run, for too much waits in their channel.")                             \
    X(TIMERS_LEFT_OUT, "weir_timers_left_out_total", "counter",                                    \
      "Timers that were not set, for their channel has as many as may be.")                        \
    X(ONCE_REPEATED, "weir_once_total{result=\"repeated\"}", "counter",                             \
      "Commands that repeat one, answered as it was; and what was forgotten before its time.")     \
    X(ONCE_FORGOTTEN, "weir_once_total{result=\"forgotten\"}", "counter", "")                      \
    X(HTTP_ANSWERED, "weir_fetch_total{result=\"answered\"}", "counter",                    \
      "Requests of scripts to other servers that have ended, by how: answered is with any status.")  \
    X(HTTP_UPSTREAM, "weir_fetch_total{result=\"failed\"}", "counter", "")                  \
    X(HTTP_TIMED_OUT, "weir_fetch_total{result=\"timed_out\"}", "counter", "")              \
    X(HTTP_TOO_LARGE, "weir_fetch_total{result=\"too_large\"}", "counter", "")              \
    X(HTTP_NOT_ALLOWED, "weir_fetch_total{result=\"not_allowed\"}", "counter", "")          \
    X(HTTP_OVERLOADED, "weir_fetch_total{result=\"overloaded\"}", "counter", "")            \
    X(HTTP_BAD_REQUEST, "weir_fetch_total{result=\"bad_request\"}", "counter", "")          \
    X(HTTP_GIVEN_UP, "weir_fetch_total{result=\"given_up\"}", "counter", "")                \
    X(HTTP_PENDING, "weir_fetch_pending", "gauge", "Requests of scripts under way.")         \
    X(CACHE_HITS, "weir_cache_total{result=\"hit\"}", "counter",                                    \
      "What scripts asked `cache` for: fresh, stale, fetched, or fetched by another at that moment.") \
    X(CACHE_STALE, "weir_cache_total{result=\"stale\"}", "counter", "")                             \
    X(CACHE_MISSES, "weir_cache_total{result=\"miss\"}", "counter", "")                             \
    X(CACHE_JOINED, "weir_cache_total{result=\"joined\"}", "counter", "")                           \
    X(CACHE_FAILED, "weir_cache_total{result=\"failed\"}", "counter", "")                           \
    X(CACHE_EVICTED, "weir_cache_evicted_total", "counter", "Values that gave way to others.")       \
    X(CACHE_BYTES, "weir_cache_bytes", "gauge", "What `cache` holds.")                               \
    X(STORE_REFUSED, "weir_store_refused_total", "counter",                                        \
      "Values of scripts that were not kept, for the store is full.")                              \
    X(RECHECKED_STAYS, "weir_rechecked_total{result=\"stays\"}", "counter",                        \
      "Members whose subscribe rule was asked again after a reload, by how that ended.")           \
    X(RECHECKED_PUT_OUT, "weir_rechecked_total{result=\"put_out\"}", "counter", "")                \
    X(KICKED, "weir_kicked_total", "counter", "Members put out of a channel by a script.")         \
    X(CUT_BAD_REQUEST, "weir_cut_total{reason=\"bad_request\"}", "counter",                        \
      "Connections ended by us, by reason.")                                                       \
    X(CUT_SLOW, "weir_cut_total{reason=\"slow\"}", "counter", "")                                  \
    X(CUT_TIMEOUT, "weir_cut_total{reason=\"timeout\"}", "counter", "")                            \
    X(CUT_NO_PONG, "weir_cut_total{reason=\"no_pong\"}", "counter", "")                            \
    X(CUT_OTHER, "weir_cut_total{reason=\"other\"}", "counter", "")                                \
    X(DEFLATE_BEFORE, "weir_deflate_bytes_total{stage=\"before\"}", "counter",                     \
      "Bytes of the messages that were compressed, before and after. Each once, however many "     \
      "hear it.")                                                                                  \
    X(DEFLATE_AFTER, "weir_deflate_bytes_total{stage=\"after\"}", "counter", "")                   \
    X(INFLATE_TOO_LARGE, "weir_inflate_refused_total{reason=\"size\"}", "counter",                 \
      "Compressed messages that were not taken, by reason.")                                       \
    X(INFLATE_DAMAGED, "weir_inflate_refused_total{reason=\"damaged\"}", "counter", "")            \
    X(HTTP_REQUESTS, "weir_http_requests_total", "counter", "HTTP requests answered.")             \
    X(HTTP_REFUSED, "weir_http_refused_total", "counter", "HTTP requests answered with an error.")

enum counter {
#define X(name, metric, type, help) STAT_##name,
    STATS(X)
#undef X
        STAT_COUNT
};

struct stats {
    _Atomic uint64_t values[STAT_COUNT];
};

/* A gauge goes down by adding -1. One writer, so no read-modify-write is needed. */
static inline void stats_add(struct stats *stats, enum counter stat, int64_t n)
{
    uint64_t old = atomic_load_explicit(&stats->values[stat], memory_order_relaxed);
    atomic_store_explicit(&stats->values[stat], old + (uint64_t)n, memory_order_relaxed);
}

static inline uint64_t stats_get(const struct stats *stats, enum counter stat)
{
    return atomic_load_explicit(&((struct stats *)stats)->values[stat], memory_order_relaxed);
}

/* Appends Prometheus text of the sums over all workers. */
void stats_put(struct stats *const *all, unsigned count, struct buf *out);

#endif
