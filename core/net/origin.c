#include "net/origin.h"

static bool is_listed(struct slice origin, const char *list)
{
    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        struct slice entry = slice_make(list, len);
        while (entry.len > 0 && *entry.at == ' ')
            entry.at++, entry.len--;
        while (entry.len > 0 && entry.at[entry.len - 1] == ' ')
            entry.len--;
        if (entry.len > 0 && slice_is_equal(entry, origin))
            return true;
        list += len + (list[len] == ',');
    }
    return false;
}

static bool drop_prefix(struct slice *s, const char *prefix)
{
    size_t len = strlen(prefix);
    if (s->len < len || memcmp(s->at, prefix, len) != 0)
        return false;
    s->at += len;
    s->len -= len;
    return true;
}

static bool is_port(struct slice rest)
{
    if (rest.len == 0)
        return true;
    if (rest.at[0] != ':' || rest.len < 2 || rest.len > 6)
        return false;
    for (size_t i = 1; i < rest.len; i++)
        if (rest.at[i] < '0' || rest.at[i] > '9')
            return false;
    return true;
}

static bool is_this_machine(struct slice authority)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct slice rest = authority;
        if (drop_prefix(&rest, names[i]) && is_port(rest))
            return true;
    }
    return false;
}

static bool is_address(struct slice authority)
{
    if (authority.len == 0)
        return false;
    for (size_t i = 0; i < authority.len; i++)
        if (authority.at[0] != '[' && strchr("0123456789.:", authority.at[i]) == NULL)
            return false;
    return true;
}

bool origin_is_allowed(struct slice origin, const char *list, bool is_dev, struct slice host)
{
    if (is_listed(origin, list))
        return true;
    struct slice authority = origin;
    if (!is_dev || !(drop_prefix(&authority, "http://") || drop_prefix(&authority, "https://")))
        return false;
    return is_this_machine(authority) || (is_address(authority) && slice_is_equal(authority, host));
}
