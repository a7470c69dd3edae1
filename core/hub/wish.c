#include "hub/wish.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "hub/home.h"
#include "hub/hub.h"

struct wish {
    struct wish *next;
    struct request request;
    char bytes[];
};

/* In the list of queues, for as long as it is not empty. */
struct wish_queue {
    struct wish_queue *next;
    struct wish *first, *last;
    size_t messages, bytes;
    bool is_full; /* which the log has been told */
    struct slice file;
    char name[];
};

/* ---- queues ---- */

static struct slice file_of(const struct hub *hub, struct slice channel)
{
    struct slice params[PATTERN_PARAMS_MAX];
    const struct channel_type *type = generation_find(hub->generation, channel, params);
    return slice_of(type != NULL && type->file != NULL ? type->file : "");
}

static void append_queue(struct wishes *wishes, struct wish_queue *queue)
{
    queue->next = NULL;
    *(wishes->last != NULL ? &wishes->last->next : &wishes->first) = queue;
    wishes->last = queue;
}

static struct wish_queue *find_queue(struct wishes *wishes, struct slice file)
{
    struct wish_queue *queue = map_find(&wishes->queues, file);
    if (queue != NULL)
        return queue;
    queue = xcalloc(1, sizeof *queue + file.len + 1);
    memcpy(queue->name, file.at, file.len);
    queue->file = slice_make(queue->name, file.len);
    map_add(&wishes->queues, queue->file, queue);
    append_queue(wishes, queue);
    return queue;
}

static struct wish_queue *take_queue(struct wishes *wishes)
{
    struct wish_queue *queue = wishes->first;
    wishes->first = queue->next;
    if (wishes->first == NULL)
        wishes->last = NULL;
    return queue;
}

static void free_wish(struct wish *wish)
{
    identity_unref(wish->request.who);
    free(wish);
}

static struct wish *take_wish(struct wish_queue *queue)
{
    struct wish *wish = queue->first;
    queue->first = wish->next;
    queue->messages -= wish->request.verb == VERB_PUBLISH;
    queue->bytes -= request_bytes(&wish->request);
    return wish;
}

static void log_full(const struct hub *hub, const struct wish_queue *queue)
{
    log_event(hub->options->log, LOG_WARN, "wishes_dropped", "script", queue->name,
              LOG_NUMBER("waiting", queue->messages), "hint",
              "scripts publish to its channels more than there is time for: the newest messages "
              "are dropped",
              NULL);
}

/* Timers come once at a time, and who is to be kicked has to go: there is room for these. */
static bool has_room(struct hub *hub, struct wish_queue *queue, const struct request *request)
{
    if (request->verb != VERB_PUBLISH ||
        (queue->messages < WISHES_MAX && queue->bytes + request_bytes(request) <= WISH_BYTES_MAX))
        return true;
    stats_add(&hub->stats, STAT_DROPS_WISHES, 1);
    if (!queue->is_full)
        log_full(hub, queue);
    queue->is_full = true;
    return false;
}

static void add(struct hub *hub, const struct request *request)
{
    struct wish_queue *queue = find_queue(&hub->wishes, file_of(hub, request->channel));
    if (!has_room(hub, queue, request))
        return;
    struct wish *wish = xmalloc(sizeof *wish + request_bytes(request));
    wish->next = NULL;
    request_pack(&wish->request, request, wish->bytes);
    *(queue->first != NULL ? &queue->last->next : &queue->first) = wish;
    queue->last = wish;
    queue->messages += request->verb == VERB_PUBLISH;
    queue->bytes += request_bytes(request);
}

/* ---- turns ---- */

static void handle(struct hub *hub, const struct request *request)
{
    uint64_t began = clock_monotonic_ns();
    home_handle(hub, request);
    hub->wishes.spent_ns += clock_monotonic_ns() - began;
}

static bool is_turn_over(const struct wishes *wishes)
{
    return wishes->spent_ns >= WISH_TURN_US * UINT64_C(1000);
}

static void handle_first(struct hub *hub)
{
    struct wish_queue *queue = take_queue(&hub->wishes);
    struct wish *wish = take_wish(queue);
    if (queue->first != NULL) {
        append_queue(&hub->wishes, queue);
    } else {
        map_remove(&hub->wishes.queues, queue->file);
        free(queue);
    }
    handle(hub, &wish->request);
    free_wish(wish);
}

static void post(struct hub *hub);

static void open_mail(void *context, struct mail *mail)
{
    struct hub *hub = context;
    struct wishes *wishes = &hub->wishes;
    (void)mail;
    wishes->is_posted = false;
    if (wishes->is_ending)
        return;
    wishes->spent_ns = 0;
    while (wishes->first != NULL && !is_turn_over(wishes))
        handle_first(hub);
    if (wishes->first != NULL)
        post(hub);
}

static void post(struct hub *hub)
{
    struct wishes *wishes = &hub->wishes;
    if (wishes->is_posted || wishes->is_ending)
        return;
    wishes->is_posted = true;
    wishes->mail.open = open_mail;
    mailbox_post(hub->mailbox, &wishes->mail);
}

void wish_handle(struct hub *hub, const struct request *request)
{
    struct wishes *wishes = &hub->wishes;
    if (!is_turn_over(wishes) && wishes->first == NULL)
        handle(hub, request);
    else if (!wishes->is_ending)
        add(hub, request);
    /* A new share comes with the next turn, whether anybody waits for it yet or not. */
    if (is_turn_over(wishes) || wishes->first != NULL)
        post(hub);
}

void wishes_end(struct hub *hub)
{
    hub->wishes.is_ending = true;
}

void wishes_finish(struct hub *hub)
{
    struct wishes *wishes = &hub->wishes;
    while (wishes->first != NULL) {
        struct wish_queue *queue = take_queue(wishes);
        while (queue->first != NULL)
            free_wish(take_wish(queue));
        free(queue);
    }
    map_finish(&wishes->queues);
}
