/* Which request goes where. */
#ifndef NET_ROUTE_H
#define NET_ROUTE_H

#include "net/http.h"

/* Answers a complete request, now or later (http_defer). */
void route(const struct exchange *exchange);

#endif
