/* Whether what is said fits its channel's schemas. */
#ifndef HUB_FIT_H
#define HUB_FIT_H

#include "hub/generation.h"
#include "hub/request.h"

/* What a client publishes or calls; the house may say what it likes. False and err: refused. */
bool fit_asked(struct hub *hub, const struct request *request, const struct channel_type *type,
               struct error *err) MUST_USE;

/* What subscribers would get, in dev mode; elsewhere nobody asks. False and err: a mistake of the
 * script's, which is not delivered; the log and the page's overlay are told. */
bool fit_told(struct hub *hub, const struct channel_type *type, struct slice channel,
              struct slice data, struct error *err) MUST_USE;

#endif
