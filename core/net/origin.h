/* Which web pages' scripts may connect. */
#ifndef NET_ORIGIN_H
#define NET_ORIGIN_H

#include "base/slice.h"

/* `origin` as a browser sends it ("https://example.com:8443"). Allowed when it stands exactly, byte for byte, in the
 * comma-separated list; in dev mode also http and https origins of this machine (localhost, 127.0.0.1, [::1], any
 * port) and of `host`, the one the request went to, if that is an address and not a name: a page of a stranger can
 * have its name point here (DNS rebinding), but not its address. */
bool origin_is_allowed(struct slice origin, const char *list, bool is_dev, struct slice host);

#endif
