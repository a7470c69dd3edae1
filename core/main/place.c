#include "main/place.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

bool place_file(const char *folder, const char *name, struct slice text, enum place_how how,
                struct error *err)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return fail(err, ERROR_SYSTEM, "%s/%s: the path is too long", folder, name);
    FILE *file = fopen(path, how == PLACE_NEW ? "wx" : "w");
    if (file == NULL)
        return fail(err, ERROR_SYSTEM, "%s cannot be written: %s", path, strerror(errno));
    bool is_written = fwrite(text.at, 1, text.len, file) == text.len;
    is_written = fclose(file) == 0 && is_written;
    return is_written || fail(err, ERROR_SYSTEM, "%s cannot be written: %s", path, strerror(errno));
}
