#include "script/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "script/problem.h"

enum { FOLDER_DEPTH_MAX = 8, FOLDER_FILES_MAX = 2000, FOLDER_PATH_MAX = 200 };

struct walk {
    struct script_set *set;
    struct problems *problems;
    size_t source_max;
    /* of the folders we are in, outermost first: a link to one of them would go round in circles */
    struct stat inside[FOLDER_DEPTH_MAX + 1];
};

static void add(struct script **files, unsigned *count, const char *name, char *source, size_t len)
{
    *files = xrealloc(*files, (*count + 1) * sizeof **files);
    (*files)[(*count)++] =
        (struct script){.name = xstrdup(name), .source = source, .source_len = len};
}

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);
    return len > end_len && strcmp(name + len - end_len, end) == 0;
}

static bool begins_with(const char *name, const char *start)
{
    return strncmp(name, start, strlen(start)) == 0;
}

static bool is_schema(const char *name)
{
    return begins_with(name, SCHEMA_FOLDER) && ends_with(name, ".json");
}

static void keep(struct script_set *set, const char *name, char *source, size_t len)
{
    if (is_schema(name))
        add(&set->schemas, &set->schema_count, name, source, len);
    else if (begins_with(name, "lib/"))
        add(&set->libraries, &set->library_count, name, source, len);
    else
        add(&set->scripts, &set->script_count, name, source, len);
}

void folder_add(struct script_set *set, const char *name, struct slice source)
{
    keep(set, name, xslicedup(source), source.len);
}

/* ---- one file ---- */

/* Up to one byte more than allowed, to see that there is more. NULL: errno says why. */
static char *read_bytes(int fd, size_t max, size_t *len)
{
    struct buf bytes = {0};
    ssize_t got;
    while (bytes.len <= max && (got = read(fd, buf_reserve(&bytes, 16384), 16384)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            buf_finish(&bytes);
            return NULL;
        }
        bytes.len += (size_t)got;
    }
    buf_text(&bytes);
    return buf_take(&bytes, len);
}

static void read_file(struct walk *walk, int folder, const char *entry, const char *name)
{
    size_t len = 0;
    int fd = openat(folder, entry, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *source = fd < 0 ? NULL : read_bytes(fd, walk->source_max, &len);
    if (source == NULL) {
        problem_add(walk->problems, NULL, name, 0, "cannot be read: %s", strerror(errno));
    } else if (len > walk->source_max) {
        problem_add(walk->problems, NULL, name, 0, "is longer than %zu bytes", walk->source_max);
        free(source);
    } else {
        keep(walk->set, name, source, len);
    }
    if (fd >= 0)
        close(fd);
}

/* ---- the folder ---- */

/* By its path in the scripts folder. */
static bool is_wanted(const char *name)
{
    return is_schema(name) ||
           (ends_with(name, ".lua") && !ends_with(name, "_spec.lua") && !ends_with(name, ".d.lua"));
}

static bool is_full(struct walk *walk, const char *name)
{
    const struct script_set *set = walk->set;
    if (set->script_count + set->library_count + set->schema_count < FOLDER_FILES_MAX)
        return false;
    problem_add(walk->problems, NULL, name, 0, "more than %d files", FOLDER_FILES_MAX);
    return true;
}

/* A script that is a link to nowhere is a mistake; what is gone meanwhile is not, nor are the locks
 * of editors, which are hidden. */
static void tell_broken_link(struct walk *walk, int folder, const char *entry, const char *name)
{
    int reason = errno;
    struct stat link;
    if (is_wanted(name) && fstatat(folder, entry, &link, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(link.st_mode))
        problem_add(walk->problems, NULL, name, 0,
                    "is a link that leads nowhere (%s): mend or remove it", strerror(reason));
}

static void walk_folder(struct walk *walk, int parent, const char *entry, const char *name,
                        unsigned depth);

static void visit(struct walk *walk, int folder, const char *entry, const char *prefix,
                  unsigned depth)
{
    char name[FOLDER_PATH_MAX + 1];
    struct stat info;
    int len = snprintf(name, sizeof name, "%s%s", prefix, entry);
    if (entry[0] == '.' || entry[0] == '#')
        return;
    if (fstatat(folder, entry, &info, 0) != 0) {
        tell_broken_link(walk, folder, entry, name);
        return;
    }
    if (!S_ISDIR(info.st_mode) && !(S_ISREG(info.st_mode) && is_wanted(name)))
        return;
    if (len > FOLDER_PATH_MAX)
        problem_add(walk->problems, NULL, name, 0, "a path longer than %d bytes", FOLDER_PATH_MAX);
    else if (S_ISDIR(info.st_mode))
        walk_folder(walk, folder, entry, name, depth + 1);
    else if (!is_full(walk, name))
        read_file(walk, folder, entry, name);
}

static void tell_unreadable(struct walk *walk, const char *entry, const char *name, unsigned depth)
{
    const char *hint = errno == ENOENT ? "; name one that is there, or make one: weir new empty DIR"
                       : errno == ENOTDIR ? "; name the folder it is in"
                                          : "";
    if (depth == 0)
        problem_add(walk->problems, NULL, name, 0, "the scripts folder %s cannot be read: %s%s",
                    entry, strerror(errno), hint);
    else
        problem_add(walk->problems, NULL, name, 0, "cannot be read: %s", strerror(errno));
}

/* Notes the folder as one we are in, unless we are. */
static bool enter(struct walk *walk, int fd, unsigned depth)
{
    struct stat *here = &walk->inside[depth];
    if (fstat(fd, here) != 0)
        return false;
    for (unsigned i = 0; i < depth; i++)
        if (walk->inside[i].st_dev == here->st_dev && walk->inside[i].st_ino == here->st_ino)
            return false;
    return true;
}

static void visit_all(struct walk *walk, DIR *folder, const char *name, unsigned depth)
{
    char prefix[FOLDER_PATH_MAX + 2];
    snprintf(prefix, sizeof prefix, "%s%s", name, depth > 0 ? "/" : "");
    for (struct dirent *at; (at = readdir(folder)) != NULL;)
        visit(walk, dirfd(folder), at->d_name, prefix, depth);
}

static void walk_folder(struct walk *walk, int parent, const char *entry, const char *name,
                        unsigned depth)
{
    if (depth > FOLDER_DEPTH_MAX) {
        problem_add(walk->problems, NULL, name, 0, "folders nested deeper than %d",
                    FOLDER_DEPTH_MAX);
        return;
    }
    int fd = openat(parent, entry, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL) {
        tell_unreadable(walk, entry, name, depth);
        if (fd >= 0)
            close(fd);
        return;
    }
    if (enter(walk, fd, depth))
        visit_all(walk, folder, name, depth);
    closedir(folder);
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct script *)a)->name, ((const struct script *)b)->name);
}

static void sort(struct script *files, unsigned count)
{
    if (count > 1)
        qsort(files, count, sizeof *files, compare);
}

void folder_read(const char *path, size_t source_max, struct script_set *set,
                 struct problems *problems)
{
    struct walk walk = {.set = set, .problems = problems, .source_max = source_max};
    walk_folder(&walk, AT_FDCWD, path, "", 0);
    sort(set->scripts, set->script_count);
    sort(set->libraries, set->library_count);
    sort(set->schemas, set->schema_count);
}
