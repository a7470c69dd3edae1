#include "rule/rollup.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/suggest.h"

/* ---- into ---- */

static bool is_one_of(struct slice name, const struct slice *params, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (slice_is_equal(params[i], name))
            return true;
    return false;
}

/* The {name} at `at`, without its braces; false: it does not end. */
static bool take_param(const char *at, const char *end, struct slice *name)
{
    const char *close = memchr(at, '}', (size_t)(end - at));
    *name = slice_make(at + 1, close != NULL ? (size_t)(close - at) - 1 : 0);
    return close != NULL;
}

bool rollup_set_into(struct rollup_rule *rule, struct slice text, const struct slice *params,
                     unsigned param_count, struct error *err)
{
    struct slice name;
    for (const char *at = text.at, *end = at + text.len; at < end; at++) {
        if (*at <= ' ' || *at > '~' || *at == '*' || *at == '}')
            return fail(err, ERROR_SCRIPT,
                        "\"%.*s\" is no channel's name with parameters, such as \"dash:{host}\"",
                        SLICE_ARGS(text));
        if (*at != '{')
            continue;
        if (!take_param(at, end, &name))
            return fail(err, ERROR_SCRIPT, "a { without its } in \"%.*s\"", SLICE_ARGS(text));
        if (!is_one_of(name, params, param_count))
            return fail(err, ERROR_SCRIPT,
                        "{%.*s} in \"%.*s\" is no parameter of the channel's own pattern",
                        SLICE_ARGS(name), SLICE_ARGS(text));
        at += name.len + 1;
    }
    if (text.len == 0)
        return fail(err, ERROR_SCRIPT, "it is the name of a channel, such as \"dash:{host}\"");
    free(rule->into);
    rule->into = xslicedup(text);
    return true;
}

void rollup_put_into(const struct rollup_rule *rule, const struct slice *params,
                     const struct slice *values, unsigned param_count, struct buf *out)
{
    struct slice name;
    const char *end = rule->into + strlen(rule->into);
    for (const char *at = rule->into; at < end; at++) {
        if (*at != '{' || !take_param(at, end, &name)) {
            buf_add_byte(out, *at);
            continue;
        }
        for (unsigned i = 0; i < param_count; i++)
            if (slice_is_equal(params[i], name))
                buf_add_slice(out, values[i]);
        at += name.len + 1;
    }
}

/* ---- figures ---- */

static const char *const figures[] = {[ROLLUP_COUNT] = "count", [ROLLUP_SUM] = "sum",
                                      [ROLLUP_MIN] = "min",     [ROLLUP_MAX] = "max",
                                      [ROLLUP_AVG] = "avg",     [ROLLUP_FIRST] = "first",
                                      [ROLLUP_LAST] = "last",   NULL};

static bool parse_percentile(struct slice name, struct rollup_stat *stat)
{
    if (name.len < 2 || name.len > 3 || name.at[0] != 'p' || name.at[1] == '0')
        return false;
    *stat = (struct rollup_stat){ROLLUP_PERCENTILE, 0};
    for (size_t i = 1; i < name.len; i++) {
        if (name.at[i] < '0' || name.at[i] > '9')
            return false;
        stat->percent = stat->percent * 10 + (unsigned)(name.at[i] - '0');
    }
    return true;
}

static bool parse_stat(struct slice name, struct rollup_stat *stat)
{
    for (unsigned i = 0; figures[i] != NULL; i++)
        if (slice_is(name, figures[i])) {
            *stat = (struct rollup_stat){(enum rollup_figure)i, 0};
            return true;
        }
    return parse_percentile(name, stat);
}

bool rollup_add_stat(struct rollup_rule *rule, struct slice name, struct error *err)
{
    struct rollup_stat stat;
    if (rule->stat_count == ROLLUP_STATS_MAX)
        return fail(err, ERROR_SCRIPT, "it has at most %d figures", ROLLUP_STATS_MAX);
    if (!parse_stat(name, &stat)) {
        const char *near = suggest(name, figures);
        if (near != NULL)
            return fail(err, ERROR_SCRIPT, "no figure is called \"%.*s\": did you mean \"%s\"?",
                        SLICE_ARGS(name), near);
        return fail(err, ERROR_SCRIPT,
                    "no figure is called \"%.*s\": there are count, sum, min, max, avg, first, "
                    "last, and p1 to p99",
                    SLICE_ARGS(name));
    }
    rule->stats[rule->stat_count++] = stat;
    return true;
}

