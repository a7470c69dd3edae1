/* Who comes: what a request says of its maker before there is a session, and what the maker's
 * browser is told. */
#ifndef NET_VISIT_H
#define NET_VISIT_H

#include "hub/session.h"
#include "net/http.h"

/* Whether the page that makes the request, if one does, is on the list (else 403), and whether the
 * names that dev mode takes from the query can be names (else 400). False: it has been answered. */
bool visit_is_welcome(const struct exchange *exchange);
/* Header lines for answers to a page that is welcome: that it may read them, that nobody keeps
 * them. */
void visit_put_headers(const struct exchange *exchange, struct buf *headers);
/* Answers a browser that asks whether a page may POST; the page is welcome. */
void visit_answer_preflight(const struct exchange *exchange);
/* A session of that request's maker. */
struct session *visit_open(const struct exchange *exchange, const struct dialect *dialect);

#endif
