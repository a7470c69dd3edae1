#include "loop/watch.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <uv.h>

#include "base/memory.h"

enum { FOLDERS_MAX = 64 };

struct watch {
    uv_loop_t *loop;
    uv_timer_t settle;
    uv_fs_event_t events[FOLDERS_MAX]; /* of the folder, then of those in it */
    int made, used, open;
    char *folder;
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

static bool watch_one(struct watch *watch, const char *path)
{
    if (watch->used == FOLDERS_MAX)
        return false;
    uv_fs_event_t *event = &watch->events[watch->used++];
    if (watch->used > watch->made) {
        uv_fs_event_init(watch->loop, event);
        event->data = watch;
        watch->made++;
        watch->open++;
    }
    return uv_fs_event_start(event, on_change, path, 0) == 0;
}

static bool is_folder(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

static void watch_subfolders(struct watch *watch)
{
    DIR *dir = opendir(watch->folder);
    if (dir == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[4096];
        int len = snprintf(path, sizeof path, "%s/%s", watch->folder, entry->d_name);
        if (entry->d_name[0] != '.' && len < (int)sizeof path && is_folder(path))
            watch_one(watch, path);
    }
    closedir(dir);
}

/* Folders may have come and gone as well: all of them are looked up again. */
static bool watch_all(struct watch *watch)
{
    for (int i = 0; i < watch->used; i++)
        uv_fs_event_stop(&watch->events[i]);
    watch->used = 0;
    if (!watch_one(watch, watch->folder))
        return false;
    watch_subfolders(watch);
    return true;
}

static void on_settled(uv_timer_t *handle)
{
    struct watch *watch = handle->data;
    watch_all(watch);
    watch->fn(watch->context);
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
    watch->open = 1;
    uv_timer_init(watch->loop, &watch->settle);
    watch->settle.data = watch;
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
    free(watch->folder);
    free(watch);
}

void watch_destroy(struct watch *watch)
{
    if (watch == NULL)
        return;
    for (int i = 0; i < watch->made; i++)
        uv_close((uv_handle_t *)&watch->events[i], on_closed);
    uv_close((uv_handle_t *)&watch->settle, on_closed);
}
