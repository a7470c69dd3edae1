#include "base/asset.h"

struct asset {
    const char *path;
    const char *begin, *end;
};

/* Made by the Makefile: ends with an entry whose path is NULL. */
extern const struct asset asset_table[];

struct slice asset_find(const char *path)
{
    for (const struct asset *a = asset_table; a->path != NULL; a++)
        if (strcmp(a->path, path) == 0)
            return slice_make(a->begin, (size_t)(a->end - a->begin));
    return (struct slice){0};
}

const char *asset_path(size_t n)
{
    for (const struct asset *a = asset_table; a->path != NULL; a++)
        if (n-- == 0)
            return a->path;
    return NULL;
}
