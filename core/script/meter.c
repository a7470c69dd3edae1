#include "script/meter.h"

#include <stdlib.h>

#include "base/memory.h"
#include "script/declare.h"

static void row_destroy(struct meter_row *row)
{
    struct meter_method *method = atomic_load(&row->methods), *next;
    for (; method != NULL; method = next) {
        next = method->next;
        free(method);
    }
    free(row);
}

void meter_finish(struct meter *meter)
{
    struct meter_row *row = atomic_load(&meter->first), *next;
    for (; row != NULL; row = next) {
        next = row->next;
        row_destroy(row);
    }
    atomic_store(&meter->first, NULL);
}

static void add_cell(const struct meter_cell *cell, uint64_t *calls, uint64_t *errors)
{
    *calls += atomic_load_explicit(&cell->calls, memory_order_relaxed);
    *errors += atomic_load_explicit(&cell->errors, memory_order_relaxed);
}

void meter_total(const struct meter *meter, uint64_t *calls, uint64_t *errors)
{
    const struct meter_row *row = atomic_load_explicit(&meter->first, memory_order_acquire);
    for (; row != NULL; row = row->next) {
        for (int hook = 0; hook < METER_HOOKS; hook++)
            add_cell(&row->cells[hook], calls, errors);
        const struct meter_method *method = atomic_load_explicit(&row->methods, memory_order_acquire);
        for (; method != NULL; method = method->next)
            add_cell(&method->cell, calls, errors);
    }
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

static struct meter_method *find_method(struct meter_row *row, struct slice name)
{
    struct meter_method *method = atomic_load_explicit(&row->methods, memory_order_acquire);
    while (method != NULL && !slice_is(name, method->name))
        method = method->next;
    return method;
}

void meter_add_method(struct meter_row *row, const char *name)
{
    if (find_method(row, slice_of(name)) != NULL)
        return;
    struct meter_method *method = xcalloc(1, sizeof *method + strlen(name) + 1);
    memcpy(method->name, name, strlen(name));
    method->next = atomic_load_explicit(&row->methods, memory_order_relaxed);
    atomic_store_explicit(&row->methods, method, memory_order_release);
}

static void add_call(struct meter_cell *cell, bool is_error, uint64_t ns)
{
    atomic_fetch_add_explicit(&cell->calls, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&cell->errors, is_error, memory_order_relaxed);
    atomic_fetch_add_explicit(&cell->ns, ns, memory_order_relaxed);
}

void meter_count_method(struct meter_row *row, struct slice name, bool is_error, uint64_t ns)
{
    struct meter_method *method = find_method(row, name);
    if (method != NULL)
        add_call(&method->cell, is_error, ns);
}

void meter_count(struct meter_row *row, unsigned hook, bool is_error, uint64_t ns)
{
    ensure(hook != HOOK_CALL && hook != HOOK_COUNT + SERVER_CALL);
    add_call(&row->cells[hook], is_error, ns);
}

void meter_set_bytes(struct meter_row *row, size_t bytes)
{
    atomic_store_explicit(&row->bytes, bytes, memory_order_relaxed);
}

/* ---- reading ---- */

struct sum {
    unsigned long long calls, errors, ns;
};

/* One series' place: a hook, or a method where that is not NULL. */
struct which {
    const char *script, *method;
    unsigned hook;
};

static struct meter_cell *find_cell(struct meter *meter, const struct which *which)
{
    struct meter_row *row = find_row(meter, which->script);
    if (row == NULL)
        return NULL;
    if (which->method == NULL)
        return &row->cells[which->hook];
    struct meter_method *method = find_method(row, slice_of(which->method));
    return method != NULL ? &method->cell : NULL;
}

static struct sum sum_up(struct meter *const *meters, unsigned count, const struct which *which)
{
    struct sum sum = {0};
    for (unsigned i = 0; i < count; i++) {
        struct meter_cell *cell = find_cell(meters[i], which);
        if (cell == NULL)
            continue;
        sum.calls += atomic_load_explicit(&cell->calls, memory_order_relaxed);
        sum.errors += atomic_load_explicit(&cell->errors, memory_order_relaxed);
        sum.ns += atomic_load_explicit(&cell->ns, memory_order_relaxed);
    }
    return sum;
}

static unsigned long long sum_bytes(struct meter *const *meters, unsigned count, const char *script)
{
    unsigned long long bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        struct meter_row *row = find_row(meters[i], script);
        if (row != NULL)
            bytes += atomic_load_explicit(&row->bytes, memory_order_relaxed);
    }
    return bytes;
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

static void put_series(struct buf *out, const char *name, const struct which *which)
{
    buf_printf(out, "%s{script=\"", name);
    put_label(out, which->script);
    buf_add_text(out, "\",hook=\"");
    if (which->method != NULL) {
        buf_add_text(out, "rpc_");
        put_label(out, which->method);
    } else {
        buf_add_text(out, which->hook < HOOK_COUNT
                              ? hook_name((enum hook)which->hook)
                              : server_hook_name((enum server_hook)(which->hook - HOOK_COUNT)));
    }
    buf_add_text(out, "\"} ");
}

enum family { CALLS, ERRORS, SECONDS };

static void put_cell(struct buf *out, enum family family, const struct which *which,
                     const struct sum *sum)
{
    static const char *const names[] = {"weir_script_calls_total", "weir_script_errors_total",
                                        "weir_script_seconds_total"};
    if (sum->calls == 0)
        return;
    put_series(out, names[family], which);
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

static void put_one(struct buf *out, struct meter *const *meters, unsigned count,
                    const struct which *which, enum family family)
{
    struct sum sum = sum_up(meters, count, which);
    put_cell(out, family, which, &sum);
}

/* Whether an earlier meter has the script's method: it is told once. */
static bool is_first_method(struct meter *const *meters, unsigned at, const struct which *which)
{
    for (unsigned i = 0; i < at; i++)
        if (find_cell(meters[i], which) != NULL)
            return false;
    return true;
}

static void put_cells(struct buf *out, struct meter *const *meters, unsigned count,
                      const char *script, enum family family)
{
    for (unsigned hook = 0; hook < METER_HOOKS; hook++)
        put_one(out, meters, count, &(struct which){.script = script, .hook = hook}, family);
    for (unsigned i = 0; i < count; i++) {
        struct meter_row *row = find_row(meters[i], script);
        struct meter_method *method =
            row ? atomic_load_explicit(&row->methods, memory_order_acquire) : NULL;
        for (; method != NULL; method = method->next) {
            struct which which = {.script = script, .method = method->name};
            if (is_first_method(meters, i, &which))
                put_one(out, meters, count, &which, family);
        }
    }
}

/* Of a script that is gone there are none. */
static void put_bytes(struct buf *out, struct meter *const *meters, unsigned count,
                      const char *script, enum family family)
{
    (void)family;
    unsigned long long bytes = sum_bytes(meters, count, script);
    if (bytes == 0)
        return;
    buf_add_text(out, "weir_script_memory_bytes{script=\"");
    put_label(out, script);
    buf_printf(out, "\"} %llu\n", bytes);
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
