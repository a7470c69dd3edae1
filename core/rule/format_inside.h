/* What the files of rule/format share. Nobody else's. */
#ifndef RULE_FORMAT_INSIDE_H
#define RULE_FORMAT_INSIDE_H

#include "rule/format.h"

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* Takes one byte if it is this one. */
static inline bool take(struct slice *rest, char byte)
{
    if (rest->len == 0 || *rest->at != byte)
        return false;
    *rest = slice_make(rest->at + 1, rest->len - 1);
    return true;
}

static inline struct slice skip_bytes(struct slice text, size_t count)
{
    return slice_make(text.at + count, text.len - count);
}

/* How many digits the text begins with. */
static inline size_t count_digits(struct slice text)
{
    size_t n = 0;
    while (n < text.len && is_digit(text.at[n]))
        n++;
    return n;
}

/* As far as the first of these bytes; all of it when there is none. */
static inline size_t length_until(struct slice text, const char *stops)
{
    size_t n = 0;
    while (n < text.len && (text.at[n] == '\0' || strchr(stops, text.at[n]) == NULL))
        n++;
    return n;
}

bool is_date_time(struct slice text);
bool is_date(struct slice text);
bool is_time(struct slice text);
bool is_duration(struct slice text);

bool is_email(struct slice text);
bool is_idn_email(struct slice text);
bool is_hostname(struct slice text);
bool is_ipv4(struct slice text);
bool is_ipv6(struct slice text);
bool is_uri(struct slice text);
bool is_uri_reference(struct slice text);
bool is_iri(struct slice text);
bool is_iri_reference(struct slice text);
bool is_uri_template(struct slice text);

#endif
