/* One request to the server API on its way, as the rooms of the API see it; not for other rooms. */
#ifndef DIALECT_API_REQUEST_H
#define DIALECT_API_REQUEST_H

#include "dialect/api.h"

/* One posted request, until it is answered. Owned by nobody but itself: answers find it by its address, which
 * stays good until the one answer that frees it; while it is asked, what it lends lives as long as the asking. */
struct api_request {
    struct hub *hub;
    const struct api_host *host;
    void (*done)(void *context, int status, struct slice body); /* NULL: abandoned */
    void *context;
    struct api_request **slot;
    bool is_asked;    /* its method runs: homes may still read what it lent them when they have answered */
    bool is_answered; /* meanwhile */
    struct buf body;        /* the params; slices below point into it */
    struct buf channel, method, user, client;
    struct round round;
    struct buf out;         /* what a round or a broadcast gathers */
    struct map users;       /* info: names seen, owned copies */
    unsigned counts[3];     /* info: clients, channels, subscriptions */
    struct buf *responses;  /* broadcast: one per channel */
    unsigned response_count, waiting;
    int code;               /* disconnect */
};

/* The body of an answer, and the request's end. */
void api_finish(struct api_request *request, int status, struct slice body);
void api_refuse_text(struct api_request *request, int code, const char *text);

/* A request as the one who asks a home, and back. */
struct asker api_asker(struct api_request *request, uint64_t tag,
                       void (*answered)(struct hub *, const struct asker *, const struct answer *));
struct api_request *api_request_of(const struct asker *asker);

/* A parameter that is there and not null. */
bool api_find_param(const struct api_request *request, const char *name, struct slice *value);
/* Appends the text of a string parameter. False: it is missing or no string, and the request is refused. */
bool api_get_text(struct api_request *request, const char *name, bool is_needed, struct buf *text);

/* The methods: each ends the request, now or later. api_channel.c has what one channel's home answers, */
void api_publish(struct api_request *request);
void api_broadcast(struct api_request *request);
void api_presence(struct api_request *request);
void api_presence_stats(struct api_request *request);
void api_rpc(struct api_request *request);
/* api_node.c what all workers have to be asked for. */
void api_channels(struct api_request *request);
void api_info(struct api_request *request);
void api_disconnect(struct api_request *request);

#endif
