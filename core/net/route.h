/* Which request goes where. */
#ifndef NET_ROUTE_H
#define NET_ROUTE_H

#include "net/http.h"

/* How long a body may be: only who may use the server API can make us keep more than a little. */
uint64_t route_body_max(struct stream *stream, const struct http_head *head);
/* Answers a complete request, now or later (http_defer). */
void route(const struct exchange *exchange);

#endif
