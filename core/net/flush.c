#include "net/flush.h"

#include "hub/audience.h"
#include "net/inside.h"

static bool is_listed(const struct stream *stream)
{
    return stream->prev_awake != NULL || stream->net->awake == stream;
}

void flush_add(struct stream *stream)
{
    struct net *net = stream->net;
    if (is_listed(stream))
        return;
    stream->next_awake = net->awake;
    if (net->awake != NULL)
        net->awake->prev_awake = stream;
    net->awake = stream;
}

void flush_remove(struct stream *stream)
{
    if (!is_listed(stream))
        return;
    if (stream->prev_awake != NULL)
        stream->prev_awake->next_awake = stream->next_awake;
    else
        stream->net->awake = stream->next_awake;
    if (stream->next_awake != NULL)
        stream->next_awake->prev_awake = stream->prev_awake;
    stream->next_awake = stream->prev_awake = NULL;
}

static void flush_one(struct stream *stream)
{
    if (stream->is_dead) {
        stream_bury(stream);
        return;
    }
    conn_seal(&stream->conn);
    if (stream->conn.closing && !stream->is_ending)
        stream->protocol->say_goodbye(stream);
    stream_send(stream);
}

/* What is said while goodbyes are said (a script's farewell to a channel) goes out in the same turn. */
void flush_all(struct net *net)
{
    while (audience_flush_all(net->hub), net->awake != NULL) {
        struct stream *stream = net->awake;
        flush_remove(stream);
        flush_one(stream);
    }
}
