#include "config/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

enum { PORT_MAX = 65535 };

static bool fail_address(struct slice text, const char *why, struct error *err)
{
    return fail(err, ERROR_CONFIG,
                "\"%.*s\" %s; write HOST:PORT, like 127.0.0.1:8000 or [::1]:8000", SLICE_ARGS(text),
                why);
}

/* The colon before the port, or NULL. */
static const char *find_last_colon(struct slice text)
{
    return text.len == 0 ? NULL : memrchr(text.at, ':', text.len);
}

static bool parse_port(struct slice digits, unsigned *port)
{
    *port = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9')
            return false;
        *port = *port * 10 + (unsigned)(digits.at[i] - '0');
        if (*port > PORT_MAX)
            return false;
    }
    return digits.len > 0;
}

static bool is_name(const char *host)
{
    return host[strspn(
               host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")] == '\0';
}

/* 127.1 and 1.2.3.4.5 look like addresses: nobody means them as names. */
static bool looks_like_ipv4(const char *host)
{
    return host[strspn(host, "0123456789.")] == '\0';
}

static const char *check_host(const struct address *address)
{
    unsigned char bytes[16];
    if (address->is_ipv6)
        return inet_pton(AF_INET6, address->host, bytes) == 1 ? NULL : "holds no IPv6 address";
    if (strchr(address->host, ':') != NULL)
        return "needs brackets around its IPv6 address";
    if (looks_like_ipv4(address->host))
        return inet_pton(AF_INET, address->host, bytes) == 1 ? NULL : "holds no IPv4 address";
    return is_name(address->host) ? NULL : "holds no host name";
}

bool address_parse(struct slice text, struct address *address, struct error *err)
{
    *address = (struct address){0};
    const char *colon = find_last_colon(text);
    if (colon == NULL)
        return fail_address(text, "has no port", err);
    struct slice host = slice_make(text.at, (size_t)(colon - text.at));
    struct slice port = slice_make(colon + 1, text.len - host.len - 1);
    address->is_ipv6 = host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
    if (address->is_ipv6)
        host = slice_make(host.at + 1, host.len - 2);
    if (host.len == 0)
        return fail_address(text, "has no host (0.0.0.0 is every interface)", err);
    if (host.len >= sizeof address->host || memchr(host.at, '\0', host.len) != NULL)
        return fail_address(text, "holds no host name", err);
    memcpy(address->host, host.at, host.len);
    const char *why = check_host(address);
    if (why != NULL)
        return fail_address(text, why, err);
    if (!parse_port(port, &address->port))
        return fail_address(text, "has no port from 0 to 65535", err);
    return true;
}

bool address_is_loopback(const struct address *address)
{
    struct in6_addr six;
    struct in_addr four;
    if (address->is_ipv6)
        return inet_pton(AF_INET6, address->host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
    if (inet_pton(AF_INET, address->host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == IN_LOOPBACKNET;
    return strcmp(address->host, "localhost") == 0;
}

bool address_is_any(const struct address *address)
{
    struct in6_addr six;
    struct in_addr four;
    if (address->is_ipv6)
        return inet_pton(AF_INET6, address->host, &six) == 1 && IN6_IS_ADDR_UNSPECIFIED(&six);
    return inet_pton(AF_INET, address->host, &four) == 1 && four.s_addr == htonl(INADDR_ANY);
}
