/* Which hosts the house may call: "api.example.com, *.example.org, localhost:3000, [::1]:8080". */
#ifndef FETCH_ALLOW_H
#define FETCH_ALLOW_H

#include "base/error.h"

/* Immutable. An empty list allows nothing. A pattern is one of
 *   api.example.com      this name, at the port of the URL's scheme (80, 443)
 *   *.example.com        every name below it, not itself; the same ports
 *   *                    every host and port: also this machine and its private networks
 * with `:PORT` for that port instead, or `:*` for every port. Names are compared without regard to
 * case, as text: an address is only allowed by writing it as the URL does, and a name by what it is
 * called, wherever it points. So what is private is safe from a script as long as it is not listed,
 * and "*" is not given. */
struct allow;
struct allow *allow_create(
    const char *list,
    struct error *err);                  /* NULL and err: a pattern is none; a NULL list is empty */
void allow_destroy(struct allow *allow); /* NULL is fine */

/* `host` as in a URL: an IPv6 address has its brackets. */
bool allow_has(const struct allow *allow, struct slice host, unsigned port, bool is_scheme_port);

#endif
