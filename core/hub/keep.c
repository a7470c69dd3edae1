#include "hub/keep.h"

bool hub_keep(struct hub *hub, const struct effect *effect)
{
    struct error error;
    struct store *store = hub->options->store;
    struct store_write write = {effect->method, effect->data, effect->ms};
    uint64_t now = clock_steady_ms(hub->options->clock);
    if (effect->kind != EFFECT_STORE)
        return false;
    if (effect->data.at == NULL) {
        store_delete(store, effect->method, now);
    } else if (!store_set(store, &write, now, &error)) {
        stats_add(&hub->stats, STAT_STORE_REFUSED, 1);
        log_event(hub->options->log, LOG_ERROR, "store_refused", "reason", error.text, NULL);
    }
    return true;
}
