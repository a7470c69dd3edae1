#include "base/suggest.h"

/* Longer words are no slips of the finger, and the work is the product of two lengths. */
enum { WORD_MAX = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours. Keeps three rows of the table: this
 * one and the two before it. Both words have at most WORD_MAX bytes. */
static size_t distance(struct slice a, struct slice b)
{
    size_t rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool is_same = a.at[i - 1] == b.at[j - 1];
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + !is_same);
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

const char *suggest(struct slice wrong, const char *const *names)
{
    if (wrong.len > WORD_MAX)
        return NULL;
    const char *nearest = NULL;
    size_t allowed = wrong.len < 3 ? 1 : wrong.len / 3;
    for (; *names != NULL; names++) {
        struct slice name = slice_of(*names);
        if (name.len > wrong.len + allowed || name.len > WORD_MAX)
            continue;
        size_t far = distance(wrong, name);
        if (far > allowed)
            continue;
        nearest = *names;
        if (far == 0)
            break;
        allowed = far - 1;
    }
    return nearest;
}
