/* Which lines of scripts have run, over all the worlds of one run of specs. */
#ifndef TEST_COVERAGE_H
#define TEST_COVERAGE_H

#include "base/map.h"

/* Owned by its coverage. */
struct covered_file {
    char *name;
    bool *lines; /* by number */
    size_t room;
};

/* All zeroes is nothing; coverage_finish frees what it holds. */
struct coverage {
    struct map files;
};

void coverage_finish(struct coverage *coverage);
struct covered_file *coverage_file(struct coverage *coverage,
                                   struct slice name); /* made when first asked for */
void covered_mark(struct covered_file *file, int line);

#endif
