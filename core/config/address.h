/* HOST:PORT as the operator writes it: read strictly, and is it this machine only. */
#ifndef CONFIG_ADDRESS_H
#define CONFIG_ADDRESS_H

#include "base/error.h"
#include "base/slice.h"

enum { ADDRESS_HOST_MAX = 254 };

struct address {
    char host[ADDRESS_HOST_MAX]; /* "127.0.0.1", "::1" (no brackets), "localhost" */
    unsigned port;               /* 0 to 65535 */
    bool is_ipv6;                /* the host is an IPv6 address: brackets when written */
};

/* Takes 127.0.0.1:8000, [::1]:8000 and localhost:8000; nothing is looked up. False and err: what is
 * wrong with the text and how to write it. */
bool address_parse(struct slice text, struct address *address, struct error *err);

/* Nobody but this machine can reach it: localhost, 127.0.0.0/8 and ::1. */
bool address_is_loopback(const struct address *address);
/* It stands for every interface: 0.0.0.0 and ::. */
bool address_is_any(const struct address *address);

#endif
