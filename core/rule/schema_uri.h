/* The addresses of schemas: references resolved against a base. */
#ifndef RULE_SCHEMA_URI_H
#define RULE_SCHEMA_URI_H

#include "base/buf.h"
#include "base/slice.h"

/* What stands before and behind the first "#"; the fragment is absent when there is none. */
void uri_split(struct slice uri, struct slice *address, struct slice *fragment);
/* Appends a reference without fragment, resolved against a base (RFC 3986, 5.2), dot segments taken
 * out. */
void uri_resolve(struct slice base, struct slice reference, struct buf *out);

#endif
