#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "rule/rollup.h"
#include "wire/json.h"

/* ---- a stretch's cells ---- */

/* The figures of one value of `by`. */
struct rollup_cell {
    struct rollup_cell *next;
    struct slice key; /* as it stands in the JSON, absent without `by`; owned */
    uint64_t count;
    double sum, lost; /* `lost`: what the sum's last bits did not hold */
    double min, max, first, last;
    double *samples; /* for percentiles */
    unsigned sample_count, sample_room;
    struct buf kept[ROLLUP_KEEP_MAX];
};

enum { SAMPLES_MIN = 16, NUMBER_LEN_MAX = 64, KEPT_MIN = 64 };

static void free_cell(struct rollup_cell *cell)
{
    for (unsigned i = 0; i < ROLLUP_KEEP_MAX; i++)
        buf_finish(&cell->kept[i]);
    free(cell->samples);
    free((char *)cell->key.at);
    free(cell);
}

static bool has_room(const struct rollup_stretch *stretch, size_t more)
{
    return stretch->bytes + more <= ROLLUP_BYTES_MAX;
}

/* NULL: no room. */
static struct rollup_cell *open_cell(struct rollup_stretch *stretch, struct slice key)
{
    struct rollup_cell *cell = map_find(&stretch->cells, key);
    size_t bytes = sizeof *cell + key.len;
    if (cell != NULL)
        return cell;
    if (stretch->cells.count == ROLLUP_KEYS_MAX || !has_room(stretch, bytes))
        return NULL;
    cell = xcalloc(1, sizeof *cell);
    cell->key = slice_make(xslicedup(key), key.len);
    map_add(&stretch->cells, cell->key, cell);
    *(stretch->first == NULL ? &stretch->first : &stretch->last->next) = cell;
    stretch->last = cell;
    stretch->bytes += bytes;
    return cell;
}

/* ---- what comes ---- */

static bool read_number(struct slice value, double *number)
{
    char text[NUMBER_LEN_MAX + 1];
    if (value.at == NULL || value.len > NUMBER_LEN_MAX || json_kind(value) != JSON_NUMBER)
        return false;
    memcpy(text, value.at, value.len);
    text[value.len] = '\0';
    *number = strtod(text, NULL);
    return isfinite(*number);
}

static uint64_t draw(struct rollup_stretch *stretch)
{
    uint64_t x = stretch->random != 0 ? stretch->random : UINT64_C(0x9e3779b97f4a7c15);
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return stretch->random = x;
}

static bool grow_samples(struct rollup_stretch *stretch, struct rollup_cell *cell)
{
    unsigned room = cell->sample_room > 0 ? cell->sample_room * 2 : SAMPLES_MIN;
    size_t more = (room - cell->sample_room) * sizeof *cell->samples;
    if (room > ROLLUP_SAMPLES_MAX || (cell->sample_room > 0 && !has_room(stretch, more)))
        return false;
    cell->samples = xrealloc(cell->samples, room * sizeof *cell->samples);
    cell->sample_room = room;
    stretch->bytes += more;
    return true;
}

/* Each number of the stretch is as likely to be among them as any other (Vitter's algorithm R). */
static void sample(struct rollup_stretch *stretch, struct rollup_cell *cell, double number)
{
    if (cell->sample_count < cell->sample_room || grow_samples(stretch, cell)) {
        cell->samples[cell->sample_count++] = number;
        return;
    }
    uint64_t place = draw(stretch) % cell->count;
    if (place < cell->sample_count)
        cell->samples[place] = number;
}

static bool has_percentile(const struct rollup_rule *rule)
{
    for (unsigned i = 0; i < rule->stat_count; i++)
        if (rule->stats[i].figure == ROLLUP_PERCENTILE)
            return true;
    return false;
}

/* Neumaier's sum: a million small ones beside a large one do not vanish. */
static void add_up(struct rollup_cell *cell, double number)
{
    double sum = cell->sum + number;
    cell->lost +=
        fabs(cell->sum) >= fabs(number) ? (cell->sum - sum) + number : (number - sum) + cell->sum;
    cell->sum = sum;
}

static void count_in(struct rollup_stretch *stretch, const struct rollup_rule *rule,
                     struct rollup_cell *cell, double number)
{
    bool is_first = cell->count++ == 0;
    if (is_first)
        cell->first = cell->min = cell->max = number;
    cell->last = number;
    cell->min = number < cell->min ? number : cell->min;
    cell->max = number > cell->max ? number : cell->max;
    add_up(cell, number);
    if (has_percentile(rule))
        sample(stretch, cell, number);
}

/* What has no room any more is not told. Memory is counted as it is taken, and what has become much
 * too large is given back: 1024 values have 16 members each. */
