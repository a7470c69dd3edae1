#include "wire/http.h"

#include <strings.h>

#include "base/hex.h"

/* An event stream's first commands come in the target: a client with a hundred channels needs so much. */
enum { TARGET_MAX = 16 * 1024 };

static enum http_step refuse(struct http_refusal *refusal, int status, const char *why)
{
    *refusal = (struct http_refusal){status, why};
    return HTTP_BAD;
}

/* ---- bytes and words ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A set of the bytes 32 to 63 or 64 to 95 and so on, one bit each. */
#define BIT(c) (1u << ((c)&31))

static bool is_token_byte(char c)
{
    static const uint32_t marks[8] = {
        [1] = BIT('!') | BIT('#') | BIT('$') | BIT('%') | BIT('&') | BIT('\'') | BIT('*') |
              BIT('+') | BIT('-') | BIT('.'),
        [2] = BIT('^') | BIT('_'),
        [3] = BIT('`') | BIT('|') | BIT('~'),
    };
    return is_letter(c) || is_digit(c) || (marks[(unsigned char)c >> 5] & BIT(c)) != 0;
}

static bool is_target_byte(char c)
{
    return c > ' ' && c < 0x7f && c != '#';
}

static bool is_value_byte(char c)
{
    return ((unsigned char)c >= ' ' && c != 0x7f) || c == '\t';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static struct slice trim(struct slice s)
{
    while (s.len > 0 && is_space(s.at[s.len - 1]))
        s.len--;
    while (s.len > 0 && is_space(*s.at))
        s = slice_make(s.at + 1, s.len - 1);
    return s;
}

static bool is_word(struct slice s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.at ? s.at : "", word, s.len) == 0;
}

/* ---- the head: read once, left to right. Where the bytes end, more are asked for, so whatever was
 * refused is refused at its first wrong byte, however the bytes were cut. ---- */

struct reader {
    const char *at, *end;
    struct http_head *head;
    struct http_refusal *refusal;
    bool has_host, has_transfer_encoding;
};

static enum http_step bad(struct reader *r, int status, const char *why)
{
    return refuse(r->refusal, status, why);
}

/* Stops at the first byte that `is_part` denies; HTTP_MORE when there is none. */
static enum http_step read_run(struct reader *r, bool (*is_part)(char), struct slice *run)
{
    const char *begin = r->at;
    while (r->at < r->end && is_part(*r->at))
        r->at++;
    *run = slice_make(begin, (size_t)(r->at - begin));
    return r->at < r->end ? HTTP_DONE : HTTP_MORE;
}

static enum http_step read_byte(struct reader *r, char expected, int status, const char *why)
{
    if (r->at == r->end)
        return HTTP_MORE;
    if (*r->at != expected)
        return bad(r, status, why);
    r->at++;
    return HTTP_DONE;
}

static enum http_step read_line_end(struct reader *r)
{
    const char *why = "lines end with CR LF and hold no other control bytes";
    enum http_step step = read_byte(r, '\r', 400, why);
    return step == HTTP_DONE ? read_byte(r, '\n', 400, why) : step;
}

static enum http_step read_method(struct reader *r)
{
    enum http_step step = read_run(r, is_token_byte, &r->head->method);
    if (step != HTTP_DONE)
        return step;
    if (r->head->method.len == 0)
        return bad(r, 400, "the request must begin with a method");
    return read_byte(r, ' ', 400, "one space must follow the method");
}

/* HOST or HOST:PORT; the host a name, an IPv4 address or an IPv6 address in brackets. */
static bool is_host(struct slice s)
{
    bool is_bracketed = s.len > 0 && *s.at == '[';
    const char *marks = is_bracketed ? ":." : "-._~%";
    size_t i = is_bracketed ? 1 : 0, begin = i;
    while (i < s.len && (is_digit(s.at[i]) || is_letter(s.at[i]) || strchr(marks, s.at[i]) != NULL))
        i++;
    if (i == begin || (is_bracketed && (i == s.len || s.at[i++] != ']')))
        return false;
    if (i < s.len && s.at[i++] != ':')
        return false;
    while (i < s.len && is_digit(s.at[i]))
        i++;
    return i == s.len;
}

static void split_query(struct http_head *head, struct slice rest)
{
    const char *mark = rest.len > 0 ? memchr(rest.at, '?', rest.len) : NULL;
    head->path = rest;
    head->query = slice_make("", 0);
    if (mark == NULL)
        return;
    head->path.len = (size_t)(mark - rest.at);
    head->query = slice_make(mark + 1, rest.len - head->path.len - 1);
}

