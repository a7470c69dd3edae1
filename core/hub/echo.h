/* What those hear who have published, in a channel without echo: all but their own. */
#ifndef HUB_ECHO_H
#define HUB_ECHO_H

#include "hub/dialect.h"

struct channel;
struct group;

enum { ECHOES_MAX = 32 }; /* for one frame */

struct echo {
    struct seat_key whose;
    struct frame *instead; /* of the frame that the others get; NULL: nothing */
};

/* On the stack; all zeroes is none. Of a publication or several in one frame. */
struct echoes {
    struct echo list[ECHOES_MAX];
    unsigned count;
    bool is_apart; /* the channel has none, so its frames stay apart on their way to those who miss
                      some */
};

/* How many of the publications fit one frame: those of ECHOES_MAX publishers who are members. */
unsigned echoes_count(const struct channel *channel, const struct publication *first,
                      unsigned count);
/* For each of them who is in the group; the publications are as the group hears them. Each frame
 * made has one reference. */
void echoes_make(struct echoes *echoes, struct channel *channel, const struct group *group,
                 const struct publication *first, unsigned count);
void echoes_finish(struct echoes *echoes);

#endif
