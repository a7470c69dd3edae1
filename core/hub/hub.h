/* One worker's part of the whole: the sessions it accepted, the channels it is home to, the way to the others. */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include "auth/jwt.h"
#include "base/log.h"
#include "base/map.h"
#include "hub/behaviour.h"
#include "hub/dialect.h"
#include "hub/echo.h"
#include "hub/job.h"
#include "hub/recheck.h"
#include "hub/request.h"
#include "hub/stats.h"
#include "hub/wish.h"
#include "loop/loop.h"
#include "loop/mailbox.h"
#include "loop/timer.h"
#include "store/store.h"
#include "wire/deflate.h"

/* Made by server/ from the configuration; immutable, lent to all hubs. */
struct hub_options {
    size_t queue_bytes;
    unsigned queue_ms, ping_ms, pong_ms, connect_ms, linger_ms;
    unsigned max_channels;
    unsigned recheck_rate;   /* members a second that are asked about after a reload; 0: none */
    unsigned hook_queue;     /* commands that may wait for a channel's hook, */
    size_t hook_queue_bytes; /* ... and what they may hold */
    struct jwt_keys keys; /* an absent secret: tokens are for server.on_connect alone */
    bool is_dev;
    struct store *store;       /* where what hooks wish to keep goes; shared by all */
    const struct clock *clock; /* by which that is forgotten; NULL: the system's */
    bool deflates;      /* permessage-deflate is agreed on where it is offered */
    size_t deflate_min; /* bytes of a message that are worth it */
    const struct dialect *const *dialects;
    unsigned dialect_count;
    const struct log *log;
};

/* Owned by its worker, used on its thread only (`mailbox` and `stats` excepted). */
struct hub {
    unsigned index, count;     /* this worker, and how many there are */
    struct hub *const *peers;  /* all of them, this one too */
    struct mailbox *mailbox;
    struct loop *loop;
    struct timers *timers;
    const struct hub_options *options;
    const struct generation *generation;
    struct behaviour behaviour;
    struct map channels;  /* struct channel by name: those at home here */
    struct channel *oldest, *newest; /* the same in the order in which they were bound to a generation */
    struct audience *waiting, *waiting_last; /* audiences with something to hand over at the end of the turn */
    struct map audiences; /* struct audience by its group: local members of channels anywhere */
    struct map numbered;  /* the same by number */
    uint32_t last_audience;
    uint64_t last_group;   /* of channels at home here */
    struct map sessions;  /* struct session by its number */
    struct map clients;   /* struct session by client id, once connected */
    uint64_t last_number; /* of sessions and exchanges on this worker */
    struct stats stats;
    struct buf field_texts, field_bytes; /* spread's: fields of what it is at, kept from message to message */
    struct deflater *deflater; /* of this thread; NULL unless options->deflates */
    bool is_ending;   /* no hook begins any more */
    struct job *jobs; /* hooks of the server that wait */
    struct case_file *arrivals; /* ... and server.on_connect */
    struct recheck recheck;
    struct wishes wishes; /* of scripts, for which a turn had no room */
    struct hub_move *move; /* channels on their way to a new generation; NULL when all have arrived */
};

/* Everything borrowed must outlive the hub. Its mailbox opens mail with the hub as context. */
struct hub *hub_create(unsigned index, unsigned count, struct hub *const *peers, struct loop *loop,
                       const struct hub_options *options);
/* The end, once no mail is under way: what waits for hooks, and these, is given up, and whoever asked is told, on other
 * workers by mail: of several hubs all give up before the first is destroyed. */
void hub_give_up(struct hub *hub);
void hub_destroy(struct hub *hub); /* sessions are gone by then; NULL is fine */

/* From now on events run under `generation`. Channels move over at their next event or, a few a turn, without
 * one; `moved(context)` is called on this thread when none is left behind (at once when there is none). */
void hub_switch(struct hub *hub, const struct generation *generation, void (*moved)(void *context),
                void *context);

/* A hook that waited has ended: channels that could not move may now. */
void hub_go_on_moving(struct hub *hub);

unsigned hub_home(const struct hub *hub, struct slice channel); /* the worker that is its home */

/* Asks the channel's home: answered before this returns when that is here, by mail otherwise. */
void hub_ask(struct hub *hub, const struct request *request);
/* The same, but never before the next turn: for what hooks wished. */
void hub_ask_later(struct hub *hub, const struct request *request);
/* Answers a request, wherever it came from. */
void hub_answer(struct hub *hub, const struct asker *asker, const struct answer *answer);

/* A client's subscription ends by its home's will: tells its session, wherever it is. */
void hub_evict(struct hub *hub, struct slice channel, const struct seat *seat, int code, struct slice reason);
/* ... goes on in the group that its seat is in now. */
void hub_move_member(struct hub *hub, struct slice channel, const struct seat *seat);
/* Hands frames (one per dialect, NULL where nobody listens in it) to a worker's audience of the group. */
void hub_fan_out(struct hub *hub, unsigned worker, uint64_t group, struct frame *const *frames,
                 const struct echoes *echoes);

/* EFFECT_SEND and EFFECT_CLOSE: done on every worker that has such a client (client absent: by user). */
void hub_tell_clients(struct hub *hub, const struct effect *effect);

/* In dev mode: tells the overlay of pages, on the built-in channel weir:dev; `news` is JSON. */
void hub_tell_page(struct hub *hub, struct slice news);

/* Calls visit on each worker in turn, beginning with this one, then done on this one. The round is the
 * caller's; it must live until done. Nothing else happens to it in between. */
struct round {
    struct mail mail; /* private */
    unsigned origin, at;
    void (*visit)(struct hub *hub, struct round *round);
    void (*done)(struct hub *hub, struct round *round);
};
void hub_go_round(struct hub *hub, struct round *round);

#endif
