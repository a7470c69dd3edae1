#include "server/shelf.h"

#include <string.h>

#include "base/buf.h"

void shelf_finish(struct shelf *shelf)
{
    for (unsigned i = 0; i < shelf->count; i++)
        script_set_destroy(shelf->kept[i]);
    shelf->count = 0;
}

void shelf_keep(struct shelf *shelf, const struct script_set *set)
{
    if (shelf->count == SHELF_MAX) {
        script_set_destroy(shelf->kept[0]);
        memmove(shelf->kept, shelf->kept + 1, (SHELF_MAX - 1) * sizeof *shelf->kept);
        shelf->count--;
    }
    struct script_set *copy = catalogue_copy(set, set->generation.number);
    copy->generation.made_from = set->generation.made_from;
    copy->generation.first = set->generation.first;
    shelf->kept[shelf->count++] = copy;
}

/* "3, 4, 6" */
static void put_numbers(const struct shelf *shelf, struct buf *out)
{
    for (unsigned i = 0; i < shelf->count; i++)
        buf_printf(out, "%s%u", i > 0 ? ", " : "", shelf->kept[i]->generation.number);
}

static const struct script_set *fail_unknown(const struct shelf *shelf, unsigned current,
                                             unsigned number, struct error *err)
{
    struct buf kept = {0};
    put_numbers(shelf, &kept);
    if (number == current)
        fail(err, ERROR_BAD_REQUEST, "bad request: generation %u is the one in force; kept are %s",
             number, buf_text(&kept));
    else
        fail(err, ERROR_BAD_REQUEST, "bad request: generation %u is not kept; kept are %s", number,
             buf_text(&kept));
    buf_finish(&kept);
    return NULL;
}

const struct script_set *shelf_find(const struct shelf *shelf, const struct script_set *current,
                                    unsigned number, struct error *err)
{
    const struct generation *now = &current->generation;
    for (unsigned i = shelf->count; i > 0; i--) {
        const struct generation *kept = &shelf->kept[i - 1]->generation;
        if (number == 0 ? kept->first < now->first : kept->number == number)
            return shelf->kept[i - 1];
    }
    if (number != 0 && shelf->count > 0)
        return fail_unknown(shelf, now->number, number, err);
    fail(err, ERROR_NOT_AVAILABLE, "not available: there is no earlier generation to go back to");
    return NULL;
}
