#include "main/http_client.h"

#include <stdio.h>
#include <stdlib.h>

#include "main/link.h"

static void put_request(struct buf *out, const struct link *link, const struct http_call *call)
{
    buf_printf(out, "POST %s HTTP/1.1\r\nHost: %s\r\n", call->path, link->name);
    if (*call->api_key != '\0')
        buf_printf(out, "X-API-Key: %s\r\n", call->api_key);
    buf_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", call->body.len);
    buf_add_text(out, "Connection: close\r\n\r\n");
    buf_add_slice(out, call->body);
}

/* Until the server closes, as it was asked to. */
static bool read_all(struct link *link, struct buf *in, struct error *err)
{
    bool is_over = false;
    while (in->len <= HTTP_REPLY_BYTES_MAX && !is_over)
        if (!link_receive(link, in, &is_over, err))
            return false;
    return is_over || fail(err, ERROR_SYSTEM, "%s answers without end", link->name);
}

/* "HTTP/1.1 200 ..."; 0 when it is nothing of that kind. */
static int parse_status(struct slice head)
{
    int status;
    char line[16] = {0};
    memcpy(line, head.at, head.len < sizeof line - 1 ? head.len : sizeof line - 1);
    return sscanf(line, "HTTP/1.%*1d %3d", &status) == 1 && status >= 200 ? status : 0;
}

/* The announced length of the body, or `otherwise`. */
static size_t find_length(struct slice head, size_t otherwise)
{
    static const char name[] = "\r\nContent-Length:";
    size_t len = sizeof name - 1;
    for (size_t at = 0; at + len < head.len; at++)
        if (strncasecmp(head.at + at, name, len) == 0)
            return strtoul(head.at + at + len, NULL, 10);
    return otherwise;
}

static bool parse_reply(const struct link *link, struct buf *in, struct http_reply *reply,
                        struct error *err)
{
    const char *end = in->len ? memmem(in->at, in->len, "\r\n\r\n", 4) : NULL;
    struct slice head = slice_make(in->at, end ? (size_t)(end + 2 - in->at) : 0);
    reply->status = end ? parse_status(head) : 0;
    if (reply->status == 0)
        return fail(err, ERROR_SYSTEM, "what answers at %s does not speak HTTP", link->name);
    struct slice body = slice_make(end + 4, in->len - head.len - 2);
    if (body.len < find_length(head, body.len))
        return fail(err, ERROR_SYSTEM, "%s broke off in the middle of its answer", link->name);
    buf_add(&reply->body, body.at, find_length(head, body.len));
    return true;
}

static bool converse(struct link *link, const struct http_call *call, struct http_reply *reply,
                     struct error *err)
{
    struct buf out = {0}, in = {0};
    put_request(&out, link, call);
    bool is_answered = link_send(link, buf_slice(&out), err) && read_all(link, &in, err) &&
                       parse_reply(link, &in, reply, err);
    buf_finish(&out);
    buf_finish(&in);
    return is_answered;
}

bool http_post(const struct http_call *call, struct http_reply *reply, struct error *err)
{
    struct link link;
    *reply = (struct http_reply){0};
    bool is_answered = link_open(&link, &call->to, call->tls_cert, call->timeout_ms, err) &&
                       converse(&link, call, reply, err);
    link_close(&link);
    return is_answered;
}

void http_reply_finish(struct http_reply *reply)
{
    buf_finish(&reply->body);
}
