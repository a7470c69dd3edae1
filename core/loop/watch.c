#include "loop/watch.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <uv.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/memory.h"

/* As deep as scripts are looked for; a look at the folder itself tells that it was replaced. */
enum { FOLDERS_MAX = 2000, LINKS_MAX = 2000, DEPTH_MAX = 8, LOOK_MS = 300, PATH_BYTES = 4096 };

/* One folder that is watched. */
struct spot {
    uv_fs_event_t event;
    dev_t device;
    ino_t inode;
};

struct watch {
    uv_loop_t *loop;
    uv_timer_t settle, look;
    struct spot **spots; /* those in use first: the folder, then those below it */
    unsigned made, used, open;
    dev_t device; /* of the folder when it was last armed; it and inode 0: it was not there */
    ino_t inode;
    struct buf links; /* the paths of all links, each with its NUL, */
    unsigned link_count;
    uint64_t targets; /* ... and what they led to when that was last looked at */
    char *folder, *gap;
    unsigned settle_ms;
    void (*fn)(void *context);
    void *context;
};

static void on_settled(uv_timer_t *handle);

static void on_change(uv_fs_event_t *handle, const char *name, int events, int status)
{
    struct watch *watch = handle->data;
    (void)name;
    (void)events;
    (void)status;
    uv_timer_start(&watch->settle, on_settled, watch->settle_ms, 0);
}

static struct spot *next_spot(struct watch *watch)
{
    if (watch->used == watch->made) {
        struct spot *spot = xcalloc(1, sizeof *spot);
        watch->spots = xrealloc(watch->spots, (watch->made + 1) * sizeof(struct spot *));
        watch->spots[watch->made++] = spot;
        watch->open++;
        uv_fs_event_init(watch->loop, &spot->event);
        spot->event.data = watch;
    }
    return watch->spots[watch->used];
}

static bool is_watched(const struct watch *watch, const struct stat *facts)
{
    for (unsigned i = 0; i < watch->used; i++)
        if (watch->spots[i]->inode == facts->st_ino && watch->spots[i]->device == facts->st_dev)
            return true;
    return false;
}

static void keep_gap(struct watch *watch, const char *path)
{
    if (watch->gap == NULL)
        watch->gap = xstrdup(path);
}

static bool watch_one(struct watch *watch, const char *path, const struct stat *facts)
{
    if (watch->used < FOLDERS_MAX) {
        struct spot *spot = next_spot(watch);
        spot->device = facts->st_dev;
        spot->inode = facts->st_ino;
        int code = uv_fs_event_start(&spot->event, on_change, path, 0);
        watch->used += code == 0;
        if (code == 0 || code == UV_ENOENT) /* gone meanwhile: no gap */
            return code == 0;
    }
    keep_gap(watch, path);
    return false;
}

/* No event comes of what a link leads to: it may be anywhere, on its way may be other links, and it
 * may not be there yet. So it is looked at now and then. */
static void keep_link(struct watch *watch, const char *path)
{
    if (watch->link_count == LINKS_MAX) {
        keep_gap(watch, path);
        return;
    }
    watch->link_count++;
    buf_add(&watch->links, path, strlen(path) + 1);
}

/* Of a file what an edit changes; of a folder, which is watched itself, only which one it is. */
static uint64_t look_at_target(const char *path)
{
    struct stat facts;
    if (stat(path, &facts) != 0)
        return 0;
    uint64_t seen[5] = {(uint64_t)facts.st_dev, (uint64_t)facts.st_ino};
    if (!S_ISDIR(facts.st_mode)) {
        seen[2] = (uint64_t)facts.st_size;
        seen[3] = (uint64_t)facts.st_mtim.tv_sec;
        seen[4] = (uint64_t)facts.st_mtim.tv_nsec;
    }
    return hash_bytes(slice_make((const char *)seen, sizeof seen));
}

static uint64_t look_at_targets(const struct watch *watch)
{
    uint64_t all = 0;
    const char *end = watch->links.at + watch->links.len;
    for (const char *path = watch->links.at; path < end; path += strlen(path) + 1)
        all = all * UINT64_C(0x9E3779B97F4A7C15) + look_at_target(path);
    return all;
}

static void watch_below(struct watch *watch, const char *path, unsigned depth);

