/* A client of a spec: says lines of the client protocol to the core and keeps what it hears,
 * without a socket. */
#ifndef TEST_GUEST_H
#define TEST_GUEST_H

#include "hub/conn.h"
#include "hub/session.h"

struct world;

/* What it hears: lines of JSON as in any dialect; the last one of a connection is its disconnect
 * push. */
extern const struct dialect guest_lines;

/* In the world's list, which owns it. */
struct guest {
    struct conn conn; /* first */
    struct world *world;
    struct guest *next;
    struct buf heard;  /* lines, a newline after each; whoever looks empties it */
    bool brings_token; /* its token is not one of world_sign(), but for server.on_connect alone */
    bool owes_pong;    /* said at the end of the turn, as a client does by itself */
    bool is_stuck;     /* reads nothing: what it is sent waits */
    bool is_over;      /* has heard why the connection ended */
};

struct guest *guest_create(struct world *world, const struct visit *visit);
void guest_destroy(struct guest *guest); /* has gone without a word */

/* A command, without a newline; not heard once the connection is over. */
void guest_say(struct guest *guest, struct slice line);

/* The end of a turn, for all: what was published or answered is handed over. False: nobody was
 * waiting. */
bool guests_flush(struct world *world);

#endif
