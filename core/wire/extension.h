/* What a client offers in Sec-WebSocket-Extensions (RFC 6455, 9.1), and what of it is agreed on:
 * permessage-deflate. */
#ifndef WIRE_EXTENSION_H
#define WIRE_EXTENSION_H

#include "wire/http.h"

/* The first offer of permessage-deflate that we can keep, if there is any. */
struct extension_terms {
    bool has_deflate;
    bool asks_window; /* it names the largest window we have anyway, and wants to hear it again */
};

/* Reads all lines of the field; all zeroes when there is none. An offer that has an unknown or
 * repeated parameter, a value where none may be, a wrong one, or a smaller window than ours
 * (server_max_window_bits below 15), is passed over, as are other extensions. False: the field is
 * not well made, and RFC 6455 wants the handshake to fail. */
bool extension_read(const struct http_head *head, struct extension_terms *terms) MUST_USE;

/* Appends the answer's line with its CRLF; nothing when nothing is agreed on. */
void extension_put(struct buf *out, const struct extension_terms *terms);

#endif
