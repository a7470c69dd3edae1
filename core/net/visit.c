#include "net/visit.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "net/inside.h"
#include "net/origin.h"

/* The host that pages may come from beside this machine: ours, when dev mode is open to others. */
static struct slice host_of(const struct exchange *exchange)
{
    return exchange->stream->net->options->is_dev_anywhere ? exchange->head->host : SLICE("");
}

static bool is_origin_fine(const struct exchange *exchange)
{
    const struct net_options *options = exchange->stream->net->options;
    const struct slice *origin = http_find(exchange->head, "origin");
    if (origin == NULL ||
        origin_is_allowed(*origin, options->origins, options->is_dev, host_of(exchange)))
        return true;
    char *text = xslicedup(*origin);
    stats_add(&exchange->stream->net->hub->stats, STAT_REFUSED_ORIGIN, 1);
    log_event(exchange->stream->net->hub->options->log, LOG_WARN, "origin refused", "origin", text,
              "hint", "allow it with --origins if the page is yours", NULL);
    free(text);
    return false;
}

/* In dev mode, where a client is who it says it is. A name that cannot be one is a mistake, not
 * nobody. */
static bool is_name_fine(const struct exchange *exchange, const char *parameter)
{
    struct buf value = {0}, why = {0};
    bool is_fine = !exchange->stream->net->options->is_dev ||
                   !http_query(exchange->head->query, parameter, &value) ||
                   utf8_is_valid(buf_slice(&value));
    if (!is_fine) {
        buf_printf(&why, "what ?%s= says is not valid UTF-8", parameter);
        http_refuse(exchange->stream, 400, buf_text(&why), NULL);
    }
    buf_finish(&value);
    buf_finish(&why);
    return is_fine;
}

bool visit_is_welcome(const struct exchange *exchange)
{
    if (!is_origin_fine(exchange)) {
        http_refuse(exchange->stream, 403,
                    "this page's origin is not on the server's list (--origins)", NULL);
        return false;
    }
    return is_name_fine(exchange, "as") && is_name_fine(exchange, "roles");
}

void visit_put_headers(const struct exchange *exchange, struct buf *headers)
{
    const struct slice *origin = http_find(exchange->head, "origin");
    buf_add_text(headers, "Cache-Control: no-store\r\n");
    if (origin == NULL)
        return;
    buf_printf(headers, "Access-Control-Allow-Origin: %.*s\r\n", SLICE_ARGS(*origin));
    buf_add_text(headers, "Access-Control-Allow-Credentials: true\r\nVary: Origin\r\n");
}

void visit_answer_preflight(const struct exchange *exchange)
{
    const struct slice *wanted = http_find(exchange->head, "access-control-request-headers");
    struct buf headers = {0};
    visit_put_headers(exchange, &headers);
    buf_add_text(&headers,
                 "Access-Control-Allow-Methods: POST, OPTIONS\r\nAccess-Control-Max-Age: 300\r\n");
    if (wanted != NULL)
        buf_printf(&headers, "Access-Control-Allow-Headers: %.*s\r\n", SLICE_ARGS(*wanted));
    http_respond(exchange->stream, &(struct response){204, NULL, SLICE(""), buf_text(&headers)});
    buf_finish(&headers);
}

/* Names in lower case, as scripts see them. `names` holds their bytes. */
static unsigned copy_headers(const struct http_head *head, struct request_header *headers,
                             struct buf *names)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < head->field_count; i++)
        bytes += head->fields[i].name.len;
    char *at = buf_reserve(names, bytes + 1);
    for (unsigned i = 0; i < head->field_count; i++) {
        headers[i].name = slice_pack(&at, head->fields[i].name);
        headers[i].value = head->fields[i].value;
        for (size_t n = 0; n < headers[i].name.len; n++)
            ((char *)headers[i].name.at)[n] = (char)tolower((unsigned char)headers[i].name.at[n]);
    }
    return head->field_count;
}

struct session *visit_open(const struct exchange *exchange, const struct dialect *dialect)
{
    struct stream *stream = exchange->stream;
    struct request_header headers[HTTP_FIELDS_MAX];
    struct buf names = {0}, as = {0}, roles = {0};
    http_query(exchange->head->query, "as", &as);
    http_query(exchange->head->query, "roles", &roles);
    struct visit visit = {
        .ip = slice_of(stream->ip),
        .as = utf8_is_valid(buf_slice(&as)) ? buf_slice(&as) : SLICE(""),
        .roles = utf8_is_valid(buf_slice(&roles)) ? buf_slice(&roles) : SLICE(""),
        .headers = headers,
    };
    visit.header_count = copy_headers(exchange->head, headers, &names);
    stream->conn.dialect = dialect;
    struct session *session = session_open(&stream->conn, &visit);
    buf_finish(&names);
    buf_finish(&as);
    buf_finish(&roles);
    return session;
}
