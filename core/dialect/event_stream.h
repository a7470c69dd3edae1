/* The same protocol as an event stream: every line of JSON is an event, `data: LINE` and an empty
 * line. */
#ifndef DIALECT_EVENT_STREAM_H
#define DIALECT_EVENT_STREAM_H

#include "hub/dialect.h"

/* What it says. Its frames are plain bytes: for a response that is neither chunked nor has a
 * length. What a client of it says is heard by centrifuge_receive. */
extern const struct dialect event_stream;

#endif
