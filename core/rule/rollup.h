/* Rollups: what a channel sums up of its messages, and the figures of one stretch of time. */
#ifndef RULE_ROLLUP_H
#define RULE_ROLLUP_H

#include "base/buf.h"
#include "base/error.h"
#include "base/map.h"
#include "rule/path.h"

#include <stdint.h>

enum {
    ROLLUP_STATS_MAX = 16,
    ROLLUP_KEEP_MAX = 16,
    ROLLUP_EVERY_MS_MIN = 100,
    ROLLUP_STAT_NAME_MAX = 8
};

enum rollup_figure {
    ROLLUP_COUNT,
    ROLLUP_SUM,
    ROLLUP_MIN,
    ROLLUP_MAX,
    ROLLUP_AVG,
    ROLLUP_FIRST,
    ROLLUP_LAST,
    ROLLUP_PERCENTILE
};

struct rollup_stat {
    enum rollup_figure figure;
    unsigned percent; /* 1 to 99, of ROLLUP_PERCENTILE */
};

/* What is summed up. Immutable once it is filled; owned by its channel_type. All zeroes but for
 * `into` and `every_ms` counts all messages together. */
struct rollup_rule {
    char *into;       /* a channel's name, with {param}s of the channel that is summed up; owned */
    int64_t every_ms; /* the length of a stretch */
    struct path by;   /* each value of it by itself; empty: all together */
    struct path of;   /* the number; empty: messages are counted, and that is all */
    struct rollup_stat stats[ROLLUP_STATS_MAX];
    unsigned stat_count;
    struct path keep[ROLLUP_KEEP_MAX]; /* members that are told as the last message had them */
    unsigned keep_count;
};

/* Each fills what it names. False and err; the rule stays as it was. */
bool rollup_set_into(struct rollup_rule *rule, struct slice text, const struct slice *params,
                     unsigned param_count, struct error *err) MUST_USE;
/* "count" "sum" "min" "max" "avg" "first" "last", "p1" to "p99". */
bool rollup_add_stat(struct rollup_rule *rule, struct slice name, struct error *err) MUST_USE;
/* Its name, in `room` where it has to be written. */
struct slice rollup_stat_name(const struct rollup_stat *stat, char room[ROLLUP_STAT_NAME_MAX]);
bool rollup_add_keep(struct rollup_rule *rule, struct slice path, struct error *err) MUST_USE;
/* What no single part of it tells: figures without a number, two members of one name. */
bool rollup_check(const struct rollup_rule *rule, struct error *err) MUST_USE;
/* Whether both sum up the same; NULL is equal to NULL. */
bool rollup_is_equal(const struct rollup_rule *a, const struct rollup_rule *b);
void rollup_destroy(struct rollup_rule *rule); /* NULL is fine */

/* Appends the name of the channel that is told, its {param}s filled in from `values`. */
void rollup_put_into(const struct rollup_rule *rule, const struct slice *params,
                     const struct slice *values, unsigned param_count, struct buf *out);

/* ---- a stretch of time ---- */

/* Of one stretch: values of `by`, bytes of all that is kept of them, and how many numbers of each
 * value a percentile is taken of (beyond them a fair sample). */
enum { ROLLUP_KEYS_MAX = 1024, ROLLUP_BYTES_MAX = 1 << 20, ROLLUP_SAMPLES_MAX = 1024 };

/* Embedded; all zeroes is empty. */
struct rollup_stretch {
    struct map cells;                 /* struct rollup_cell, by the value of `by` as it stands */
    struct rollup_cell *first, *last; /* the same as they came */
    size_t bytes;
    uint64_t random;
};

enum rollup_taken {
    ROLLUP_TAKEN,
    ROLLUP_NO_NUMBER, /* there is none where `of` leads: the message is left out */
    ROLLUP_NO_ROOM    /* a value of `by` too many, or one too long: the same */
};

/* Takes a message, checked JSON, into the figures. */
enum rollup_taken rollup_add(struct rollup_stretch *stretch, const struct rollup_rule *rule,
                             struct slice message);
bool rollup_is_empty(const struct rollup_stretch *stretch);
/* Takes the figures of one value out of the stretch, the first that came first, and appends them as
 * a JSON object; a figure that is no finite number is null. False: it is empty. */
bool rollup_take(struct rollup_stretch *stretch, const struct rollup_rule *rule, struct buf *out);
void rollup_finish(struct rollup_stretch *stretch); /* forgets it; empty afterwards */

#endif
