#include "loop/watch.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <uv.h>

#include "base/memory.h"

enum { FOLDERS_MAX = 64 };

struct watch {
    uv_timer_t settle;
    uv_fs_event_t events[FOLDERS_MAX];
    int folder_count, open;
    unsigned settle_ms;
    void (*fn)(void *context);
    void *context;
};

static void on_settled(uv_timer_t *handle)
{
    struct watch *watch = handle->data;
    watch->fn(watch->context);
}

static void on_change(uv_fs_event_t *handle, const char *name, int events, int status)
{
    struct watch *watch = handle->data;
    (void)name;
    (void)events;
    (void)status;
    uv_timer_start(&watch->settle, on_settled, watch->settle_ms, 0);
}

static bool add_folder(struct watch *watch, struct loop *loop, const char *path)
{
    if (watch->folder_count == FOLDERS_MAX)
        return false;
    uv_fs_event_t *event = &watch->events[watch->folder_count++];
    uv_fs_event_init(loop_handle(loop), event);
    event->data = watch;
    watch->open++;
    return uv_fs_event_start(event, on_change, path, 0) == 0;
}

static void add_subfolders(struct watch *watch, struct loop *loop, const char *folder)
{
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[4096];
        struct stat facts;
        if (entry->d_name[0] == '.')
            continue;
        if (snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path &&
            stat(path, &facts) == 0 && S_ISDIR(facts.st_mode))
            add_folder(watch, loop, path);
    }
    closedir(dir);
}

struct watch *watch_create(struct loop *loop, const char *folder, unsigned settle_ms,
                           void (*fn)(void *context), void *context)
{
    struct watch *watch = xcalloc(1, sizeof *watch);
    watch->fn = fn;
    watch->context = context;
    watch->settle_ms = settle_ms;
    watch->open = 1;
    uv_timer_init(loop_handle(loop), &watch->settle);
    watch->settle.data = watch;
    if (!add_folder(watch, loop, folder)) {
        watch_destroy(watch);
        return NULL;
    }
    add_subfolders(watch, loop, folder);
    return watch;
}

static void on_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    if (--watch->open == 0)
        free(watch);
}

void watch_destroy(struct watch *watch)
{
    if (watch == NULL)
        return;
    for (int i = 0; i < watch->folder_count; i++)
        uv_close((uv_handle_t *)&watch->events[i], on_closed);
    uv_close((uv_handle_t *)&watch->settle, on_closed);
}
