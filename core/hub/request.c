#include "hub/request.h"

bool verb_is_question(enum verb verb)
{
    return verb == VERB_PRESENCE || verb == VERB_PRESENCE_STATS;
}

size_t request_bytes(const struct request *request)
{
    return request->channel.len + request->data.len + request->method.len + request->user.len +
           request->client.len + request->reason.len + request->filter.json.len;
}

void request_pack(struct request *to, const struct request *from, char *bytes)
{
    *to = *from;
    to->who = identity_ref(from->who);
    to->channel = slice_pack(&bytes, from->channel);
    to->data = slice_pack(&bytes, from->data);
    to->method = slice_pack(&bytes, from->method);
    to->user = slice_pack(&bytes, from->user);
    to->client = slice_pack(&bytes, from->client);
    to->reason = slice_pack(&bytes, from->reason);
    to->filter.json = slice_pack(&bytes, from->filter.json);
}