static void visit(struct watch *watch, const char *path, unsigned depth)
{
    struct stat facts;
    if (stat(path, &facts) != 0 || !S_ISDIR(facts.st_mode) || is_watched(watch, &facts))
        return;
    if (watch_one(watch, path, &facts) && depth < DEPTH_MAX)
        watch_below(watch, path, depth);
}

static bool may_be_folder(const struct dirent *entry)
{
    bool is_hidden = entry->d_name[0] == '.' || entry->d_name[0] == '#';
    return !is_hidden && entry->d_type != DT_REG;
}

static bool is_link(const struct dirent *entry, const char *path)
{
    struct stat facts;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_LNK;
    return lstat(path, &facts) == 0 && S_ISLNK(facts.st_mode);
}

static void watch_below(struct watch *watch, const char *path, unsigned depth)
{
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char below[PATH_BYTES];
        if (!may_be_folder(entry))
            continue;
        if (snprintf(below, sizeof below, "%s/%s", path, entry->d_name) >= PATH_BYTES)
            continue;
        if (is_link(entry, below))
            keep_link(watch, below);
        visit(watch, below, depth + 1);
    }
    closedir(dir);
}

/* Folders may have come and gone as well: all of them are looked up again. */
static bool watch_all(struct watch *watch)
{
    struct stat facts = {0};
    for (unsigned i = 0; i < watch->used; i++)
        uv_fs_event_stop(&watch->spots[i]->event);
    watch->used = 0;
    free(watch->gap);
    watch->gap = NULL;
    buf_clear(&watch->links);
    watch->link_count = 0;
    watch->targets = 0;
    if (stat(watch->folder, &facts) != 0 || !S_ISDIR(facts.st_mode))
        facts = (struct stat){0};
    watch->device = facts.st_dev;
    watch->inode = facts.st_ino;
    if (facts.st_ino == 0 || !watch_one(watch, watch->folder, &facts))
        return false;
    watch_below(watch, watch->folder, 0);
    watch->targets = look_at_targets(watch);
    return true;
}

static void on_settled(uv_timer_t *handle)
{
    struct watch *watch = handle->data;
    watch_all(watch);
    watch->fn(watch->context);
}

/* Nothing tells that another folder has the name now, or that a link leads elsewhere. */
static bool is_as_it_was(const struct watch *watch)
{
    struct stat facts;
    if (stat(watch->folder, &facts) != 0 || !S_ISDIR(facts.st_mode))
        facts = (struct stat){0};
    return facts.st_dev == watch->device && facts.st_ino == watch->inode &&
           look_at_targets(watch) == watch->targets;
}

static void on_look(uv_timer_t *handle)
{
    struct watch *watch = handle->data;
    if (is_as_it_was(watch))
        return;
    watch_all(watch);
    uv_timer_start(&watch->settle, on_settled, watch->settle_ms, 0);
}

struct watch *watch_create(struct loop *loop, const char *folder, unsigned settle_ms,
                           void (*fn)(void *context), void *context)
{
    struct watch *watch = xcalloc(1, sizeof *watch);
    watch->loop = loop_handle(loop);
    watch->folder = xstrdup(folder);
    watch->fn = fn;
    watch->context = context;
    watch->settle_ms = settle_ms;
    watch->open = 2;
    uv_timer_init(watch->loop, &watch->settle);
    uv_timer_init(watch->loop, &watch->look);
    watch->settle.data = watch->look.data = watch;
    uv_timer_start(&watch->look, on_look, LOOK_MS, LOOK_MS);
    if (watch_all(watch))
        return watch;
    watch_destroy(watch);
    return NULL;
}

static void on_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    if (--watch->open > 0)
        return;
    for (unsigned i = 0; i < watch->made; i++)
        free(watch->spots[i]);
    free(watch->spots);
    buf_finish(&watch->links);
    free(watch->folder);
    free(watch->gap);
    free(watch);
}

void watch_destroy(struct watch *watch)
{
    if (watch == NULL)
        return;
    for (unsigned i = 0; i < watch->made; i++)
        uv_close((uv_handle_t *)&watch->spots[i]->event, on_closed);
    uv_close((uv_handle_t *)&watch->settle, on_closed);
    uv_close((uv_handle_t *)&watch->look, on_closed);
}

const char *watch_gap(const struct watch *watch)
{
    return watch->gap;
}
