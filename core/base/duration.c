#include "base/duration.h"

static const struct {
    const char *unit;
    int64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

bool duration_unit(struct slice unit, int64_t *ms)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (slice_is(unit, units[i].unit)) {
            *ms = units[i].ms;
            return true;
        }
    return false;
}

bool duration_parse(struct slice text, int64_t *ms)
{
    size_t at = 0;
    int64_t n = 0;
    for (; at < text.len && at < 9 && text.at[at] >= '0' && text.at[at] <= '9'; at++)
        n = n * 10 + (text.at[at] - '0');
    if (at == 0 || !duration_unit(slice_make(text.at + at, text.len - at), ms))
        return false;
    *ms *= n;
    return true;
}
