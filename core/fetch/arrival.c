#include "fetch/inside.h"

/* A status line begins a head: of an interim response, or of the one that counts. */
static void begin_head(struct arrival *arrival)
{
    arrival->field_count = 0;
    buf_clear(&arrival->head);
}

static struct slice trim(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    while (end > at && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r' || end[-1] == '\n'))
        end--;
    return slice_make(at, (size_t)(end - at));
}

static void add_lower(struct buf *b, struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        buf_add_byte(b,
                     name.at[i] >= 'A' && name.at[i] <= 'Z' ? (char)(name.at[i] + 32) : name.at[i]);
}

/* Continued lines, which nobody sends any more, are left out. */
static void add_field(struct arrival *arrival, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (colon == NULL || colon == line || *line == ' ' || *line == '\t' ||
        arrival->field_count == FETCH_HEADERS_MAX)
        return;
    struct slice name = trim(line, colon), value = trim(colon + 1, line + len);
    size_t at = arrival->head.len;
    add_lower(&arrival->head, name);
    buf_add_slice(&arrival->head, value);
    arrival->fields[arrival->field_count].name = at;
    arrival->fields[arrival->field_count].name_len = name.len;
    arrival->fields[arrival->field_count].value = at + name.len;
    arrival->fields[arrival->field_count++].value_len = value.len;
}

/* Fields that come after the body are not fields of the answer: who relies on a header has looked
 * at the head. */
static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    struct arrival *arrival = context;
    size_t len = size * count;
    arrival->head_bytes += len;
    if (arrival->head_bytes > FETCH_HEADER_BYTES_MAX) {
        arrival->is_too_large = true;
        return 0;
    }
    if (slice_begins(slice_make(line, len), "HTTP/"))
        begin_head(arrival);
    else if (arrival->body.len == 0)
        add_field(arrival, line, len);
    return len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct arrival *arrival = context;
    size_t len = size * count;
    if (len > arrival->body_max - arrival->body.len) {
        arrival->is_too_large = true;
        return 0;
    }
    buf_add(&arrival->body, bytes, len);
    return len;
}

void arrival_listen(struct arrival *arrival, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, arrival);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, arrival);
}

void arrival_clear(struct arrival *arrival)
{
    begin_head(arrival);
    arrival->head_bytes = 0;
    buf_clear(&arrival->body);
}

void arrival_finish(struct arrival *arrival)
{
    buf_finish(&arrival->head);
    buf_finish(&arrival->body);
}

void arrival_answer(const struct arrival *arrival, struct fetch_header *fields,
                    struct fetch_answer *answer)
{
    for (size_t i = 0; i < arrival->field_count; i++)
        fields[i] = (struct fetch_header){
            slice_make(arrival->head.at + arrival->fields[i].name, arrival->fields[i].name_len),
            slice_make(arrival->head.at + arrival->fields[i].value, arrival->fields[i].value_len)};
    answer->headers = fields;
    answer->header_count = arrival->field_count;
    answer->body = buf_slice(&arrival->body);
}
