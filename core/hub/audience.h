/* The members of one group of a channel on this worker: who hears what is published. */
#ifndef HUB_AUDIENCE_H
#define HUB_AUDIENCE_H

#include "base/buf.h"
#include "base/slice.h"
#include "hub/dialect.h"
#include "hub/echo.h"
#include "wire/frame.h"

struct hub;
struct member;

/* One frame by itself, and who hears something else; a reference of ours to each. */
struct part {
    struct frame *frame;
    struct echo *echoes; /* owned */
    unsigned echo_count;
};

/* In their order. */
struct parts {
    struct part *list;
    unsigned count, room;
};

/* What was published to an audience in this turn and has not been handed to its members, in one
 * dialect. */
struct waiting {
    struct frame *frame; /* the only one, with a reference of ours; NULL when there is none or there
                            are more */
    struct buf bytes;    /* two or more, one behind the other */
    unsigned messages;
    struct parts parts; /* each by itself, where that matters: for who is behind, FRAME_CONFLATED,
                           and for who has published, without echo */
};

/* What is handed to the members as one, and in one go where there is time. */
struct run {
    struct run *next;
    uint64_t number; /* counts on in its audience */
    size_t bytes;
    struct frame
        *frames[DIALECTS_MAX];        /* with a reference of ours; NULL: nothing in that dialect */
    struct parts parts[DIALECTS_MAX]; /* each by itself, see struct waiting */
    enum frame_slow slow;
};

/* Owned by the hub; lives while it has members.
 *
 * What is published waits; at the end of the turn, when it is long, or when who hears it changes,
 * it becomes a run. Runs are handed over in their order, the first to one member after the other,
 * in this turn and the next ones. */
struct audience {
    uint64_t group;
    struct slice channel; /* owned */
    uint32_t number;      /* never 0; its name in outboxes */
    struct member **members;
    unsigned count, room;
    struct waiting waiting[DIALECTS_MAX];
    enum frame_slow slow; /* of what waits ... */
    bool is_apart;        /* ... and whether it is kept in parts for who has published */
    struct run *runs, *last_run;
    uint64_t next_run;                            /* the number that what waits will have */
    uint64_t last_first_run;                      /* the highest of the members' first_run */
    size_t run_bytes;                             /* of all runs */
    unsigned handed;                              /* so many members have the first run */
    struct audience *next_waiting, *prev_waiting; /* of the hub's, while there is anything */
    bool is_waiting;
};

void audience_add(struct hub *hub,
                  struct member *member); /* makes the audience if it is the first */
void audience_remove(struct hub *hub,
                     struct member *member); /* frees it after the last; fine when in none */
struct audience *audience_numbered(struct hub *hub, uint32_t number); /* NULL: it is no more */
/* Has the members get the frames (one per dialect, or NULL), or what they hear instead, at the end
 * of this turn, or later where there are very many, or sooner where the order asks for it: what a
 * busy channel says in one turn reaches each member as one run of bytes, or some if it is long. No
 * Lua, nothing is closed. */
void audience_deliver(struct hub *hub, uint64_t group, struct frame *const *frames,
                      const struct echoes *echoes);
/* What was published before is in its outbox, and what is from now on comes later. */
void audience_catch_up(struct member *member);
/* A reference to each member's outbox of what waits, in all audiences, until clock_monotonic_ns()
 * passes `until_ns`. False: there is more. Called at the end of the turn. */
bool audience_flush_some(struct hub *hub, uint64_t until_ns);

#endif
