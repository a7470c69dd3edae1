#include "hub/stats.h"

struct row {
    const char *metric, *type, *help;
};

static const struct row rows[STAT_COUNT] = {
#define X(name, metric, type, help) [STAT_##name] = {metric, type, help},
    STATS(X)
#undef X
};

static uint64_t sum(struct stats *const *all, unsigned count, enum counter stat)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < count; i++)
        n += stats_get(all[i], stat);
    return n;
}

static void put_heading(const struct row *row, struct buf *out)
{
    int name = (int)strcspn(row->metric, "{");
    buf_printf(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", name, row->metric, row->help, name, row->metric,
               row->type);
}

void stats_put(struct stats *const *all, unsigned count, struct buf *out)
{
    for (int stat = 0; stat < STAT_COUNT; stat++) {
        if (rows[stat].help[0] != '\0')
            put_heading(&rows[stat], out);
        buf_printf(out, "%s ", rows[stat].metric);
        buf_add_unsigned(out, sum(all, count, (enum counter)stat));
        buf_add_byte(out, '\n');
    }
}
