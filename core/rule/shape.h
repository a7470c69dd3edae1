/* shape{}: short words for the common schemas, turned into JSON Schema. */
#ifndef RULE_SHAPE_H
#define RULE_SHAPE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

/* One field:
 *     string  integer  number  boolean  null  object  array  any    a type
 *     uuid  email  date-time  ipv4 ...                              a string of that format
 *     buy|sell   'a b'|c                       one of some strings; quotes are optional
 *     string|null   integer|auto               types and strings mixed
 *     [string 1..20]                           an array of such
 * behind a type:
 *     1..500  1..  ..500  >=1  <=9  >0  <1     of a string its length, of an array or object how
 *                                              many, of a number itself (> and < for numbers only)
 *     /^[a-z]+$/                               a string's pattern
 * at the end:
 *     ?                                        may be left out
 * So: "string 1..500", "integer >=1", "number 0..1", "string /^#/ ..9?", "[uuid] 1..10". */
enum { SHAPE_LENGTH_MAX = 1024, SHAPE_DEPTH_MAX = 8, SHAPE_CHOICES_MAX = 256 };

/* Appends the schema of a field and says whether the field may be left out. False and what is
 * wrong, with the column; `out` is then as it was. */
bool shape_field(struct slice text, struct buf *out, bool *is_optional, struct error *err) MUST_USE;

/* An object put together field by field, on the stack; all zeroes to begin. Fields have different
 * names. */
struct shape {
    struct buf properties, required; /* private */
};
void shape_finish(struct shape *shape);
/* A name as it is written: a ? at its end says that the field may be left out, and is taken off. */
bool shape_name(struct slice *name);
/* A field in the words above, its name as it is written. The error begins with the name. */
bool shape_add(struct shape *shape, struct slice name, struct slice text,
               struct error *err) MUST_USE;
/* A field whose schema is JSON already: that of another shape, say; its name is the bare one. */
void shape_add_schema(struct shape *shape, struct slice name, struct slice schema,
                      bool is_optional);
/* Appends the object's schema: other members than these fields are refused. */
void shape_encode(const struct shape *shape, struct buf *out);

#endif
