#include "script/meter.h"

#include <stdlib.h>

#include "base/memory.h"
#include "script/declare.h"

void meter_finish(struct meter *meter)
{
    struct meter_row *row = atomic_load(&meter->first), *next;
    for (; row != NULL; row = next) {
        next = row->next;
        free(row);
    }
    atomic_store(&meter->first, NULL);
}

static struct meter_row *find_row(struct meter *meter, const char *script)
{
    struct meter_row *row = atomic_load_explicit(&meter->first, memory_order_acquire);
    while (row != NULL && strcmp(row->script, script) != 0)
        row = row->next;
    return row;
}

struct meter_row *meter_row(struct meter *meter, const char *script)
{
    struct meter_row *row = find_row(meter, script);
    if (row != NULL)
        return row;
    row = xcalloc(1, sizeof *row + strlen(script) + 1);
    memcpy(row->script, script, strlen(script));
    row->next = atomic_load_explicit(&meter->first, memory_order_relaxed);
    atomic_store_explicit(&meter->first, row, memory_order_release);
    return row;
}

void meter_count(struct meter_row *row, unsigned hook, bool is_error, uint64_t ns)
{
    struct meter_cell *cell = &row->cells[hook];
    atomic_fetch_add_explicit(&cell->calls, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&cell->errors, is_error, memory_order_relaxed);
    atomic_fetch_add_explicit(&cell->ns, ns, memory_order_relaxed);
}

void meter_set_bytes(struct meter_row *row, size_t bytes)
{
    atomic_store_explicit(&row->bytes, bytes, memory_order_relaxed);
}

/* ---- reading ---- */

struct sum {
    unsigned long long calls, errors, ns, bytes;
};

static struct sum sum_up(struct meter *const *meters, unsigned count, const char *script,
                         unsigned hook)
{
    struct sum sum = {0};
    for (unsigned i = 0; i < count; i++) {
        struct meter_row *row = find_row(meters[i], script);
        if (row == NULL)
            continue;
        struct meter_cell *cell = &row->cells[hook];
        sum.calls += atomic_load_explicit(&cell->calls, memory_order_relaxed);
        sum.errors += atomic_load_explicit(&cell->errors, memory_order_relaxed);
        sum.ns += atomic_load_explicit(&cell->ns, memory_order_relaxed);
        sum.bytes += atomic_load_explicit(&row->bytes, memory_order_relaxed);
    }
    return sum;
}

/* A label value: quotes, backslashes and newlines escaped. */
static void put_label(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_add_byte(out, '\\');
        buf_add_text(out, *text == '\n' ? "\\n" : (char[]){*text, '\0'});
    }
}

static void put_series(struct buf *out, const char *name, const char *script, unsigned hook)
{
    buf_printf(out, "%s{script=\"", name);
    put_label(out, script);
    buf_printf(out, "\",hook=\"%s\"} ",
               hook < HOOK_COUNT ? hook_name((enum hook)hook)
               : hook - HOOK_COUNT == SERVER_CALL
                   ? "server_rpc"
                   : server_hook_name((enum server_hook)(hook - HOOK_COUNT)));
}

enum family { CALLS, ERRORS, SECONDS };

static void put_cell(struct buf *out, enum family family, const char *script, unsigned hook,
                     const struct sum *sum)
{
    static const char *const names[] = {"weir_script_calls_total", "weir_script_errors_total",
                                        "weir_script_seconds_total"};
    put_series(out, names[family], script, hook);
    if (family == SECONDS)
        buf_printf(out, "%llu.%09llu\n", sum->ns / 1000000000, sum->ns % 1000000000);
    else
        buf_printf(out, "%llu\n", family == CALLS ? sum->calls : sum->errors);
}

/* Whether meters[at] is the first that knows the script: it is told once. */
static bool is_first(struct meter *const *meters, unsigned at, const char *script)
{
    for (unsigned i = 0; i < at; i++)
        if (find_row(meters[i], script) != NULL)
            return false;
    return true;
}

typedef void put_row(struct buf *out, struct meter *const *meters, unsigned count,
                     const char *script, enum family family);

static void put_cells(struct buf *out, struct meter *const *meters, unsigned count,
                      const char *script, enum family family)
{
    for (unsigned hook = 0; hook < METER_HOOKS; hook++) {
        struct sum sum = sum_up(meters, count, script, hook);
        if (sum.calls > 0)
            put_cell(out, family, script, hook, &sum);
    }
}

static void put_bytes(struct buf *out, struct meter *const *meters, unsigned count,
                      const char *script, enum family family)
{
    (void)family;
    buf_add_text(out, "weir_script_memory_bytes{script=\"");
    put_label(out, script);
    buf_printf(out, "\"} %llu\n", sum_up(meters, count, script, 0).bytes);
}

static void put_rows(struct buf *out, struct meter *const *meters, unsigned count, put_row *put,
                     enum family family)
{
    for (unsigned i = 0; i < count; i++) {
        struct meter_row *row = atomic_load_explicit(&meters[i]->first, memory_order_acquire);
        for (; row != NULL; row = row->next)
            if (is_first(meters, i, row->script))
                put(out, meters, count, row->script, family);
    }
}

void meters_put(struct meter *const *meters, unsigned count, struct buf *out)
{
    buf_add_text(out, "# HELP weir_script_calls_total Hooks called.\n"
                      "# TYPE weir_script_calls_total counter\n");
    put_rows(out, meters, count, put_cells, CALLS);
    buf_add_text(out, "# HELP weir_script_errors_total Hooks that failed or were stopped.\n"
                      "# TYPE weir_script_errors_total counter\n");
    put_rows(out, meters, count, put_cells, ERRORS);
    buf_add_text(out, "# HELP weir_script_seconds_total Time spent in hooks.\n"
                      "# TYPE weir_script_seconds_total counter\n");
    put_rows(out, meters, count, put_cells, SECONDS);
    buf_add_text(out, "# HELP weir_script_memory_bytes Bytes a script's VMs hold.\n"
                      "# TYPE weir_script_memory_bytes gauge\n");
    put_rows(out, meters, count, put_bytes, CALLS);
}
