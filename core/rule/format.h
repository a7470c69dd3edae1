/* The formats of JSON Schema: dates, addresses, identifiers, checked as their RFCs have them. */
#ifndef RULE_FORMAT_H
#define RULE_FORMAT_H

#include "base/slice.h"

#include <stdint.h>

struct format; /* static */

/* By name: date-time date time duration email idn-email hostname ipv4 ipv6 uri uri-reference iri
 * iri-reference uri-template uuid json-pointer relative-json-pointer regex. NULL when it is none of
 * these. */
const struct format *format_find(struct slice name);
const char *const *format_names(void); /* ends with NULL */

bool format_is_valid(const struct format *format, struct slice text); /* valid UTF-8 */
/* How many steps of a schema's check (see rule/schema.h) that takes. */
int64_t format_steps(const struct format *format, size_t bytes);

#endif
