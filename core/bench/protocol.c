#include "bench/protocol.h"

const struct protocol *const protocols[] = {
    &protocol_weir, &protocol_raw, &protocol_nats, &protocol_mqtt, &protocol_socketio, NULL,
};

const struct protocol *protocol_find(const char *name)
{
    for (const struct protocol *const *at = protocols; *at != NULL; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return NULL;
}
