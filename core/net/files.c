#include "net/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/asset.h"
#include "net/inside.h"

enum { PAGE_BYTES_MAX = 16 * 1024 * 1024 };

static const struct {
    const char *ending, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},       {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},  {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},               {".svg", "image/svg+xml"},
    {".png", "image/png"},                       {".jpg", "image/jpeg"},
    {".ico", "image/x-icon"},                    {".txt", "text/plain; charset=utf-8"},
    {".woff2", "font/woff2"},                    {".webp", "image/webp"},
};

static const char *type_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof *types; i++)
        if (strcmp(dot, types[i].ending) == 0)
            return types[i].type;
    return NULL; /* scripts and whatever else lies there are not for browsers */
}

void files_serve_client(const struct exchange *exchange)
{
    struct buf body = {0};
    buf_add_slice(&body, asset_find("core/net/static/weir.js"));
    if (exchange->stream->net->options->is_dev) {
        buf_add_byte(&body, '\n');
        buf_add_slice(&body, asset_find("core/net/static/overlay.js"));
    }
    http_respond(exchange->stream, &(struct response){200, "text/javascript; charset=utf-8", buf_slice(&body),
                                                      "Cache-Control: no-cache\r\n"});
    buf_finish(&body);
}

/* Only plain names, so that nothing can climb out or show what is hidden. */
static bool is_plain_path(struct slice path)
{
    for (size_t i = 0; i < path.len; i++) {
        char c = path.at[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                        c == '-' || c == '_' || c == '/' || (c == '.' && i > 0 && path.at[i - 1] != '/');
        if (!is_plain)
            return false;
    }
    return path.len > 0 && path.at[0] == '/';
}

static bool read_file(const char *path, struct buf *out)
{
    struct stat facts;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool is_file = fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size <= PAGE_BYTES_MAX;
    while (is_file) {
        ssize_t n = read(fd, buf_reserve(out, 65536), 65536);
        if (n <= 0)
            break;
        out->len += (size_t)n;
    }
    close(fd);
    return is_file;
}

void files_serve_page(const struct exchange *exchange)
{
    struct slice path = exchange->head->path;
    char file[PATH_MAX];
    struct buf body = {0};
    bool is_folder = path.len > 0 && path.at[path.len - 1] == '/';
    int len = snprintf(file, sizeof file, "%s%.*s%s", exchange->stream->net->options->folder, SLICE_ARGS(path),
                       is_folder ? "index.html" : "");
    if (!is_plain_path(path) || len >= (int)sizeof file || type_of(file) == NULL || !read_file(file, &body))
        http_refuse(exchange->stream, 404, "there is no such page", NULL);
    else
        http_respond(exchange->stream,
                     &(struct response){200, type_of(file), buf_slice(&body), "Cache-Control: no-cache\r\n"});
    buf_finish(&body);
}
