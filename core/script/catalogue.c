#include "script/catalogue.h"

#include <stdlib.h>

#include "base/asset.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/suggest.h"
#include "script/declare.h"
#include "script/folder.h"
#include "script/option.h"
#include "script/problem.h"

/* ---- the set ---- */

static void finish_files(struct script *files, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        free(files[i].name);
        free(files[i].source);
    }
    free(files);
}

void script_set_destroy(struct script_set *set)
{
    if (set == NULL)
        return;
    for (unsigned i = 0; i < set->generation.type_count; i++)
        channel_type_destroy(set->generation.types[i]);
    for (unsigned i = 0; i < set->method_count; i++)
        free(set->methods[i].name);
    free(set->generation.types);
    free(set->methods);
    finish_files(set->scripts, set->script_count);
    finish_files(set->libraries, set->library_count);
    finish_files(set->schemas, set->schema_count);
    free(set);
}

static int compare_methods(const void *a, const void *b)
{
    return strcmp(((const struct server_method *)a)->name, ((const struct server_method *)b)->name);
}

bool script_set_find_method(const struct script_set *set, struct slice name, unsigned *script)
{
    for (unsigned low = 0, high = set->method_count; low < high;) {
        unsigned middle = (low + high) / 2;
        struct slice at = slice_of(set->methods[middle].name);
        int order = memcmp(name.at, at.at, name.len < at.len ? name.len : at.len);
        if (order == 0)
            order = (name.len > at.len) - (name.len < at.len);
        if (order == 0) {
            *script = set->methods[middle].script;
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

void script_set_suggest_method(const struct script_set *set, struct slice name, struct error *err)
{
    const char **names = xcalloc(set->method_count + 1, sizeof *names);
    for (unsigned i = 0; i < set->method_count; i++)
        names[i] = set->methods[i].name;
    const char *near = suggest(name, names);
    if (near != NULL)
        fail(err, ERROR_METHOD_NOT_FOUND, "method not found: did you mean `%s`?", near);
    free(names);
}

static void put_files(struct buf *all, const struct script *files, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        buf_printf(all, "%s\n%zu\n", files[i].name, files[i].source_len);
        buf_add(all, files[i].source, files[i].source_len);
    }
}

static void hash_sources(struct script *files, unsigned count, uint64_t others)
{
    for (unsigned i = 0; i < count; i++)
        files[i].hash = hash_bytes(slice_make(files[i].source, files[i].source_len)) ^ others;
}

/* A library may be required by any script, and by another library, and a schema be named there: all
 * of them count. */
static void hash_files(struct script_set *set)
{
    struct buf all = {0};
    put_files(&all, set->libraries, set->library_count);
    put_files(&all, set->schemas, set->schema_count);
    uint64_t others = hash_bytes(buf_slice(&all)) * UINT64_C(0x9E3779B97F4A7C15);
    buf_finish(&all);
    hash_sources(set->scripts, set->script_count, others);
    hash_sources(set->libraries, set->library_count, 0);
    hash_sources(set->schemas, set->schema_count, 0);
}

/* ---- what the scripts declare ---- */

struct reading {
    const struct catalogue_options *options;
    struct script_set *set;
    struct problems *problems;
    /* the first to define each, for "and in b.lua:3" */
    int server_lines[SERVER_HOOK_COUNT];
    struct map methods; /* server.rpc_NAME -> struct place */
};

struct place {
    char *name;
    const char *file;
    int line;
};

static struct rule *rule_or(const struct channel_type *type, struct rule *rule,
                            const char *fallback)
{
    if (rule != NULL)
        return rule;
    struct error err;
    rule = option_rule(type, fallback, RULE_OF_CLIENT, &err);
    ensure(rule != NULL);
    return rule;
}

/* Nothing is allowed by forgetting to say no: a message needs a hook that judges it, or a rule. */
static void fill_rules(struct channel_type *type)
{
    bool judges = type->hooks & 1u << HOOK_PUBLISH, answers = type->hooks & 1u << HOOK_CALL;
    type->subscribe = rule_or(type, type->subscribe, "user");
    type->publish = rule_or(type, type->publish, judges ? "user" : "nobody");
    type->call = rule_or(type, type->call, answers ? "user" : "nobody");
}

static void take_types(struct script_set *set, struct program *program, unsigned script)
{
    struct generation *generation = &set->generation;
    generation->types =
        xrealloc(generation->types,
                 (generation->type_count + program->class_count + 1) * sizeof *generation->types);
    for (unsigned i = 0; i < program->class_count; i++) {
        struct channel_type *type = program->classes[i].type;
        program->classes[i].type = NULL;
        type->script = script;
        fill_rules(type);
        generation->types[generation->type_count++] = type;
    }
}

static void take_server_hook(struct reading *reading, struct program *program, unsigned script,
                             enum server_hook hook)
{
    struct script_set *set = reading->set;
    if (program->server[hook].ref == 0)
        return;
    if (set->generation.server_hooks & 1u << hook) {
        problem_add(reading->problems, set, program->script->name, program->server_lines[hook],
                    "server.%s is defined in %s:%d already: there can be one",
                    server_hook_name(hook), set->scripts[set->server_script[hook]].name,
                    reading->server_lines[hook]);
        return;
    }
    set->generation.server_hooks |= 1u << hook;
    set->server_script[hook] = script;
    reading->server_lines[hook] = program->server_lines[hook];
}

static void take_rpc(struct reading *reading, const struct server_rpc *rpc, unsigned script)
{
    struct script_set *set = reading->set;
    const struct place *before = map_find(&reading->methods, slice_of(rpc->name));
    if (before != NULL) {
        problem_add(reading->problems, set, rpc->file, rpc->line,
                    "server.rpc_%s is defined in %s:%d already: there can be one", rpc->name,
                    before->file, before->line);
        return;
    }
    struct place *place = xmalloc(sizeof *place);
    *place = (struct place){xstrdup(rpc->name), set->scripts[script].name, rpc->line};
    map_add(&reading->methods, slice_of(place->name), place);
    set->methods = xrealloc(set->methods, (set->method_count + 1) * sizeof *set->methods);
    set->methods[set->method_count++] = (struct server_method){xstrdup(rpc->name), script};
    set->generation.server_hooks |= 1u << SERVER_CALL;
}

static void read_script(struct reading *reading, unsigned index)
{
    struct script_set *set = reading->set;
    struct program *program = program_create(set, &set->scripts[index], &reading->options->limits,
                                             reading->options->log, reading->problems);
    if (program == NULL)
        return;
    take_types(set, program, index);
    for (int hook = 0; hook < SERVER_CALL; hook++)
        take_server_hook(reading, program, index, (enum server_hook)hook);
    for (unsigned i = 0; i < program->rpc_count; i++)
        take_rpc(reading, &program->rpcs[i], index);
    program_unref(program);
}

static void finish_reading(struct reading *reading)
{
    struct place *place;
    for (size_t at = 0; (place = map_next(&reading->methods, &at)) != NULL;) {
        free(place->name);
        free(place);
    }
    map_finish(&reading->methods);
}

/* ---- over the whole set ---- */

static int compare_places(const struct channel_type *a, const struct channel_type *b)
{
    int by_file = strcmp(a->file, b->file);
    return by_file != 0 ? by_file : (a->line > b->line) - (a->line < b->line);
}

static int compare_types(const void *a, const void *b)
{
    const struct channel_type *x = *(struct channel_type *const *)a,
                              *y = *(struct channel_type *const *)b;
    int order = pattern_compare(x->pattern, y->pattern);
    return order != 0 ? order : compare_places(x, y);
}

static void check_pair(struct reading *reading, const struct channel_type *a,
                       const struct channel_type *b)
{
    if (pattern_compare(a->pattern, b->pattern) != 0 || !pattern_overlaps(a->pattern, b->pattern))
        return;
    if (compare_places(a, b) > 0) {
        check_pair(reading, b, a);
        return;
    }
    struct slice one = pattern_text(a->pattern), other = pattern_text(b->pattern);
    if (slice_is_equal(one, other))
        problem_add(reading->problems, reading->set, b->file, b->line,
                    "channel \"%.*s\" is declared twice, in %s:%d already", SLICE_ARGS(other),
                    a->file, a->line);
    else
        problem_add(reading->problems, reading->set, b->file, b->line,
                    "channel \"%.*s\" and \"%.*s\" of %s:%d match the same names and neither is "
                    "more specific",
                    SLICE_ARGS(other), SLICE_ARGS(one), a->file, a->line);
}

static void check_types(struct reading *reading)
{
    struct generation *generation = &reading->set->generation;
    for (unsigned i = 0; i < generation->type_count; i++)
        for (unsigned j = i + 1; j < generation->type_count; j++)
            check_pair(reading, generation->types[i], generation->types[j]);
    if (generation->type_count > 1)
        qsort(generation->types, generation->type_count, sizeof *generation->types, compare_types);
}

static void read_set(struct reading *reading)
{
    struct script_set *set = reading->set;
    for (unsigned i = 0; i < set->library_count; i++)
        program_check_library(set, &set->libraries[i], &reading->options->limits,
                              reading->problems);
    for (unsigned i = 0; i < set->script_count; i++)
        read_script(reading, i);
    check_types(reading);
    if (set->method_count > 1)
        qsort(set->methods, set->method_count, sizeof *set->methods, compare_methods);
}

struct script_set *catalogue_read(const struct catalogue_options *options, unsigned number,
                                  struct problems *problems)
{
    struct script_set *set = xcalloc(1, sizeof *set);
    set->generation.number = set->generation.first = number;
    if (options->folder != NULL)
        folder_read(options->folder, options->limits.source_bytes, set, problems);
    if (options->is_dev)
        folder_add(set, "weir/dev.lua", asset_find("lua/dev.lua"));
    hash_files(set);
    return set;
}

static void copy_files(const struct script *files, unsigned count, struct script **copies, unsigned *copy_count)
{
    *copies = xcalloc(count + 1, sizeof **copies);
    *copy_count = count;
    for (unsigned i = 0; i < count; i++) {
        (*copies)[i] = files[i];
        (*copies)[i].name = xstrdup(files[i].name);
        (*copies)[i].source = xslicedup(slice_make(files[i].source, files[i].source_len));
    }
}

struct script_set *catalogue_copy(const struct script_set *set, unsigned number)
{
    struct script_set *copy = xcalloc(1, sizeof *copy);
    copy->generation.number = copy->generation.first = number;
    copy_files(set->scripts, set->script_count, &copy->scripts, &copy->script_count);
    copy_files(set->libraries, set->library_count, &copy->libraries, &copy->library_count);
    copy_files(set->schemas, set->schema_count, &copy->schemas, &copy->schema_count);
    return copy;
}

bool catalogue_check(const struct catalogue_options *options, struct script_set *set,
                     struct problems *problems)
{
    struct reading reading = {.options = options, .set = set, .problems = problems};
    read_set(&reading);
    finish_reading(&reading);
    problems_sort(problems);
    return problems->count == 0;
}

struct script_set *catalogue_load(const struct catalogue_options *options, unsigned number,
                                  struct problems *problems)
{
    struct script_set *set = catalogue_read(options, number, problems);
    if (catalogue_check(options, set, problems))
        return set;
    script_set_destroy(set);
    return NULL;
}

/* ---- what is new ---- */

struct files {
    const struct script *all;
    unsigned count;
};

enum { KINDS = 3 };

static struct files files_of(const struct script_set *set, int kind)
{
    const struct files kinds[KINDS] = {{set->scripts, set->script_count},
                                       {set->libraries, set->library_count},
                                       {set->schemas, set->schema_count}};
    return kinds[kind];
}

static const struct script *find(struct files files, const char *name)
{
    for (unsigned i = 0; i < files.count; i++)
        if (strcmp(files.all[i].name, name) == 0)
            return &files.all[i];
    return NULL;
}

const struct script *script_set_find_schema(const struct script_set *set, const char *name)
{
    return find((struct files){set->schemas, set->schema_count}, name);
}

static bool is_same(const struct script *a, const struct script *b)
{
    return a->source_len == b->source_len && memcmp(a->source, b->source, a->source_len) == 0;
}

static bool are_same(struct files a, struct files b)
{
    if (a.count != b.count)
        return false;
    for (unsigned i = 0; i < a.count; i++)
        if (strcmp(a.all[i].name, b.all[i].name) != 0 || !is_same(&a.all[i], &b.all[i]))
            return false;
    return true;
}

bool catalogue_is_same(const struct script_set *a, const struct script_set *b)
{
    for (int kind = 0; kind < KINDS; kind++)
        if (!are_same(files_of(a, kind), files_of(b, kind)))
            return false;
    return true;
}

static bool is_emptied(struct files before, struct files now)
{
    for (unsigned i = 0; i < now.count; i++) {
        const struct script *old = find(before, now.all[i].name);
        if (now.all[i].source_len == 0 && (old == NULL || old->source_len > 0))
            return true;
    }
    return false;
}

bool catalogue_is_emptied(const struct script_set *before, const struct script_set *now)
{
    for (int kind = 0; kind < KINDS; kind++)
        if (is_emptied(files_of(before, kind), files_of(now, kind)))
            return true;
    return false;
}

static bool has_name(const struct buf *list, struct slice name)
{
    const char *end = list->at + list->len;
    for (const char *at = list->at; at < end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma != NULL ? comma : end;
        if (slice_is_equal(slice_make(at, (size_t)(stop - at)), name))
            return true;
        at = stop + 1;
    }
    return false;
}

static void put_name(struct buf *out, const char *sign, const char *name)
{
    struct buf whole = {0};
    buf_printf(&whole, "%s%s", sign, name);
    if (!has_name(out, buf_slice(&whole))) {
        buf_add_text(out, out->len > 0 ? "," : "");
        buf_add_text(out, buf_text(&whole));
    }
    buf_finish(&whole);
}

static void put_changed(struct files before, struct files now, struct buf *out)
{
    for (unsigned i = 0; i < now.count; i++) {
        const struct script *old = find(before, now.all[i].name);
        if (old == NULL || !is_same(old, &now.all[i]))
            put_name(out, "", now.all[i].name);
    }
    for (unsigned i = 0; i < before.count; i++)
        if (find(now, before.all[i].name) == NULL)
            put_name(out, "-", before.all[i].name);
}

void catalogue_changes(const struct script_set *before, const struct script_set *now,
                       struct buf *out)
{
    static const struct script_set nothing;
    if (before == NULL)
        before = &nothing;
    for (int kind = 0; kind < KINDS; kind++)
        put_changed(files_of(before, kind), files_of(now, kind), out);
}

void catalogue_put_change(const struct script_set *now, const char *name, struct buf *out)
{
    bool is_there = false;
    for (int kind = 0; kind < KINDS; kind++)
        is_there |= find(files_of(now, kind), name) != NULL;
    put_name(out, is_there ? "" : "-", name);
}
