#include "script/settings.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <lauxlib.h>

#include "base/memory.h"
#include "script/vm.h"

enum { FILE_BYTES_MAX = 64 * 1024, FILE_KEYS_MAX = 256, FILE_CPU_MS = 50, FILE_MEMORY = 1 << 20 };

/* A setting that is kept; owns its texts. */
struct kept {
    char *key, *value;
    enum setting_kind kind;
};

struct reading {
    struct buf source;
    struct kept all[FILE_KEYS_MAX];
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

static enum setting_kind kind_of(lua_State *L)
{
    switch (lua_type(L, -1)) {
    case LUA_TNUMBER:
        return SETTING_NUMBER;
    case LUA_TBOOLEAN:
        return SETTING_BOOLEAN;
    case LUA_TTABLE:
        return SETTING_LIST;
    default:
        return SETTING_TEXT;
    }
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
    reading->all[reading->count++] =
        (struct kept){xstrdup(key), xstrdup(buf_text(out)), kind_of(L)};
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
    return strcmp(((const struct kept *)a)->key, ((const struct kept *)b)->key);
}

/* ---- where a key stands: the table that comes back does not tell ---- */

/* The byte behind the comment, string or single byte that begins at `at`. Long brackets have no
 * level here: the worst that comes of it is a line too many, and then none is told. */
static const char *skip_one(const char *at)
{
    bool is_comment = at[0] == '-' && at[1] == '-';
    const char *text = is_comment ? at + 2 : at, *end;
    if (text[0] == '[' && text[1] == '[')
        return (end = strstr(text, "]]")) ? end + 2 : text + strlen(text);
    if (is_comment)
        return text + strcspn(text, "\n");
    if (*text != '"' && *text != '\'')
        return text + 1;
    for (end = text + 1; *end != '\0' && *end != *text && *end != '\n'; end++)
        end += *end == '\\' && end[1] != '\0';
    return *end == *text ? end + 1 : end;
}

static bool is_name_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Does `key =` begin here, or `["key"] =`? */
static bool is_key_at(const char *start, const char *at, const char *key)
{
    size_t len = strlen(key);
    bool is_quoted = at[0] == '[' && (at[1] == '"' || at[1] == '\'');
    const char *name = at + (is_quoted ? 2 : 0), *end = name + len;
    if (strncmp(name, key, len) != 0 || (!is_quoted && at > start && is_name_byte(at[-1])))
        return false;
    if (is_quoted && (end[0] != at[1] || *++end != ']' || *++end == '\0'))
        return false;
    end += strspn(end, " \t\r\n");
    return end[0] == '=' && end[1] != '=';
}

static unsigned find_line(const char *source, const char *key)
{
    unsigned line = 1, found = 0, count = 0;
    for (const char *at = source, *next; *at != '\0'; at = next) {
        if (is_key_at(source, at, key)) {
            found = line;
            count++;
        }
        const char *end = skip_one(at);
        for (next = at; next < end; next++)
            line += *next == '\n';
    }
    return count == 1 ? found : 0;
}

static bool visit_all(struct reading *reading, settings_visit *visit, void *context,
                      struct error *err)
{
    if (reading->count > 1)
        qsort(reading->all, reading->count, sizeof *reading->all, compare);
    for (unsigned i = 0; i < reading->count; i++) {
        const struct kept *kept = &reading->all[i];
        unsigned line = find_line(buf_text(&reading->source), kept->key);
        if (!visit(context, &(struct setting){kept->key, kept->value, kept->kind, line}, err))
            return false;
    }
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
