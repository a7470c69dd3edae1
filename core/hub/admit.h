/* Who may come in, and as whom: token, dev mode's word, server.on_connect. */
#ifndef HUB_ADMIT_H
#define HUB_ADMIT_H

#include "hub/session.h"

enum admission {
    ADMITTED, /* *identity has one reference, the caller's */
    REFUSED,  /* answer with *err; the client may come back with something better */
    BANNED    /* close with *close_code */
};

enum admission admit_session(struct session *session, const struct connect_ask *ask,
                             struct identity **identity, int *close_code, struct error *err);

#endif
