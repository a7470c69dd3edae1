/* The members of one channel on this worker: who hears what is published. */
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
    struct parts parts; /* each by itself, where that matters: for who is behind, FRAME_CONFLATED, and for
                           who has published, without echo */
};

/* Owned by the hub; lives while it has members. */
struct audience {
    struct slice channel; /* owned */
    uint32_t number;      /* never 0; its name in outboxes */
    struct member **members;
    unsigned count, room;
    struct waiting waiting[DIALECTS_MAX];
    enum frame_slow slow;            /* of what waits ... */
    bool is_apart;                   /* ... and whether it is kept in parts for who has published */
    struct frame *run[DIALECTS_MAX]; /* what is being handed over, NULL but while is_handing ... */
    struct parts run_parts[DIALECTS_MAX]; /* ... and by itself */
    unsigned handed;                      /* how many members have it */
    bool is_handing;
    struct audience *next_waiting, *prev_waiting; /* of the hub's, while anything waits */
    bool is_waiting;
};

void audience_add(struct hub *hub,
                  struct member *member); /* makes the audience if it is the first */
void audience_remove(struct hub *hub,
                     struct member *member); /* frees it after the last; fine when in none */
struct audience *audience_numbered(struct hub *hub, uint32_t number); /* NULL: it is no more */
/* Has the members get the frames (one per dialect, or NULL), or what they hear instead, at the end of this turn, or sooner
 * where the order asks for it: what a busy channel says in one turn reaches each member as one run
 * of bytes. No Lua, nothing is closed. */
void audience_deliver(struct hub *hub, struct slice channel, struct frame *const *frames,
                      const struct echoes *echoes);
/* A reference to each member's outbox of what waits: for one audience, or for all until
 * clock_monotonic_ns() passes `until_ns`. False: there is more. Called at the end of the turn. */
void audience_flush(struct hub *hub, struct audience *audience);
bool audience_flush_some(struct hub *hub, uint64_t until_ns);

#endif
