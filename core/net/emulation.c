#include "net/emulation.h"

#include <stdlib.h>

#include "base/memory.h"
#include "dialect/emulation.h"
#include "net/inside.h"
#include "net/sse.h"
#include "net/visit.h"

/* Where the answer to a parcel goes. Owned by the parcel, since the request may be gone before. */
struct errand {
    struct stream *stream; /* NULL: gone */
    struct buf headers;
};

/* ---- back ---- */

static void answer(struct stream *stream, int status, const char *headers)
{
    if (status == 204)
        http_respond(stream, &(struct response){204, NULL, SLICE(""), headers});
    else
        http_refuse(stream, status,
                    status == 404 ? "there is no such session (any more)"
                                  : "too many of the session's commands wait",
                    headers);
}

static void come_back(void *context, struct mail *mail)
{
    struct parcel *parcel = CONTAINER(mail, struct parcel, mail);
    struct errand *errand = parcel->context;
    (void)context;
    if (errand->stream != NULL)
        answer(errand->stream, parcel->status, buf_text(&errand->headers));
    buf_finish(&errand->headers);
    free(errand);
    free(parcel);
}

static void done(struct hub *hub, struct parcel *parcel)
{
    parcel->mail.open = come_back;
    if (parcel->origin == hub->index)
        come_back(hub, &parcel->mail);
    else
        mailbox_post(hub->peers[parcel->origin]->mailbox, &parcel->mail);
}

static void abandon(void *context)
{
    struct errand *errand = context;
    errand->stream = NULL;
}

/* ---- there ---- */

static void arrive(void *context, struct mail *mail)
{
    sse_take(context, CONTAINER(mail, struct parcel, mail));
}

static void send_parcel(struct stream *stream, const struct emulation *emulation, unsigned worker,
                        struct slice headers)
{
    struct hub *hub = stream->net->hub;
    struct errand *errand = xcalloc(1, sizeof *errand);
    errand->stream = stream;
    buf_add_slice(&errand->headers, headers);
    struct parcel *parcel = sse_create_parcel(emulation->session, emulation->commands);
    parcel->origin = hub->index;
    parcel->done = done;
    parcel->context = errand;
    http_defer(stream, abandon, errand);
    if (worker == hub->index) {
        sse_take(hub, parcel);
        return;
    }
    parcel->mail.open = arrive;
    mailbox_post(hub->peers[worker]->mailbox, &parcel->mail);
}

static bool read_index(struct slice digits, unsigned count, unsigned *index)
{
    *index = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9')
            return false;
        *index = *index * 10 + (unsigned)(digits.at[i] - '0');
        if (*index >= count)
            return false;
    }
    return digits.len > 0;
}

/* "NODE.WORKER" as the pass says it: this process, one of its workers. */
static bool find_worker(const struct stream *stream, struct slice node, unsigned *worker)
{
    struct slice name = slice_of(stream->net->options->api->node);
    return node.len > name.len + 1 && slice_is_equal(slice_make(node.at, name.len), name) &&
           node.at[name.len] == '.' &&
           read_index(slice_make(node.at + name.len + 1, node.len - name.len - 1),
                      stream->net->hub->count, worker);
}

static void take(const struct exchange *exchange, struct buf *headers, struct buf *scratch)
{
    struct stream *stream = exchange->stream;
    struct emulation emulation;
    unsigned worker;
    if (!emulation_parse(exchange->body, scratch, &emulation))
        http_refuse(stream, 400, "the body is no {\"session\":…,\"node\":…,\"data\":…} of texts",
                    buf_text(headers));
    else if (emulation.commands.len > stream->net->options->max_message)
        http_refuse(stream, 413, "the commands are too much (--max-message)", buf_text(headers));
    else if (!find_worker(stream, emulation.node, &worker))
        http_refuse(stream, 404, "there is no such node (any more)", buf_text(headers));
    else
        send_parcel(stream, &emulation, worker, buf_slice(headers));
}

void emulation_serve(const struct exchange *exchange)
{
    struct buf headers = {0}, scratch = {0};
    if (!visit_is_welcome(exchange))
        return;
    if (slice_is(exchange->head->method, "OPTIONS")) {
        visit_answer_preflight(exchange);
        return;
    }
    visit_put_headers(exchange, &headers);
    take(exchange, &headers, &scratch);
    buf_finish(&headers);
    buf_finish(&scratch);
}
