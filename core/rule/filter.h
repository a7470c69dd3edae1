/* Filters: which messages of a channel a subscriber wants, by fields that the channel declares. */
#ifndef RULE_FILTER_H
#define RULE_FILTER_H

#include "base/buf.h"
#include "base/error.h"
#include "rule/path.h"

enum {
    FILTER_FIELDS_MAX = 16,
    FILTER_BYTES_MAX = 4096,
    FILTER_NODES_MAX = 128,
    FILTER_DEPTH_MAX = 16,
};

/* The fields of a channel by which it may be filtered. */
struct filter_field {
    char *name; /* as the script wrote it, and as filters name it; owned */
    struct path path;
};

bool filter_field_init(struct filter_field *field, struct slice name, struct error *err) MUST_USE;
void filter_field_finish(struct filter_field *field);

/* How a filter is written. Both are checked JSON.
 *   fields  {"name": "cpu", "host": ["a", "b"], "load": {"gt": 5, "lte": 10}, "gone": null}: all
 * have to hold tags    {"op": "and", "nodes": [{"key": "name", "cmp": "eq", "val": "cpu"}, ...]},
 * as in the Centrifuge protocol A comparison is one of eq neq in nin ex nex sw ew ct lt lte gt gte.
 * Values are compared as texts: a string's own, what stands in the JSON for a number, true and
 * false; for null, arrays and objects the field is absent. lt, lte, gt and gte compare numbers, and
 * are false for what is none. */
enum filter_form { FILTER_ALL, FILTER_BY_FIELDS, FILTER_BY_TAGS };

struct filter_source {
    enum filter_form form; /* FILTER_ALL: there is none */
    struct slice json;
};

struct filter; /* immutable, knows its fields by their places; owned by its group */

/* NULL and err: it is wrong, or asks for a field that is not in the list. */
struct filter *filter_compile(const struct filter_source *source, const struct filter_field *fields,
                              unsigned field_count, struct error *err);
void filter_destroy(struct filter *filter); /* NULL is fine */

/* What it was made from, with the filter's own bytes. FILTER_ALL for NULL. */
struct filter_source filter_source(const struct filter *filter);
/* They ask the same in the same way, so that one answer serves both. Two NULLs are equal. */
bool filter_is_equal(const struct filter *a, const struct filter *b);

/* A message's fields as texts, absent where it has none: read once for all filters. They point into
 * the message, or into `bytes`, which has room for as many as the message has. */
void filter_read(const struct filter_field *fields, unsigned field_count, struct slice message,
                 struct slice *texts, struct buf *bytes);
/* Allocates nothing. */
bool filter_passes(const struct filter *filter, const struct slice *texts);

#endif
