#include "script/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <lauxlib.h>

#include "base/memory.h"
#include "script/vm.h"

enum { FILE_BYTES_MAX = 64 * 1024, FILE_KEYS_MAX = 256, FILE_CPU_MS = 50, FILE_MEMORY = 1 << 20 };

struct setting {
    char *key, *value;
};

struct reading {
    struct buf source;
    struct setting all[FILE_KEYS_MAX];
    unsigned count;
};

/* ---- the file ---- */

static bool read_bytes(int fd, struct buf *bytes)
{
    ssize_t got;
    while (bytes->len <= FILE_BYTES_MAX && (got = read(fd, buf_reserve(bytes, 4096), 4096)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        bytes->len += (size_t)got;
    }
    return true;
}

static bool read_file(const char *path, struct buf *bytes, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_read = fd >= 0 && read_bytes(fd, bytes);
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (!is_read)
        return fail(err, ERROR_CONFIG, "%s: cannot be read: %s", path, strerror(why));
    if (bytes->len > FILE_BYTES_MAX)
        return fail(err, ERROR_CONFIG, "%s: is longer than %d bytes", path, FILE_BYTES_MAX);
    return true;
}

/* ---- its table ---- */

/* Appends the scalar on top as text. */
static bool put_scalar(lua_State *L, struct buf *out)
{
    size_t len;
    const char *text;
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        text = lua_tolstring(L, -1, &len);
        buf_add(out, text, len);
        return strlen(text) == len;
    case LUA_TBOOLEAN:
        buf_add_text(out, lua_toboolean(L, -1) ? "true" : "false");
        return true;
    case LUA_TNUMBER:
        if (lua_isinteger(L, -1))
            buf_printf(out, "%lld", (long long)lua_tointeger(L, -1));
        else
            buf_printf(out, "%.17g", (double)lua_tonumber(L, -1));
        return true;
    default:
        return false;
    }
}

static bool put_list(lua_State *L, struct buf *out)
{
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1), found = 0;
    for (lua_Integer i = 1; i <= count; i++) {
        if (i > 1)
            buf_add_byte(out, ',');
        lua_rawgeti(L, -1, i);
        bool is_text = lua_type(L, -1) == LUA_TSTRING && put_scalar(L, out);
        lua_pop(L, 1);
        if (!is_text)
            return false;
    }
    lua_pushnil(L);
    for (; lua_next(L, -2); lua_pop(L, 1))
        found++;
    return found == count;
}

static void take(lua_State *L, struct reading *reading)
{
    struct buf *out = vm_scratch(L);
    if (lua_type(L, -2) != LUA_TSTRING)
        luaL_error(L, "a key is a name, such as listen = \"127.0.0.1:8000\"");
    const char *key = lua_tostring(L, -2);
    if (lua_istable(L, -1) ? !put_list(L, out) : !put_scalar(L, out))
        luaL_error(L, "`%s` is a string, a number, true, false or a list of strings (got %s)", key,
                   luaL_typename(L, -1));
    if (reading->count == FILE_KEYS_MAX)
        luaL_error(L, "more than %d keys", FILE_KEYS_MAX);
    reading->all[reading->count++] = (struct setting){xstrdup(key), xstrdup(buf_text(out))};
}

static int end_file(lua_State *L, int status, lua_KContext context)
{
    struct reading *reading = (struct reading *)context;
    (void)status;
    if (!lua_istable(L, -1))
        return luaL_error(
            L, "it has to return a table: return { listen = \"127.0.0.1:8000\" } (got %s)",
            luaL_typename(L, -1));
    lua_pushnil(L);
    for (; lua_next(L, -2); lua_pop(L, 1))
        take(L, reading);
    return 0;
}

static int run_file(lua_State *L)
{
    struct reading *reading = lua_touserdata(L, 1);
    if (luaL_loadbufferx(L, reading->source.at, reading->source.len, "@file.lua", "t") != LUA_OK)
        return lua_error(L);
    lua_newtable(L);
    lua_setupvalue(L, -2, 1);
    lua_callk(L, 0, 1, (lua_KContext)reading, end_file);
    return end_file(L, LUA_OK, (lua_KContext)reading);
}

static bool run(const char *path, struct reading *reading, struct error *err)
{
    struct vm_outcome outcome;
    struct vm *vm = vm_create(&(struct vm_limits){FILE_MEMORY, FILE_CPU_MS});
    vm_settle(vm);
    vm_run(vm, run_file, reading, &outcome);
    vm_destroy(vm);
    if (outcome.end == VM_DONE)
        return true;
    if (outcome.line > 0)
        return fail(err, ERROR_CONFIG, "%s:%d: %s", path, outcome.line, outcome.text);
    return fail(err, ERROR_CONFIG, "%s: %s", path, outcome.text);
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct setting *)a)->key, ((const struct setting *)b)->key);
}

static bool visit_all(struct reading *reading, settings_visit *visit, void *context,
                      struct error *err)
{
    if (reading->count > 1)
        qsort(reading->all, reading->count, sizeof *reading->all, compare);
    for (unsigned i = 0; i < reading->count; i++)
        if (!visit(context, reading->all[i].key, reading->all[i].value, err))
            return false;
    return true;
}

bool settings_read(const char *path, settings_visit *visit, void *context, struct error *err)
{
    struct reading *reading = xcalloc(1, sizeof *reading);
    bool is_read = read_file(path, &reading->source, err) && run(path, reading, err) &&
                   visit_all(reading, visit, context, err);
    for (unsigned i = 0; i < reading->count; i++) {
        free(reading->all[i].key);
        free(reading->all[i].value);
    }
    buf_finish(&reading->source);
    free(reading);
    return is_read;
}