bool rollup_add_keep(struct rollup_rule *rule, struct slice path, struct error *err)
{
    if (rule->keep_count == ROLLUP_KEEP_MAX)
        return fail(err, ERROR_SCRIPT, "it keeps at most %d members", ROLLUP_KEEP_MAX);
    if (!path_parse(&rule->keep[rule->keep_count], path, err))
        return false;
    rule->keep_count++;
    return true;
}

/* ---- the whole ---- */

struct slice rollup_stat_name(const struct rollup_stat *stat, char room[ROLLUP_STAT_NAME_MAX])
{
    if (stat->figure != ROLLUP_PERCENTILE)
        return slice_of(figures[stat->figure]);
    snprintf(room, ROLLUP_STAT_NAME_MAX, "p%u", stat->percent % 100);
    return slice_of(room);
}

enum { MEMBERS_MAX = 1 + ROLLUP_STATS_MAX + ROLLUP_KEEP_MAX };

/* The names of what it tells, in their order. */
static unsigned member_names(const struct rollup_rule *rule, struct slice names[MEMBERS_MAX],
                             char rooms[ROLLUP_STATS_MAX][ROLLUP_STAT_NAME_MAX])
{
    unsigned count = 0;
    if (rule->by.count > 0)
        names[count++] = path_last(&rule->by);
    for (unsigned i = 0; i < rule->stat_count; i++)
        names[count++] = rollup_stat_name(&rule->stats[i], rooms[i]);
    for (unsigned i = 0; i < rule->keep_count; i++)
        names[count++] = path_last(&rule->keep[i]);
    return count;
}

bool rollup_check(const struct rollup_rule *rule, struct error *err)
{
    struct slice names[MEMBERS_MAX];
    char rooms[ROLLUP_STATS_MAX][ROLLUP_STAT_NAME_MAX];
    unsigned count = member_names(rule, names, rooms);
    for (unsigned i = 0; i < rule->stat_count; i++)
        if (rule->of.count == 0 && rule->stats[i].figure != ROLLUP_COUNT)
            return fail(err, ERROR_SCRIPT, "`%.*s` wants a number: say where it is by `of`",
                        SLICE_ARGS(rollup_stat_name(&rule->stats[i], rooms[i])));
    for (unsigned i = 0; i < count; i++)
        if (is_one_of(names[i], names, i))
            return fail(err, ERROR_SCRIPT, "two members of what it tells are called `%.*s`",
                        SLICE_ARGS(names[i]));
    return true;
}

static bool is_same_stats(const struct rollup_rule *a, const struct rollup_rule *b)
{
    for (unsigned i = 0; i < a->stat_count; i++)
        if (a->stats[i].figure != b->stats[i].figure || a->stats[i].percent != b->stats[i].percent)
            return false;
    for (unsigned i = 0; i < a->keep_count; i++)
        if (!path_is_equal(&a->keep[i], &b->keep[i]))
            return false;
    return true;
}

bool rollup_is_equal(const struct rollup_rule *a, const struct rollup_rule *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return a->every_ms == b->every_ms && strcmp(a->into, b->into) == 0 &&
           path_is_equal(&a->by, &b->by) && path_is_equal(&a->of, &b->of) &&
           a->stat_count == b->stat_count && a->keep_count == b->keep_count && is_same_stats(a, b);
}

void rollup_destroy(struct rollup_rule *rule)
{
    if (rule == NULL)
        return;
    path_finish(&rule->by);
    path_finish(&rule->of);
    for (unsigned i = 0; i < rule->keep_count; i++)
        path_finish(&rule->keep[i]);
    free(rule->into);
    free(rule);
}
