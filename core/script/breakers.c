#include "script/breakers.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void breakers_finish(struct breakers *breakers)
{
    struct breaker_row *row = atomic_load(&breakers->first), *next;
    for (; row != NULL; row = next) {
        next = row->next;
        breaker_finish(&row->breaker);
        free(row);
    }
    atomic_store(&breakers->first, NULL);
}

static struct breaker_row *find(struct breakers *breakers, const char *script, const char *name)
{
    struct breaker_row *row = atomic_load_explicit(&breakers->first, memory_order_acquire);
    while (row != NULL && (strcmp(row->script, script) != 0 || strcmp(row->name, name) != 0))
        row = row->next;
    return row;
}

static void begin(struct breaker_row *row, const struct breaker_terms *terms)
{
    row->terms = *terms;
    breaker_init(&row->breaker, terms->failures, terms->window_ms, terms->open_ms);
    atomic_store_explicit(&row->is_open, false, memory_order_relaxed);
}

static struct breaker_row *make(struct breakers *breakers, const char *script, const char *name,
                                const struct breaker_terms *terms)
{
    if (breakers->count == BREAKERS_MAX)
        return NULL;
    struct breaker_row *row = xcalloc(1, sizeof *row + strlen(script) + 1);
    strcpy(row->script, script);
    strcpy(row->name, name);
    begin(row, terms);
    row->next = atomic_load_explicit(&breakers->first, memory_order_relaxed);
    atomic_store_explicit(&breakers->first, row, memory_order_release);
    breakers->count++;
    return row;
}

static bool is_other(const struct breaker_terms *a, const struct breaker_terms *b)
{
    return a->failures != b->failures || a->window_ms != b->window_ms || a->open_ms != b->open_ms;
}

struct breaker_row *breakers_find(struct breakers *breakers, const char *script, const char *name,
                                  const struct breaker_terms *terms)
{
    struct breaker_row *row = find(breakers, script, name);
    if (row == NULL)
        return make(breakers, script, name, terms);
    if (is_other(&row->terms, terms)) {
        breaker_finish(&row->breaker);
        begin(row, terms);
    }
    return row;
}

void breaker_row_note(struct breaker_row *row)
{
    atomic_store_explicit(&row->is_open, row->breaker.state != BREAKER_CLOSED,
                          memory_order_relaxed);
}

/* ---- reading ---- */

struct sum {
    unsigned long long open, opened, refused;
};

static struct sum add_up(struct breakers *const *all, unsigned count, const struct breaker_row *of)
{
    struct sum sum = {0};
    for (unsigned i = 0; i < count; i++) {
        struct breaker_row *row = find(all[i], of->script, of->name);
        if (row == NULL)
            continue;
        sum.open += atomic_load_explicit(&row->is_open, memory_order_relaxed);
        sum.opened += atomic_load_explicit(&row->opened, memory_order_relaxed);
        sum.refused += atomic_load_explicit(&row->refused, memory_order_relaxed);
    }
    return sum;
}

static bool is_first(struct breakers *const *all, unsigned worker, const struct breaker_row *row)
{
    for (unsigned i = 0; i < worker; i++)
        if (find(all[i], row->script, row->name) != NULL)
            return false;
    return true;
}

static void put_series(struct breakers *const *all, unsigned count, const char *metric,
                       size_t field, struct buf *out)
{
    for (unsigned i = 0; i < count; i++) {
        struct breaker_row *row = atomic_load_explicit(&all[i]->first, memory_order_acquire);
        for (; row != NULL; row = row->next) {
            if (!is_first(all, i, row))
                continue;
            struct sum sum = add_up(all, count, row);
            buf_printf(out, "%s{script=\"%s\",name=\"%s\"} %llu\n", metric, row->script, row->name,
                       *(unsigned long long *)((char *)&sum + field));
        }
    }
}

void breakers_put(struct breakers *const *all, unsigned count, struct buf *out)
{
    buf_printf(out,
               "# HELP weir_breaker_open Workers whose breaker of that name lets nothing through.\n"
               "# TYPE weir_breaker_open gauge\n");
    put_series(all, count, "weir_breaker_open", offsetof(struct sum, open), out);
    buf_printf(out, "# HELP weir_breaker_opened_total How often breakers have opened.\n"
                    "# TYPE weir_breaker_opened_total counter\n");
    put_series(all, count, "weir_breaker_opened_total", offsetof(struct sum, opened), out);
    buf_printf(out,
               "# HELP weir_breaker_refused_total Calls that an open breaker did not let through.\n"
               "# TYPE weir_breaker_refused_total counter\n");
    put_series(all, count, "weir_breaker_refused_total", offsetof(struct sum, refused), out);
}