static size_t scheme_len(struct slice target)
{
    if (target.len >= 7 && strncasecmp(target.at, "http://", 7) == 0)
        return 7;
    return target.len >= 8 && strncasecmp(target.at, "https://", 8) == 0 ? 8 : 0;
}

static bool split_absolute(struct http_head *head)
{
    size_t begin = scheme_len(head->target), end = begin;
    while (end < head->target.len && head->target.at[end] != '/' && head->target.at[end] != '?')
        end++;
    head->host = slice_make(head->target.at + begin, end - begin);
    split_query(head, slice_make(head->target.at + end, head->target.len - end));
    if (head->path.len == 0)
        head->path = SLICE("/");
    return begin > 0 && is_host(head->host);
}

static bool split_target(struct http_head *head)
{
    if (*head->target.at == '/') {
        split_query(head, head->target);
        return true;
    }
    if (slice_is(head->target, "*")) {
        split_query(head, head->target);
        return slice_is(head->method, "OPTIONS");
    }
    return split_absolute(head);
}

static enum http_step read_target(struct reader *r)
{
    enum http_step step = read_run(r, is_target_byte, &r->head->target);
    if (r->head->target.len > TARGET_MAX)
        return bad(r, 414, "the request target is longer than 16384 bytes");
    if (step != HTTP_DONE)
        return step;
    if (*r->at != ' ' || r->head->target.len == 0)
        return bad(r, 400, "the request target holds a byte that must be percent-encoded");
    r->at++;
    if (!split_target(r->head))
        return bad(r, 400, "the request target must be a path or an http URL");
    return HTTP_DONE;
}

