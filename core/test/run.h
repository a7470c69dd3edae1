/* Runs the specs of a folder: a Lua state with everything in it, busted, and the module weir.test.
 */
#ifndef TEST_RUN_H
#define TEST_RUN_H

#include "config/config.h"

struct test_plan {
    const struct config *config; /* config->scripts is the folder */
    const char *filter;          /* NULL: all; else those whose name has this text */
    bool as_json;
    bool may_be_empty;                           /* no specs are no failure */
    bool with_coverage;                          /* tells which lines of the scripts never ran */
    const char *bad, *good, *bold, *dim, *plain; /* what to write before text of that kind */
};

/* Tells on stdout how they went. False and err: nothing could be run; else *passed says whether all
 * did. */
bool test_run(const struct test_plan *plan, bool *passed, struct error *err);

#endif
