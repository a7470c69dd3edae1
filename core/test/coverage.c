#include "test/coverage.h"

#include <stdlib.h>

#include "base/memory.h"

void coverage_finish(struct coverage *coverage)
{
    struct covered_file *file;
    for (size_t at = 0; (file = map_next(&coverage->files, &at)) != NULL;) {
        free(file->name);
        free(file->lines);
        free(file);
    }
    map_finish(&coverage->files);
}

struct covered_file *coverage_file(struct coverage *coverage, struct slice name)
{
    struct covered_file *file = map_find(&coverage->files, name);
    if (file == NULL) {
        file = xcalloc(1, sizeof *file);
        file->name = xslicedup(name);
        map_add(&coverage->files, slice_of(file->name), file);
    }
    return file;
}

void covered_mark(struct covered_file *file, int line)
{
    size_t at = line > 0 ? (size_t)line : 0;
    if (at >= file->room) {
        size_t room = at * 2 + 64;
        file->lines = xrealloc(file->lines, room * sizeof *file->lines);
        memset(file->lines + file->room, 0, (room - file->room) * sizeof *file->lines);
        file->room = room;
    }
    file->lines[at] = true;
}