/* `HTTP/1.0` or `HTTP/1.1`; other versions of HTTP are told apart from what is not HTTP. */
static enum http_step read_version(struct reader *r)
{
    for (const char *c = "HTTP/1."; *c; c++) {
        if (r->at < r->end && *c == '1' && is_digit(*r->at) && *r->at != '1')
            return bad(r, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
        enum http_step step = read_byte(r, *c, 400, "the request line must end with HTTP/1.1");
        if (step != HTTP_DONE)
            return step;
    }
    if (r->at == r->end)
        return HTTP_MORE;
    if (!is_digit(*r->at))
        return bad(r, 400, "the request line must end with HTTP/1.1");
    r->head->minor = *r->at++ - '0';
    if (r->head->minor > 1)
        return bad(r, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    return read_line_end(r);
}

static enum http_step read_request_line(struct reader *r)
{
    enum http_step step = HTTP_DONE;
    if (r->at < r->end && *r->at == '\r')
        step = read_line_end(r);
    if (step == HTTP_DONE)
        step = read_method(r);
    if (step == HTTP_DONE)
        step = read_target(r);
    return step == HTTP_DONE ? read_version(r) : step;
}

/* ---- what some fields mean ---- */

static enum http_step take_host(struct reader *r, struct slice value)
{
    if (r->has_host)
        return bad(r, 400, "more than one Host");
    r->has_host = true;
    if (!is_host(value))
        return bad(r, 400, "Host is not a host name with an optional port");
    if (r->head->host.at == NULL) /* else the target named it */
        r->head->host = value;
    return HTTP_DONE;
}

static enum http_step take_length(struct reader *r, struct slice value)
{
    struct http_head *head = r->head;
    if (head->has_length)
        return bad(r, 400, "more than one Content-Length");
    head->has_length = true;
    bool is_too_long = false;
    for (size_t i = 0; i < value.len; i++) {
        if (!is_digit(value.at[i]))
            return bad(r, 400, "Content-Length must be digits");
        is_too_long |= head->length > (UINT64_MAX - 9) / 10;
        head->length = head->length * 10 + (uint64_t)(value.at[i] - '0');
    }
    if (value.len == 0)
        return bad(r, 400, "Content-Length must be digits");
    return is_too_long ? bad(r, 413, "the body is too large") : HTTP_DONE;
}

static enum http_step take_transfer_encoding(struct reader *r, struct slice value)
{
    if (r->has_transfer_encoding)
        return bad(r, 400, "more than one Transfer-Encoding");
    r->has_transfer_encoding = true;
    if (r->head->minor == 0)
        return bad(r, 400, "HTTP/1.0 has no Transfer-Encoding");
    if (!is_word(value, "chunked"))
        return bad(r, 501, "the only transfer coding understood is chunked, alone");
    r->head->is_chunked = true;
    return HTTP_DONE;
}

static enum http_step take_expect(struct reader *r, struct slice value)
{
    if (!is_word(value, "100-continue"))
        return bad(r, 417, "the only expectation understood is 100-continue");
    r->head->expects_continue = r->head->minor == 1;
    return HTTP_DONE;
}

static enum http_step take_field(struct reader *r, const struct http_field *field)
{
    static const struct {
        const char *name;
        enum http_step (*take)(struct reader *, struct slice);
    } known[] = {{"host", take_host},
                 {"content-length", take_length},
                 {"transfer-encoding", take_transfer_encoding},
                 {"expect", take_expect}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (is_word(field->name, known[i].name))
            return known[i].take(r, field->value);
    return HTTP_DONE;
}

static enum http_step read_field(struct reader *r)
{
    if (r->head->field_count == HTTP_FIELDS_MAX)
        return bad(r, 431, "more than 100 header fields");
    if (is_space(*r->at))
        return bad(r, 400, "a header field may not be continued on the next line");
    struct http_field *field = &r->head->fields[r->head->field_count];
    enum http_step step = read_run(r, is_token_byte, &field->name);
    if (step == HTTP_DONE && field->name.len == 0)
        return bad(r, 400, "a header field must begin with its name");
    if (step == HTTP_DONE)
        step = read_byte(r, ':', 400, "a colon must follow the name of a header field at once");
    if (step == HTTP_DONE)
        step = read_run(r, is_value_byte, &field->value);
    if (step == HTTP_DONE)
        step = read_line_end(r);
    if (step != HTTP_DONE)
        return step;
    field->value = trim(field->value);
    r->head->field_count++;
    return take_field(r, field);
}

static enum http_step end_head(struct reader *r)
{
    struct http_head *head = r->head;
    if (head->minor == 1 && !r->has_host)
        return bad(r, 400, "Host is missing");
    if (head->is_chunked && head->has_length)
        return bad(r, 400, "Content-Length beside Transfer-Encoding");
    head->keep_alive = !http_has_token(head, "connection", "close") &&
                       (head->minor == 1 || http_has_token(head, "connection", "keep-alive"));
    return HTTP_DONE;
}

static enum http_step read_fields(struct reader *r)
{
    while (r->at < r->end && *r->at != '\r') {
        enum http_step step = read_field(r);
        if (step != HTTP_DONE)
            return step;
    }
    enum http_step step = read_line_end(r);
    return step == HTTP_DONE ? end_head(r) : step;
}

enum http_step http_parse(struct slice in, struct http_head *head, size_t *used,
                          struct http_refusal *refusal)
{
    *head = (struct http_head){0};
    bool is_full = in.len >= HTTP_HEAD_BYTES_MAX;
    size_t len = is_full ? HTTP_HEAD_BYTES_MAX : in.len;
    const char *at = in.at ? in.at : "";
    struct reader r = {.at = at, .end = at + len, .head = head, .refusal = refusal};
    enum http_step step = read_request_line(&r);
    if (step == HTTP_MORE && is_full)
        return bad(&r, 414, "the request line is too long");
    if (step == HTTP_DONE)
        step = read_fields(&r);
    if (step == HTTP_MORE && is_full)
        return bad(&r, 431, "the request head is longer than 24576 bytes");
    *used = step == HTTP_DONE ? (size_t)(r.at - at) : 0;
    return step;
}

/* ---- questions about a head ---- */

const struct slice *http_find(const struct http_head *head, const char *name)
{
    for (unsigned i = 0; i < head->field_count; i++)
        if (is_word(head->fields[i].name, name))
            return &head->fields[i].value;
    return NULL;
}

static unsigned count_fields(const struct http_head *head, const char *name)
{
    unsigned count = 0;
    for (unsigned i = 0; i < head->field_count; i++)
        count += is_word(head->fields[i].name, name);
    return count;
}

/* Takes what comes before the first `separator` off the front; false when nothing is left. */
static bool take_part(struct slice *rest, char separator, struct slice *part)
{
    if (rest->at == NULL)
        return false;
    const char *end = rest->len > 0 ? memchr(rest->at, separator, rest->len) : NULL;
    *part = *rest;
    if (end == NULL) {
        *rest = (struct slice){0};
        return true;
    }
    part->len = (size_t)(end - rest->at);
    *rest = slice_make(end + 1, rest->len - part->len - 1);
    return true;
}

static bool list_has(struct slice list, const char *token)
{
    struct slice item;
    while (take_part(&list, ',', &item))
        if (is_word(trim(item), token))
            return true;
    return false;
}

bool http_has_token(const struct http_head *head, const char *name, const char *token)
{
    for (unsigned i = 0; i < head->field_count; i++)
        if (is_word(head->fields[i].name, name) && list_has(head->fields[i].value, token))
            return true;
    return false;
}

/* As a form has it: + is a space, and a + is %2B. */
static void put_decoded(struct buf *out, struct slice s)
{
    struct slice piece;
    for (bool is_first = true; take_part(&s, '+', &piece); is_first = false) {
        if (!is_first)
            buf_add_byte(out, ' ');
        percent_decode(piece, out);
    }
}

bool http_query(struct slice query, const char *name, struct buf *out)
{
    struct slice pair, key;
    size_t begin = out->len;
    while (take_part(&query, '&', &pair)) {
        take_part(&pair, '=', &key);
        put_decoded(out, key);
        const char *decoded = buf_text(out) + begin;
        bool is_it = slice_is(slice_make(decoded, out->len - begin), name);
        out->len = begin;
        if (!is_it)
            continue;
        put_decoded(out, pair);
        return true;
    }
    return false;
}

bool http_wants_upgrade(const struct http_head *head)
{
    return http_has_token(head, "upgrade", "websocket") ||
           http_find(head, "sec-websocket-key") != NULL;
}

/* 16 bytes are 22 digits of base64 and two signs of padding. The last digit carries two bits; what
 * is in its other four is not looked at, as RFC 6455 only speaks of the decoded value. */
static bool is_key(struct slice key)
{
    if (key.len != 24 || key.at[22] != '=' || key.at[23] != '=')
        return false;
    for (size_t i = 0; i < 22; i++) {
        char c = key.at[i];
        if (!is_digit(c) && !is_letter(c) && c != '+' && c != '/')
            return false;
    }
    return true;
}

static bool refuse_upgrade(struct http_refusal *refusal, int status, const char *why)
{
    refuse(refusal, status, why);
    return false;
}

static bool check_upgrade_request(const struct http_head *head, struct http_refusal *refusal)
{
    if (!slice_is(head->method, "GET") || head->minor != 1)
        return refuse_upgrade(refusal, 400, "a WebSocket is asked for by GET and HTTP/1.1");
    if (!http_has_token(head, "upgrade", "websocket"))
        return refuse_upgrade(refusal, 400,
                              "Upgrade: websocket is missing; a proxy may have dropped it");
    if (!http_has_token(head, "connection", "upgrade"))
        return refuse_upgrade(refusal, 400,
                              "Connection: upgrade is missing; a proxy may have dropped it");
    if (head->is_chunked || head->length > 0)
        return refuse_upgrade(refusal, 400, "a request for a WebSocket has no body");
    return true;
}

bool http_check_upgrade(const struct http_head *head, struct http_upgrade *upgrade,
                        struct http_refusal *refusal)
{
    if (!check_upgrade_request(head, refusal))
        return false;
    if (count_fields(head, "sec-websocket-version") > 1)
        return refuse_upgrade(refusal, 400, "more than one Sec-WebSocket-Version");
    const struct slice *version = http_find(head, "sec-websocket-version");
    if (version == NULL || !slice_is(*version, "13"))
        return refuse_upgrade(refusal, 426, "the only WebSocket version spoken here is 13");
    if (count_fields(head, "sec-websocket-key") != 1)
        return refuse_upgrade(refusal, 400, "there must be exactly one Sec-WebSocket-Key");
    const struct slice *key = http_find(head, "sec-websocket-key");
    if (!is_key(*key))
        return refuse_upgrade(refusal, 400, "Sec-WebSocket-Key must be 16 bytes in base64");
    const struct slice *protocols = http_find(head, "sec-websocket-protocol");
    *upgrade = (struct http_upgrade){*key, protocols ? *protocols : SLICE("")};
    return true;
}

const char *http_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].status == status)
            return texts[i].text;
    return status < 400 ? "OK" : "Error";
}
