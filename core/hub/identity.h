/* Who a connection is: decided once when it connects, the same for all threads from then on. */
#ifndef HUB_IDENTITY_H
#define HUB_IDENTITY_H

#include "base/slice.h"

#include <stdatomic.h>
#include <stdint.h>

/* What identity_create copies. JSON slices are checked JSON or absent. */
struct identity_facts {
    struct slice client; /* connection id, a UUID */
    struct slice user;   /* "" = nobody known */
    struct slice roles;  /* JSON array of strings */
    struct slice claims; /* JSON object */
    struct slice info;   /* any JSON: told to others with publications and presence */
    struct slice ip;
    int64_t expires; /* Unix seconds, 0 = never */
};

/* Immutable and counted, because publishes and seats on other workers outlive the connection: beside
 * `frame` the only thing that threads share. Its facts' slices point into it. */
struct identity {
    atomic_uint refs;
    struct identity_facts facts;
    char bytes[];
};

struct identity *identity_create(const struct identity_facts *facts) MUST_USE; /* one reference */
struct identity *identity_ref(const struct identity *identity); /* NULL stays NULL */
void identity_unref(const struct identity *identity);           /* NULL is fine */

#endif
