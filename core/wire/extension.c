#include "wire/extension.h"

#include <ctype.h>
#include <strings.h>

/* The shortest text that is no number of bits: what is longer need not be kept. */
enum { VALUE_KEPT = 3 };

struct parameter {
    struct slice name;
    bool has_value;
    char value[VALUE_KEPT]; /* without quotes; its beginning only */
    size_t value_len;
};

/* ---- the grammar: each takes its part off the front of `rest`, and is false when it is not there
 * ---- */

static bool is_token_byte(char c)
{
    return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?={}", c) == NULL;
}

static void pass_space(struct slice *rest)
{
    while (rest->len > 0 && (*rest->at == ' ' || *rest->at == '\t'))
        *rest = slice_make(rest->at + 1, rest->len - 1);
}

static bool take_byte(struct slice *rest, char byte)
{
    pass_space(rest);
    if (rest->len == 0 || *rest->at != byte)
        return false;
    *rest = slice_make(rest->at + 1, rest->len - 1);
    return true;
}

static bool take_token(struct slice *rest, struct slice *token)
{
    pass_space(rest);
    *token = slice_make(rest->at, 0);
    while (token->len < rest->len && is_token_byte(rest->at[token->len]))
        token->len++;
    *rest = slice_make(rest->at + token->len, rest->len - token->len);
    return token->len > 0;
}

static void keep(struct parameter *parameter, char byte)
{
    if (parameter->value_len < VALUE_KEPT)
        parameter->value[parameter->value_len++] = byte;
}

/* What stands between the quotes has to be a token. The first quote has been taken. */
static bool take_quoted(struct slice *rest, struct parameter *parameter)
{
    while (rest->len > 0 && *rest->at != '"') {
        size_t skip = *rest->at == '\\' ? 1 : 0;
        if (rest->len <= skip || !is_token_byte(rest->at[skip]))
            return false;
        keep(parameter, rest->at[skip]);
        *rest = slice_make(rest->at + skip + 1, rest->len - skip - 1);
    }
    return parameter->value_len > 0 && take_byte(rest, '"');
}

static bool take_value(struct slice *rest, struct parameter *parameter)
{
    struct slice token;
    parameter->has_value = true;
    if (take_byte(rest, '"'))
        return take_quoted(rest, parameter);
    if (!take_token(rest, &token))
        return false;
    for (size_t i = 0; i < token.len && i < VALUE_KEPT; i++)
        keep(parameter, token.at[i]);
    return true;
}

static bool take_parameter(struct slice *rest, struct parameter *parameter)
{
    *parameter = (struct parameter){0};
    if (!take_token(rest, &parameter->name))
        return false;
    return !take_byte(rest, '=') || take_value(rest, parameter);
}

/* ---- the offer ---- */

enum { BITS_LEAST = 8, BITS_MOST = 15 };
enum parameter_id { SERVER_CONTEXT, CLIENT_CONTEXT, SERVER_BITS, CLIENT_BITS, PARAMETER_COUNT };

static const char *const names[PARAMETER_COUNT] = {
    [SERVER_CONTEXT] = "server_no_context_takeover",
    [CLIENT_CONTEXT] = "client_no_context_takeover",
    [SERVER_BITS] = "server_max_window_bits",
    [CLIENT_BITS] = "client_max_window_bits",
};

/* 0: is none. */
static int bits_of(const struct parameter *parameter)
{
    const char *digits = parameter->value;
    int bits = 0;
    if (parameter->value_len > 2 || digits[0] == '0')
        return 0;
    for (size_t i = 0; i < parameter->value_len; i++) {
        if (!isdigit((unsigned char)digits[i]))
            return 0;
        bits = bits * 10 + (digits[i] - '0');
    }
    return bits >= BITS_LEAST && bits <= BITS_MOST ? bits : 0;
}

/* Whether we can keep what this parameter asks for. The client's window may be any: ours holds it.
 * Ours cannot be made smaller for one of those who share a frame. */
static bool can_keep(enum parameter_id id, const struct parameter *parameter)
{
    switch (id) {
    case SERVER_BITS:
        return parameter->has_value && bits_of(parameter) == BITS_MOST;
    case CLIENT_BITS:
        return !parameter->has_value || bits_of(parameter) > 0;
    default:
        return !parameter->has_value;
    }
}

static bool accept(const struct parameter *parameter, unsigned *seen)
{
    for (int id = 0; id < PARAMETER_COUNT; id++) {
        if (!slice_is(parameter->name, names[id]))
            continue;
        bool is_repeated = (*seen & 1u << id) != 0;
        *seen |= 1u << id;
        return !is_repeated && can_keep((enum parameter_id)id, parameter);
    }
    return false;
}

/* Reads an extension to its end, also when it is of no use. */
static bool read_offer(struct slice *rest, struct extension_terms *terms)
{
    struct slice name;
    struct parameter parameter;
    unsigned seen = 0;
    if (!take_token(rest, &name))
        return false;
    bool is_fine = slice_is(name, "permessage-deflate");
    while (take_byte(rest, ';')) {
        if (!take_parameter(rest, &parameter))
            return false;
        is_fine = is_fine && accept(&parameter, &seen);
    }
    if (is_fine && !terms->has_deflate)
        *terms = (struct extension_terms){.has_deflate = true,
                                          .asks_window = (seen & 1u << SERVER_BITS) != 0};
    return true;
}

/* Empty places between commas are passed over, as in every list of HTTP. */
static bool read_line(struct slice rest, struct extension_terms *terms)
{
    for (;;) {
        while (take_byte(&rest, ','))
            continue;
        if (rest.len == 0)
            return true;
        if (!read_offer(&rest, terms))
            return false;
        pass_space(&rest);
        if (rest.len > 0 && *rest.at != ',')
            return false;
    }
}

static bool is_ours(struct slice name)
{
    static const struct slice field = {"sec-websocket-extensions", 24};
    return name.len == field.len && strncasecmp(name.at, field.at, field.len) == 0;
}

bool extension_read(const struct http_head *head, struct extension_terms *terms)
{
    *terms = (struct extension_terms){0};
    for (unsigned i = 0; i < head->field_count; i++)
        if (is_ours(head->fields[i].name) && !read_line(head->fields[i].value, terms))
            return false;
    return true;
}

void extension_put(struct buf *out, const struct extension_terms *terms)
{
    if (!terms->has_deflate)
        return;
    buf_add_text(out, "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
                      "client_no_context_takeover");
    buf_add_text(out, terms->asks_window ? "; server_max_window_bits=15\r\n" : "\r\n");
}