static void keep(struct rollup_stretch *stretch, struct buf *kept, struct slice value)
{
    size_t room = value.len > KEPT_MIN ? value.len : KEPT_MIN;
    stretch->bytes -= kept->room;
    buf_clear(kept);
    if (kept->room / 4 > room || kept->room < room)
        buf_finish(kept);
    room = kept->room > 0 ? kept->room : room;
    if (value.at != NULL && has_room(stretch, room)) {
        buf_reserve(kept, room);
        json_put_line(kept, value);
    } else {
        buf_finish(kept);
    }
    stretch->bytes += kept->room;
}

enum rollup_taken rollup_add(struct rollup_stretch *stretch, const struct rollup_rule *rule,
                             struct slice message)
{
    double number = 0;
    if (rule->of.count > 0 && !read_number(path_find(&rule->of, message), &number))
        return ROLLUP_NO_NUMBER;
    struct slice key = rule->by.count > 0 ? path_find(&rule->by, message) : (struct slice){0};
    struct rollup_cell *cell = open_cell(stretch, key);
    if (cell == NULL)
        return ROLLUP_NO_ROOM;
    count_in(stretch, rule, cell, number);
    for (unsigned i = 0; i < rule->keep_count; i++)
        keep(stretch, &cell->kept[i], path_find(&rule->keep[i], message));
    return ROLLUP_TAKEN;
}

/* ---- what is told ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The nearest rank. */
static double percentile(const struct rollup_cell *cell, unsigned percent)
{
    uint64_t rank = ((uint64_t)cell->sample_count * percent + 99) / 100;
    return cell->samples[rank > 0 ? rank - 1 : 0];
}

static double figure_of(const struct rollup_cell *cell, const struct rollup_stat *stat)
{
    switch (stat->figure) {
    case ROLLUP_COUNT:
        return (double)cell->count;
    case ROLLUP_SUM:
        return cell->sum + cell->lost;
    case ROLLUP_AVG:
        return (cell->sum + cell->lost) / (double)cell->count;
    case ROLLUP_MIN:
        return cell->min;
    case ROLLUP_MAX:
        return cell->max;
    case ROLLUP_FIRST:
        return cell->first;
    case ROLLUP_LAST:
        return cell->last;
    case ROLLUP_PERCENTILE:
        return percentile(cell, stat->percent);
    }
    return NAN;
}

enum { WHOLE_MAX_BITS = 53 }; /* every whole number up to 2^53 is exact */

static void put_figure(struct buf *out, double x)
{
    if (!isfinite(x))
        buf_add_text(out, "null");
    else if (x == trunc(x) && fabs(x) <= ldexp(1, WHOLE_MAX_BITS))
        buf_printf(out, "%lld", (long long)x);
    else
        json_put_float(out, x);
}

static void put_member(struct buf *out, struct slice name, struct slice value)
{
    if (out->at[out->len - 1] != '{')
        buf_add_byte(out, ',');
    json_quote(out, name);
    buf_add_byte(out, ':');
    buf_add_slice(out, value);
}

static void put_cell(const struct rollup_cell *cell, const struct rollup_rule *rule,
                     struct buf *out)
{
    char room[ROLLUP_STAT_NAME_MAX];
    struct buf number = {0};
    buf_add_byte(out, '{');
    if (cell->key.len > 0)
        put_member(out, path_last(&rule->by), cell->key);
    for (unsigned i = 0; i < rule->stat_count; i++) {
        buf_clear(&number);
        put_figure(&number, figure_of(cell, &rule->stats[i]));
        put_member(out, rollup_stat_name(&rule->stats[i], room), buf_slice(&number));
    }
    for (unsigned i = 0; i < rule->keep_count; i++)
        if (cell->kept[i].len > 0)
            put_member(out, path_last(&rule->keep[i]), buf_slice(&cell->kept[i]));
    buf_add_byte(out, '}');
    buf_finish(&number);
}

bool rollup_is_empty(const struct rollup_stretch *stretch)
{
    return stretch->first == NULL;
}

bool rollup_take(struct rollup_stretch *stretch, const struct rollup_rule *rule, struct buf *out)
{
    struct rollup_cell *cell = stretch->first;
    if (cell == NULL)
        return false;
    if (cell->sample_count > 1)
        qsort(cell->samples, cell->sample_count, sizeof *cell->samples, compare);
    put_cell(cell, rule, out);
    map_remove(&stretch->cells, cell->key);
    stretch->first = cell->next;
    free_cell(cell);
    if (stretch->first == NULL)
        rollup_finish(stretch);
    return true;
}

void rollup_finish(struct rollup_stretch *stretch)
{
    for (struct rollup_cell *cell = stretch->first, *next; cell != NULL; cell = next) {
        next = cell->next;
        free_cell(cell);
    }
    map_finish(&stretch->cells);
    *stretch = (struct rollup_stretch){.random = stretch->random};
}
