/* The scripts on disk and what they declare: reads a folder, validates it as a whole, makes a generation. */
#ifndef SCRIPT_CATALOGUE_H
#define SCRIPT_CATALOGUE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "hub/generation.h"

struct script_limits {
    size_t memory;       /* bytes a VM may hold beyond its loaded size, per call: 16 MiB */
    unsigned cpu_ms;     /* of a hook or of loading: 100 */
    unsigned wait_ms;    /* how long a hook may take, waiting included: 2000 */
    unsigned waits;      /* hooks of one script that may wait at once: 4096 */
    const char *env;     /* the environment variables that scripts may read, with commas; NULL: none */
    size_t source_bytes; /* of one file: 256 KiB */
    const struct vm_watcher *watcher; /* see script/vm; NULL: none */
};
#define SCRIPT_LIMITS_DEFAULT                                                                      \
    ((struct script_limits){.memory = 16u << 20, .cpu_ms = 100, .wait_ms = 2000, .waits = 4096, .source_bytes = 256u << 10})

/* One file of a generation. The bytes are those that were validated: workers load these, never the disk. */
struct script {
    char *name;   /* relative to the folder: "chat.lua", "rooms/poll.lua" */
    char *source;
    size_t source_len;
    uint64_t hash; /* of the source, every library and schema, for "unchanged files keep their VM" */
};

/* server.rpc_NAME: which script has it. */
struct server_method {
    char *name;
    unsigned script;
};

/* Owned by the control thread. */
struct script_set {
    struct generation generation; /* first member */
    struct script *scripts;       /* sorted by name; `channel_type.script` indexes them */
    unsigned script_count;
    struct script *libraries;     /* lib/NAME.lua, for require "NAME" */
    unsigned library_count;
    struct script *schemas;       /* schemas/NAME.json, for schema = "schemas/NAME.json" */
    unsigned schema_count;
    unsigned server_script[SERVER_HOOK_COUNT]; /* who defines on_connect, on_disconnect (at most one script) */
    struct server_method *methods; /* sorted by name */
    unsigned method_count;
};
void script_set_destroy(struct script_set *set); /* NULL is fine */
/* The file of that name; NULL: there is none. */
const struct script *script_set_find_schema(const struct script_set *set, const char *name);
/* Who has server.rpc_NAME; false: nobody. */
bool script_set_find_method(const struct script_set *set, struct slice name, unsigned *script);
/* Adds "did you mean" to ERROR_METHOD_NOT_FOUND, where a name is near. */
void script_set_suggest_method(const struct script_set *set, struct slice name, struct error *err);

/* One thing that is wrong with a set, for people. */
struct problem {
    char *file;   /* relative; "" when it is about the folder */
    int line;     /* 0: unknown */
    char *source; /* that line's text, without its newline; "" unknown */
    char *reason; /* one sentence */
};
struct problems {
    struct problem *all;
    unsigned count;
};
void problems_finish(struct problems *problems);
/* {"file":…,"line":…,"source":…,"reason":…} of one problem. */
void problem_put_json(struct buf *out, const struct problem *problem);

struct catalogue_options {
    const char *folder; /* NULL: none, only what is built in */
    bool is_dev; /* adds the built-in channel weir:dev (asset lua/dev.lua) */
    struct script_limits limits;
    const struct log *log;
};

#define SCHEMA_FOLDER "schemas/"

/* Reads every *.lua below the folder (not *_spec.lua, not lib/, which is for require; hidden files and
 * editors' droppings are left out) and every .json in schemas/, loads each in a scratch VM with full sandbox and budget, and checks
 * patterns, rules, options and hooks over the whole set. NULL when anything is wrong: *problems then has all
 * of it (every file's, not only the first). `number` becomes the generation's. Only the control thread calls. */
struct script_set *catalogue_load(const struct catalogue_options *options, unsigned number,
                                  struct problems *problems);
/* The same in two steps, for whoever asks first whether anything is new. Read: the files alone, never NULL;
 * what cannot be read becomes a problem. Check: what they declare; false when there are problems. */
struct script_set *catalogue_read(const struct catalogue_options *options, unsigned number,
                                  struct problems *problems);
bool catalogue_check(const struct catalogue_options *options, struct script_set *set,
                     struct problems *problems);

/* The files of a set once more, as catalogue_read() gives them: what they declare is not copied. */
struct script_set *catalogue_copy(const struct script_set *set, unsigned number);

/* Whether the files are the same, byte for byte. */
bool catalogue_is_same(const struct script_set *a, const struct script_set *b);
/* Whether a file is empty that was not so before: perhaps it is just being written. */
bool catalogue_is_emptied(const struct script_set *before, const struct script_set *now);
/* Appends to *out, comma-separated, the names of the files of `now` that are new or changed since `before` (may be
 * NULL), and as "-NAME" of those that are gone; not those that *out has already. */
void catalogue_changes(const struct script_set *before, const struct script_set *now, struct buf *out);
/* Appends one in the same way, gone or not. */
void catalogue_put_change(const struct script_set *now, const char *name, struct buf *out);

#endif
