/* Reads a configuration file that is a Lua table, in an empty VM: nothing in it can run anything. */
#ifndef SCRIPT_SETTINGS_H
#define SCRIPT_SETTINGS_H

#include "base/error.h"
#include "base/slice.h"

enum setting_kind { SETTING_TEXT, SETTING_NUMBER, SETTING_BOOLEAN, SETTING_LIST };

/* Lent to the visitor for the call. */
struct setting {
    const char *key;
    const char *value; /* as text: "8000", "true", a string; a list of strings joined by commas */
    enum setting_kind kind;
    unsigned line; /* where the file says `key =`; 0 unless it says so exactly once */
};

/* Called for each key of the table the file returns, in order of key. Returns false and err to stop. */
typedef bool settings_visit(void *context, const struct setting *setting, struct error *err);

/* False and err (path, line, reason) when the file cannot be read, does not parse, runs over a small budget of
 * instructions or memory, returns no table, or holds something else than strings, numbers, booleans, lists. */
bool settings_read(const char *path, settings_visit *visit, void *context, struct error *err);

#endif
